package io.agentlifecycle.credentials.keys;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What stands in the file of a key that is retired: some lines about it, and its public half in PEM. One line is an HMAC
 * under the passphrase over all the rest. Without it, who can write into the directory but does not know the passphrase
 * could add a key of his own to those that are believed.
 */
record RetiredKeyFile(Ed25519PublicKey key, Purpose purpose, Instant createdAt) {
    /** The text of the file, with a salt of its own. */
    String write(Passphrase passphrase, int iterations, SecureRandom random) {
        byte[] salt = new byte[Passphrase.SALT_BYTES];
        random.nextBytes(salt);
        var lines = new Lines(this, salt, iterations, "");
        return lines.withMac(lines.computeMac(passphrase)).text();
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @param file named in messages
     * @throws KeysUnavailableException if it is anything else, or the passphrase is another one
     */
    static RetiredKeyFile read(Path file, String text, Passphrase passphrase, int minIterations) {
        Lines lines = Lines.read(file, text, minIterations);
        String expected = lines.withMac("").computeMac(passphrase);
        if (!MessageDigest.isEqual(expected.getBytes(UTF_8), lines.mac().getBytes(UTF_8))) {
            throw new KeysUnavailableException(
                    file.toString(),
                    "was written with another passphrase, or changed",
                    "give the passphrase of then, or restore the file from a backup",
                    null);
        }
        return lines.content();
    }

    /** What can be read without the passphrase. */
    private record Lines(RetiredKeyFile content, byte[] salt, int iterations, String mac) {
        private static final Pattern FORM = Pattern.compile(
                "[^\n]+\npurpose: (.+)\ncreated: (.+)\nsalt: (.+)\niterations: ([0-9]+)\nmac: (.+)\n(-[^:]+)");

        String text() {
            return "A retired key of an Agent Lifecycle key set: it signs no more, and what it signed can be checked.\n"
                    + "purpose: " + content.purpose() + "\n"
                    + "created: " + content.createdAt() + "\n"
                    + "salt: " + Digests.base64Url(salt) + "\n"
                    + "iterations: " + iterations + "\n"
                    + "mac: " + mac + "\n"
                    + content.key().toPem();
        }

        Lines withMac(String mac) {
            return new Lines(content, salt, iterations, mac);
        }

        /** The HMAC over these lines, which have none yet. */
        String computeMac(Passphrase passphrase) {
            byte[] derived = passphrase.derive(salt, iterations);
            try {
                Mac hmac = Mac.getInstance("HmacSHA256");
                hmac.init(new SecretKeySpec(derived, "HmacSHA256"));
                return Digests.base64Url(hmac.doFinal(text().getBytes(UTF_8)));
            } catch (GeneralSecurityException e) {
                throw new AssertionError("every Java platform has HMAC-SHA-256", e);
            } finally {
                Arrays.fill(derived, (byte) 0);
            }
        }

        /** Reads loosely and then compares with what would have been written: so only that is read. */
        static Lines read(Path file, String text, int minIterations) {
            Matcher matcher = FORM.matcher(text);
            try {
                if (matcher.matches()) {
                    var content = new RetiredKeyFile(
                            Ed25519PublicKey.ofPem(matcher.group(6)),
                            Purpose.valueOf(matcher.group(1)),
                            Instant.parse(matcher.group(2)));
                    byte[] salt = Digests.fromBase64Url(matcher.group(3));
                    int iterations = Integer.parseInt(matcher.group(4));
                    var lines = new Lines(content, salt, iterations, matcher.group(5));
                    if (lines.text().equals(text)
                            && salt.length == Passphrase.SALT_BYTES
                            && iterations >= minIterations
                            && iterations <= Pbes2.MAX_ITERATIONS) {
                        return lines;
                    }
                }
            } catch (RuntimeException e) {
                // falls through to the one message for every way to be wrong
            }
            throw new KeysUnavailableException(
                    file.toString(), "is not a retired key as a key set writes it", "restore it from a backup", null);
        }
    }
}
