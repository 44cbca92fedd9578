package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.error.KeysUnavailableException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.Supplier;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;

/** What the host gave to open the files with; closing it wipes it. For one thread. */
final class Passphrase implements AutoCloseable {
    static final int SALT_BYTES = 16;
    private static final int DERIVED_BITS = 256;

    /** The block of SHA-256, and the number that says that a key is for an HMAC: appendix B of RFC 7292. */
    private static final int PKCS12_BLOCK = 64;

    private static final byte PKCS12_FOR_MAC = 3;

    private final char[] chars;

    private Passphrase(char[] chars) {
        this.chars = chars;
    }

    /**
     * Asks for the passphrase; the array that comes is wiped by {@link #close}.
     *
     * @throws IllegalArgumentException if it is empty or has a NUL
     */
    static Passphrase from(Supplier<char[]> supplier) {
        var given = new Passphrase(requireNonNull(supplier.get(), "the passphrase that the supplier gave"));
        // A NUL at the end changes nothing in HMAC, so that an array that was wiped before would open what "" opens.
        for (char c : given.chars) {
            if (c == '\0') {
                given.close();
                throw new IllegalArgumentException(
                        "the passphrase has a NUL; the supplier must give a new array each time, since it is wiped");
            }
        }
        if (given.chars.length == 0) {
            throw new IllegalArgumentException("the passphrase is empty; the supplier must give one");
        }
        return given;
    }

    /** PBKDF2 with HMAC-SHA-256 over the UTF-8 of the passphrase: 32 bytes, which the caller wipes. */
    byte[] derive(byte[] salt, int iterations) {
        var spec = new PBEKeySpec(chars, salt, iterations, DERIVED_BITS);
        try {
            return SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                    .generateSecret(spec)
                    .getEncoded();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java platform has no PBKDF2 with HMAC-SHA-256", e);
        } finally {
            spec.clearPassword();
        }
    }

    /**
     * The key of the HMAC over a PKCS#12 file, 32 bytes, which the caller wipes: appendix B.2 of RFC 7292 with SHA-256, of
     * which one block is enough. The passphrase counts as UTF-16 with two zero bytes after it.
     */
    byte[] deriveForPkcs12(byte[] salt, int iterations) {
        byte[] utf16 = new byte[2 * chars.length + 2];
        for (int i = 0; i < chars.length; i++) {
            utf16[2 * i] = (byte) (chars[i] >> 8);
            utf16[2 * i + 1] = (byte) chars[i];
        }
        byte[] start = new byte[PKCS12_BLOCK + roundedUp(salt.length) + roundedUp(utf16.length)];
        try {
            Arrays.fill(start, 0, PKCS12_BLOCK, PKCS12_FOR_MAC);
            repeat(salt, start, PKCS12_BLOCK, PKCS12_BLOCK + roundedUp(salt.length));
            repeat(utf16, start, PKCS12_BLOCK + roundedUp(salt.length), start.length);
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            byte[] derived = sha256.digest(start);
            for (int i = 1; i < iterations; i++) {
                sha256.update(derived);
                sha256.digest(derived, 0, derived.length);
            }
            return derived;
        } catch (GeneralSecurityException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        } finally {
            Arrays.fill(utf16, (byte) 0);
            Arrays.fill(start, (byte) 0);
        }
    }

    private static int roundedUp(int length) {
        return (length + PKCS12_BLOCK - 1) / PKCS12_BLOCK * PKCS12_BLOCK;
    }

    private static void repeat(byte[] what, byte[] into, int from, int to) {
        for (int i = from; i < to; i++) {
            into[i] = what[(i - from) % what.length];
        }
    }

    /** Something to know this passphrase by when it is given again. */
    Mark mark(int iterations, SecureRandom random) {
        byte[] salt = new byte[SALT_BYTES];
        random.nextBytes(salt);
        return new Mark(salt, iterations, derive(salt, iterations));
    }

    @Override
    public void close() {
        Arrays.fill(chars, '\0');
    }

    /** Knows a passphrase again without having it, as slowly as anyone who guesses. */
    static final class Mark {
        private final byte[] salt;
        private final int iterations;
        private final byte[] derived;

        private Mark(byte[] salt, int iterations, byte[] derived) {
            this.salt = salt;
            this.iterations = iterations;
            this.derived = derived;
        }

        /**
         * Asks for the passphrase again. What is written under another one than the rest would make all of it unreadable.
         *
         * @param file named in messages
         * @throws KeysUnavailableException if it is another one now
         */
        Passphrase again(Supplier<char[]> supplier, Path file) {
            Passphrase given = from(supplier);
            boolean same = false;
            try {
                same = MessageDigest.isEqual(derived, given.derive(salt, iterations));
            } finally {
                if (!same) {
                    given.close();
                }
            }
            if (!same) {
                throw new KeysUnavailableException(
                        file.toString(),
                        "was opened with another passphrase than the one that came now",
                        "let the supplier give that one again",
                        null);
            }
            return given;
        }
    }
}
