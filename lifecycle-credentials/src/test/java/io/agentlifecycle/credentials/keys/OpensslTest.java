package io.agentlifecycle.credentials.keys;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code docs/keys.md} says of {@code openssl}, which must be on the path, at least in version 3.0. */
@Tag("host")
class OpensslTest {
    private static final String PASSPHRASE = "Größe 密码 🔑";

    @TempDir
    private Path directory;

    @Test
    void it_reads_the_files_and_agrees_with_our_signatures() throws Exception {
        Path keys = directory.resolve("keys");
        PemKeys store = PemKeys.openOrCreate(keys, Purpose.AUDIT, PASSPHRASE::toCharArray, InstantSource.system());
        String keyId = store.publicKeys().get(0).keyId();
        Ed25519PublicKey key = Ed25519PublicKey.of(store.publicKeys().get(0).jwk());
        Path privateFile = Directories.privateFile(keys, keyId);
        Path message = Files.writeString(directory.resolve("message"), "what is signed");
        byte[] ours = store.sign(keyId, Files.readAllBytes(message));
        Path signature = Files.write(directory.resolve("signature"), ours);

        assertThat(new String(openssl("pkey", "-in", privateFile, "-passin", "env:PASSPHRASE", "-pubout"), UTF_8))
                .isEqualTo(key.toPem());
        openssl(
                "pkeyutl",
                "-sign",
                "-rawin",
                "-inkey",
                privateFile,
                "-passin",
                "env:PASSPHRASE",
                "-in",
                message,
                "-out",
                directory.resolve("theirs"));
        assertThat(directory.resolve("theirs")).hasBinaryContent(ours);

        store.retire(keyId);
        Path publicFile = Directories.retiredFile(keys, keyId);
        assertThat(new String(openssl("pkey", "-pubin", "-in", publicFile), UTF_8))
                .isEqualTo(key.toPem());
        byte[] der = openssl("pkey", "-pubin", "-in", publicFile, "-outform", "DER");
        assertThat(Ed25519PublicKey.of(Arrays.copyOfRange(der, 12, 44)).didKey())
                .isEqualTo(key.didKey());
        openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", publicFile, "-in", message, "-sigfile", signature);
    }

    @Test
    void it_reads_a_pkcs12_file_and_its_certificates() throws Exception {
        Path file = directory.resolve("keys.p12");
        Pkcs12Keys store =
                Pkcs12Keys.openOrCreate(file, Purpose.AUDIT, PASSPHRASE::toCharArray, InstantSource.system());
        Ed25519PublicKey key = Ed25519PublicKey.of(store.publicKeys().get(0).jwk());
        Ed25519PublicKey retired = Ed25519PublicKey.of(store.generate().jwk());
        store.retire(retired.keyId());

        byte[] privateKey =
                openssl("pkcs12", "-in", file, "-passin", "env:PASSPHRASE", "-nocerts", "-passout", "env:PASSPHRASE");
        Path exported = Files.write(directory.resolve("exported.pem"), privateKey);
        assertThat(new String(openssl("pkey", "-in", exported, "-passin", "env:PASSPHRASE", "-pubout"), UTF_8))
                .isEqualTo(key.toPem());
        String certificates = new String(openssl("pkcs12", "-in", file, "-passin", "env:PASSPHRASE", "-nokeys"), UTF_8);
        assertThat(certificates.split("-----BEGIN CERTIFICATE-----", -1)).hasSize(3);
        for (Ed25519PublicKey each : List.of(key, retired)) {
            String from = certificates.substring(certificates.indexOf("friendlyName: " + each.keyId()));
            Path certificate = Files.writeString(
                    directory.resolve("certificate.pem"), from.substring(from.indexOf("-----BEGIN CERTIFICATE-----")));
            assertThat(new String(openssl("x509", "-in", certificate, "-noout", "-pubkey"), UTF_8))
                    .isEqualTo(each.toPem());
            openssl("verify", "-x509_strict", "-check_ss_sig", "-partial_chain", "-trusted", certificate, certificate);
        }
        assertThat(new String(openssl("pkcs12", "-in", file, "-passin", "env:PASSPHRASE", "-info", "-noout"), UTF_8))
                .contains(
                        "MAC: sha256, Iteration 1200000",
                        "PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256");
    }

    /** Runs it, sees that it succeeds, and returns what it printed. */
    private static byte[] openssl(Object... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("openssl"));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        var builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("PASSPHRASE", PASSPHRASE);
        builder.environment().put("LC_ALL", "C.UTF-8");
        Process process = builder.start();
        process.getOutputStream().close();
        byte[] output = process.getInputStream().readAllBytes();
        assertThat(process.waitFor())
                .as("%s: %s", command, new String(output, UTF_8))
                .isZero();
        return output;
    }
}
