package io.agentlifecycle.credentials.keys;

import static java.util.Objects.requireNonNull;

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

        boolean fits(Passphrase passphrase) {
            return MessageDigest.isEqual(derived, passphrase.derive(salt, iterations));
        }
    }
}
