package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.PemKeys;
import io.agentlifecycle.credentials.keys.Pkcs12Keys;
import io.agentlifecycle.storage.json.JsonStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import javax.crypto.Cipher;
import javax.crypto.EncryptedPrivateKeyInfo;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Secrets of a run are where they belong and nowhere else. */
class SecretsTest {
    /** Where {@code simplelogger.properties} has everything written that any test logs. */
    private static final Path LOG = Path.of("target/test-log.txt");

    private static final String PASSPHRASE = "correct horse battery staple";

    @TempDir
    Path home;

    @Test
    void no_token_no_seed_and_no_passphrase_is_logged_or_stored() throws Exception {
        MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
        var keys = new OpenKeys(
                PemKeys.openOrCreate(home.resolve("keys"), Purpose.CREDENTIALS, () -> PASSPHRASE.toCharArray(), clock));
        byte[] seed = seed(home.resolve("keys"));
        List<String> tokens = new ArrayList<>();
        List<String> said = new ArrayList<>();
        try (JsonStore store = JsonStore.open(home.resolve("store"))) {
            Ed25519CredentialIssuer issuer = Ed25519CredentialIssuer.create(keys);
            try (LifecycleManager manager = LifecycleManager.builder()
                    .policy(LifecyclePolicy.builder().requireApproval(false).build())
                    .store(store)
                    .clock(clock)
                    .credentials(issuer)
                    .listener(event -> {
                        throw new IllegalStateException("a listener that fails, so that core logs");
                    })
                    .credentialSink((agent, credential) -> {
                        tokens.add(credential.token().reveal());
                        throw new IOException(
                                "POST failed: " + credential.token().reveal());
                    })
                    .build()) {
                AgentId bot = manager.requestProvisioning(ProvisioningRequest.builder("Bot")
                                .owner("alice@company.com")
                                .capability("read")
                                .build())
                        .id();
                tokens.add(manager.activate(bot).issued().token().reveal());
                tokens.add(manager.rotateCredentials(bot).issued().token().reveal());
                CredentialVerifier verifier =
                        CredentialVerifier.builder(manager, issuer).cache(10).build();
                for (String token : List.copyOf(tokens)) {
                    said.add(verifier.verify(token).toString());
                    said.add(verifier.verify(token + ".").toString());
                    said.add(verifier.verify(token.substring(1)).toString());
                    keys.fail(Optional.of(new IllegalStateException("keys that fail, so that the verifier logs")));
                    said.add(verifier.verify(token).toString());
                    keys.fail(Optional.empty());
                }
                said.addAll(withProofs(manager, verifier, keys, tokens, clock));
                clock.advance(Duration.ofHours(14));
                said.add(manager.sweeper().sweep().toString());
                said.add(verifier + " " + issuer + " " + keys + " " + manager.auditTrail(bot) + " " + manager.get(bot));
                manager.verify();
            }
        }

        LoggerFactory.getLogger(SecretsTest.class).trace("the log is written up to here");
        String log = Files.readString(LOG, ISO_8859_1);
        assertThat(log)
                .as("what is looked at is the log")
                .contains(
                        "the log is written up to here",
                        "a listener that fails",
                        "keys that fail",
                        "DELIVER of a credential");
        byte[] proofSeed = seedOfPkcs12(home.resolve("proofs.p12"));
        for (byte[] each : List.of(seed, proofSeed)) {
            assertNothingOf(tokens, each, "the log", log);
            assertNothingOf(tokens, each, "what objects say of themselves", said.toString());
        }
        int files = 0;
        for (Path file : files(home)) {
            assertNothingOf(tokens, seed, file.toString(), Files.readString(file, ISO_8859_1));
            assertNothingOf(tokens, proofSeed, file.toString(), Files.readString(file, ISO_8859_1));
            files++;
        }
        assertThat(files).as("files of the keys and the store").isGreaterThan(3);
    }

