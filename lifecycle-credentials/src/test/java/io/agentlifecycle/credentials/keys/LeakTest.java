package io.agentlifecycle.credentials.keys;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.io.Serializable;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** No way leads from a private key out of the package. What stores say is looked at by their contract. */
class LeakTest {
    private static List<Class<?>> types() throws Exception {
        Path classes = Path.of(SigningKey.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI())
                .resolve(SigningKey.class.getPackageName().replace('.', '/'));
        List<Class<?>> types = new ArrayList<>();
        try (Stream<Path> files = Files.list(classes)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString().replace(".class", "");
                if (!name.equals("package-info")) {
                    types.add(Class.forName(SigningKey.class.getPackageName() + "." + name));
                }
            }
        }
        assertThat(types).hasSizeGreaterThan(10);
        return types;
    }

    @Test
    void five_types_are_public_and_their_methods_give_only_what_everybody_may_have() throws Exception {
        List<String> methods = new ArrayList<>();
        for (Class<?> type : types()) {
            if (Modifier.isPublic(type.getModifiers())) {
                assertThat(type).isFinal();
                assertThat(type.getConstructors()).isEmpty();
                assertThat(type.getFields()).isEmpty();
                Arrays.stream(type.getDeclaredMethods())
                        .filter(method -> Modifier.isPublic(method.getModifiers()))
                        .filter(method -> !method.isSynthetic())
                        .map(method -> type.getSimpleName() + "." + method.getName() + " "
                                + method.getReturnType().getSimpleName())
                        .forEach(methods::add);
            }
        }

        assertThat(methods)
                .containsExactlyInAnyOrder(
                        "CheckedKeys.of SigningKeyStore",
                        "CheckedKeys.purpose Purpose",
                        "CheckedKeys.publicKeys List",
                        "CheckedKeys.sign byte[]",
                        "CheckedKeys.generate PublishedKey",
                        "CheckedKeys.retire void",
                        "CheckedKeys.destroy void",
                        "CheckedKeys.toString String",
                        "Ed25519PublicKey.of Ed25519PublicKey",
                        "Ed25519PublicKey.of Ed25519PublicKey",
                        "Ed25519PublicKey.ofDidKey Ed25519PublicKey",
                        "Ed25519PublicKey.jwk PublicJwk",
                        "Ed25519PublicKey.keyId String",
                        "Ed25519PublicKey.didKey String",
                        "Ed25519PublicKey.toPem String",
                        "Ed25519PublicKey.verify boolean",
                        "Ed25519PublicKey.verifyEquation boolean",
                        "Ed25519PublicKey.equals boolean",
                        "Ed25519PublicKey.hashCode int",
                        "Ed25519PublicKey.toString String",
                        "InMemoryKeys.create InMemoryKeys",
                        "InMemoryKeys.purpose Purpose",
                        "InMemoryKeys.publicKeys List",
                        "InMemoryKeys.sign byte[]",
                        "InMemoryKeys.generate PublishedKey",
                        "InMemoryKeys.retire void",
                        "InMemoryKeys.destroy void",
                        "InMemoryKeys.toString String",
                        "PemKeys.openOrCreate PemKeys",
                        "PemKeys.purpose Purpose",
                        "PemKeys.publicKeys List",
                        "PemKeys.sign byte[]",
                        "PemKeys.generate PublishedKey",
                        "PemKeys.retire void",
                        "PemKeys.destroy void",
                        "PemKeys.toString String",
                        "Pkcs12Keys.openOrCreate Pkcs12Keys",
                        "Pkcs12Keys.purpose Purpose",
                        "Pkcs12Keys.publicKeys List",
                        "Pkcs12Keys.sign byte[]",
                        "Pkcs12Keys.generate PublishedKey",
                        "Pkcs12Keys.retire void",
                        "Pkcs12Keys.destroy void",
                        "Pkcs12Keys.toString String");
    }

    @Test
    void the_private_key_gives_its_bytes_away_in_one_method_and_cannot_be_serialized() throws Exception {
        assertThat(SigningKey.class.getDeclaredMethods())
                .filteredOn(method -> method.getReturnType() == byte[].class && !method.isSynthetic())
                .extracting(Method::getName)
                .containsExactlyInAnyOrder("sign", "secretSeedForItsFile");
        for (Class<?> type : types()) {
            assertThat(Serializable.class.isAssignableFrom(type))
                    .as(type.getName())
                    .isFalse();
        }
    }

    @Test
    void what_holds_a_key_or_a_passphrase_does_not_show_it() {
        var random = new KnownRandom();
        SigningKey key = SigningKey.generate(random);
        String hex = HexFormat.of().formatHex(random.seeds().get(0));
        String list = Arrays.toString(random.seeds().get(0));
        Passphrase passphrase = Passphrase.from("correct horse"::toCharArray);

        assertThat(key).hasToString("SigningKey[" + key.publicKey().keyId() + "]");
        assertThat(new PrivateKeyFile(key, Purpose.AUDIT, Instant.EPOCH).toString())
                .contains(key.publicKey().keyId())
                .doesNotContain(hex, list);
        var entry = new Pkcs12File.Entry(SelfSigned.of(key, Purpose.AUDIT, Instant.EPOCH), Optional.of(key));
        assertThat(new Pkcs12File(List.of(entry)).toString())
                .contains(key.publicKey().keyId())
                .doesNotContain(hex, list);
        assertThat(passphrase.toString()).doesNotContain("correct horse");
        assertThat(passphrase.mark(10, random).toString()).doesNotContain("correct horse");
    }
}
