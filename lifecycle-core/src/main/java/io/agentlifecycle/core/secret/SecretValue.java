package io.agentlifecycle.core.secret;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A secret while it is used. It never prints itself, cannot be serialised, and {@link #reveal} is the only way to its text;
 * {@link #close} wipes it. Safe for use by many threads.
 */
public final class SecretValue implements AutoCloseable {
    private static final int MOST_CHARS = 65_536;

    private final ReentrantLock lock = new ReentrantLock();
    private final char[] text;
    private boolean closed;

    private SecretValue(char[] text) {
        this.text = text;
    }

    /** The secret with a copy of that text, 1 to 65,536 characters; whoever has the original wipes it. */
    public static SecretValue of(char[] text) {
        if (text.length == 0 || text.length > MOST_CHARS) {
            throw new IllegalArgumentException(
                    "a secret must have 1 to " + MOST_CHARS + " characters but had " + text.length);
        }
        return new SecretValue(text.clone());
    }

    /**
     * A copy of the secret text, to be handed to whom it is for; the caller wipes it.
     *
     * @throws IllegalStateException if it is closed
     */
    public char[] reveal() {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("this secret is closed; resolve it again");
            }
            return text.clone();
        } finally {
            lock.unlock();
        }
    }

    /** Wipes the secret. Closing it again has no effect. */
    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            Arrays.fill(text, '\0');
        } finally {
            lock.unlock();
        }
    }

    /** Compares in a time that depends on the lengths only. A closed one equals nothing but itself. */
    @Override
    public boolean equals(Object other) {
        if (this == other) {
            return true;
        }
        if (!(other instanceof SecretValue secret)) {
            return false;
        }
        byte[] mine = bytes();
        byte[] theirs = secret.bytes();
        boolean same = mine.length > 0 && MessageDigest.isEqual(mine, theirs);
        Arrays.fill(mine, (byte) 0);
        Arrays.fill(theirs, (byte) 0);
        return same;
    }

    /** The same for all secrets, so that it tells nothing of them. */
    @Override
    public int hashCode() {
        return 31;
    }

    /** None if it is closed. */
    private byte[] bytes() {
        lock.lock();
        try {
            if (closed) {
                return new byte[0];
            }
            ByteBuffer bytes = ByteBuffer.allocate(2 * text.length);
            bytes.asCharBuffer().put(CharBuffer.wrap(text));
            return bytes.array();
        } finally {
            lock.unlock();
        }
    }

    /** Not the secret. */
    @Override
    public String toString() {
        return "SecretValue[secret]";
    }
}