    /** What is said of a bound token and its proofs, good ones and others; adds both to the tokens. */
    private List<String> withProofs(
            LifecycleManager manager,
            CredentialVerifier verifier,
            OpenKeys keys,
            List<String> tokens,
            MutableClock clock) {
        var proofKeys = Pkcs12Keys.openOrCreate(
                home.resolve("proofs.p12"), Purpose.PROOFS, () -> PASSPHRASE.toCharArray(), clock);
        DpopProver prover =
                DpopProver.create(proofKeys, proofKeys.publicKeys().get(0).keyId(), clock);
        AgentId holder = manager.requestProvisioning(ProvisioningRequest.builder("Holder")
                        .owner("alice@company.com")
                        .keyThumbprint(prover.keyThumbprint())
                        .build())
                .id();
        Token token = manager.activate(holder).issued().token();
        tokens.add(token.reveal());
        DpopRequest request = DpopRequest.of("GET", "https://tools.example/search?token=" + token.reveal());
        List<String> said = new ArrayList<>(List.of(prover.toString(), request.toString(), proofKeys.toString()));
        clock.advance(Holder.SETTLED);
        for (int i = 0; i < 2; i++) {
            String proof = prover.prove(request.method(), request.uri(), token);
            tokens.add(proof);
            for (String sent : List.of(proof, proof, proof + ".", proof.substring(1), token.reveal())) {
                said.add(verifier.verify(token.reveal(), sent, request).toString());
            }
            keys.fail(Optional.of(new IllegalStateException("keys that fail, so that the verifier logs")));
            said.add(verifier.verify(token.reveal(), proof, request).toString());
            keys.fail(Optional.empty());
        }
        assertThat(said).filteredOn(text -> text.startsWith("Accepted")).hasSize(2);
        return said;
    }

    /** Not even a signature, which is the secret part of a token. */
    private static void assertNothingOf(List<String> tokens, byte[] seed, String where, String text) {
        for (String token : tokens) {
            String signature = token.substring(token.lastIndexOf('.') + 1);
            assertThat(text.contains(token) || text.contains(signature.substring(0, 43)))
                    .as("a token in " + where)
                    .isFalse();
        }
        for (String form : List.of(
                new String(seed, ISO_8859_1),
                HexFormat.of().formatHex(seed),
                Base64.getUrlEncoder().withoutPadding().encodeToString(seed),
                Base64.getEncoder().encodeToString(seed),
                Arrays.toString(seed),
                PASSPHRASE)) {
            assertThat(text.contains(form))
                    .as("a seed or the passphrase in " + where)
                    .isFalse();
        }
    }

    /** The seed of the only key, read as another program would that has the passphrase. */
    private static byte[] seed(Path directory) throws IOException, GeneralSecurityException {
        String pem = Files.readString(files(directory).get(0));
        var info = new EncryptedPrivateKeyInfo(Base64.getMimeDecoder()
                .decode(pem.substring(pem.indexOf("-----BEGIN")).replaceAll("-----[A-Z ]+-----", "")));
        AlgorithmParameters parameters = info.getAlgParameters();
        Cipher cipher = Cipher.getInstance(parameters.toString());
        cipher.init(
                Cipher.DECRYPT_MODE,
                SecretKeyFactory.getInstance(parameters.toString())
                        .generateSecret(new PBEKeySpec(PASSPHRASE.toCharArray())),
                parameters);
        byte[] der = cipher.doFinal(info.getEncryptedData());
        // PrivateKeyInfo of RFC 8410: version, algorithm, and the seed in two octet strings
        int at = HexFormat.of().formatHex(der).indexOf("04220420") / 2 + 4;
        return Arrays.copyOfRange(der, at, at + 32);
    }

    /** The same of a PKCS#12 file, read by the JDK. */
    private static byte[] seedOfPkcs12(Path file) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(file.toFile(), PASSPHRASE.toCharArray());
        byte[] der = store.getKey(store.aliases().nextElement(), PASSPHRASE.toCharArray())
                .getEncoded();
        return Arrays.copyOfRange(der, 16, 48);
    }

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(Files::isRegularFile).toList();
        }
    }
}
