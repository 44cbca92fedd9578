package io.agentlifecycle.testkit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.spi.SigningKeyStore;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A fake of a signer elsewhere, such as a key service or an HSM, around other keys: it signs as they do until it is told to be
 * slow, to fail, or to answer wrongly. Nothing here takes time by itself: a slow signer waits until the test lets a
 * call go on.
 *
 * <pre>{@code
 * RemoteSigner signer = RemoteSigner.of(keys);
 * signer.hold();
 * Future<Activation> slow = pool.submit(() -> manager.activate(agent)); // any command that signs
 * signer.awaitHeld(1);                                                  // it waits for its signature
 * signer.letOneGo();
 * slow.get();
 * }</pre>
 *
 * <p>Safe for use by many threads. {@link #close} lets everybody go.
 */
public final class RemoteSigner implements SigningKeyStore, AutoCloseable {
    private static final long LONGEST_SECONDS = 60;

    private enum Answer {
        RIGHT,
        FAILURE,
        WRONG
    }

    private final SigningKeyStore keys;
    private final Lock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private Answer answer = Answer.RIGHT;
    private int toHold;
    private int held;
    private int mayGo;
    private int calls;

    private RemoteSigner(SigningKeyStore keys) {
        this.keys = requireNonNull(keys, "keys");
    }

    /** A signer that works, with those keys. */
    public static RemoteSigner of(SigningKeyStore keys) {
        return new RemoteSigner(keys);
    }

    /** From here on every call fails with an {@link IllegalStateException}, as when the network is gone. */
    public void fail() {
        answer(Answer.FAILURE);
    }

    /** From here on it answers with a signature of the key over something else. */
    public void answerWrongly() {
        answer(Answer.WRONG);
    }

    /** From here on it signs again. */
    public void work() {
        answer(Answer.RIGHT);
    }

    private void answer(Answer next) {
        lock.lock();
        try {
            answer = next;
        } finally {
            lock.unlock();
        }
    }

    /** From here on every call waits until {@link #letOneGo} or {@link #letAllGo}. */
    public void hold() {
        holdNext(Integer.MAX_VALUE);
    }

    /** The next so many calls wait until {@link #letOneGo} or {@link #letAllGo}, and those that come after them do not. */
    public void holdNext(int count) {
        lock.lock();
        try {
            toHold = count;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Returns when so many calls wait at once.
     *
     * @throws AssertionError if they do not come within a minute
     */
    public void awaitHeld(int count) throws InterruptedException {
        lock.lock();
        try {
            long left = TimeUnit.SECONDS.toNanos(LONGEST_SECONDS);
            while (held < count) {
                if (left <= 0) {
                    throw new AssertionError("%d calls wait for their signature, not %d".formatted(held, count));
                }
                left = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    /** One call that waits goes on; it answers as the signer is told to at that time. */
    public void letOneGo() {
        lock.lock();
        try {
            mayGo = Math.min(mayGo + 1, held);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** All calls that wait go on, and none waits any more. */
    public void letAllGo() {
        lock.lock();
        try {
            toHold = 0;
            mayGo = held;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** How often it was asked to sign. */
    public int calls() {
        lock.lock();
        try {
            return calls;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public byte[] sign(String keyId, byte[] message) {
        return switch (awaitTurn()) {
            case RIGHT -> keys.sign(keyId, message);
            case FAILURE -> throw new IllegalStateException("the signer cannot be reached");
            case WRONG -> {
                byte[] other = new byte[message.length + 1];
                yield keys.sign(keyId, other);
            }
        };
    }

    private Answer awaitTurn() {
        lock.lock();
        try {
            calls++;
            if (toHold > 0) {
                toHold--;
                awaitRelease();
            }
            return answer;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("the call was interrupted", e);
        } finally {
            lock.unlock();
        }
    }

    private void awaitRelease() throws InterruptedException {
        held++;
        changed.signalAll();
        try {
            long left = TimeUnit.SECONDS.toNanos(LONGEST_SECONDS);
            while (mayGo == 0) {
                if (left <= 0) {
                    throw new AssertionError("nobody let this call go for a minute");
                }
                left = changed.awaitNanos(left);
            }
            mayGo--;
        } finally {
            held--;
        }
    }

    @Override
    public Purpose purpose() {
        return keys.purpose();
    }

    @Override
    public List<PublishedKey> publicKeys() {
        return keys.publicKeys();
    }

    @Override
    public PublishedKey generate() {
        return keys.generate();
    }

    @Override
    public void retire(String keyId) {
        keys.retire(keyId);
    }

    @Override
    public void destroy(String keyId) {
        keys.destroy(keyId);
    }

    @Override
    public void close() {
        letAllGo();
    }

    /** Of the keys that it signs with. */
    @Override
    public String toString() {
        return "RemoteSigner[" + keys + "]";
    }
}
