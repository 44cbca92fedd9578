package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SignatureVerifier;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Checks signatures on several threads before the one that follows the chains asks for them. It is asked in the same words,
 * and passes on what it was not ready for, so its answers are those of the verifier behind it, whatever the lines say and
 * whatever the helpers do. Only one thread may ask.
 *
 * <p>Nobody waits for a helper: a line goes to whoever comes first, and one that a helper still has when its answer is
 * needed is checked once more. So it makes no difference if the executor is slow, or never runs anything.
 */
final class SignaturesAhead implements SignatureVerifier {
    /** All that an answer depends on. */
    private record Question(PublicJwk key, String payloadType, String payload, ByteBuffer signature) {
        static Question of(PublicJwk key, String payloadType, String payload, byte[] signature) {
            return new Question(key, payloadType, payload, ByteBuffer.wrap(signature));
        }
    }

    /** Lines that are checked together. */
    private record Batch(List<String> lines, AtomicInteger taken, Map<Question, Boolean> answers) {
        static Batch of(List<String> lines) {
            return new Batch(lines, new AtomicInteger(), new ConcurrentHashMap<>());
        }
    }

    private static final String KEY_ID = ",\"kid\":\"";
    private static final int KEY_ID_CHARS = 43;

    private final SignatureVerifier verifier;
    private final Executor executor;
    private final int helpers;

    /** One permit for each helper that is not at work, so that no more wait in the executor than can work. */
    private final Semaphore idle;

    /**
     * The key of the log, and others from when on something was found to be signed by them, by their ids. Whoever writes a log
     * decides how many those are; the signatures of what there is no room for are checked when they are asked for.
     */
    private final Map<String, PublicJwk> keys = new ConcurrentHashMap<>();

    /** What helpers are at. */
    private volatile Batch next = Batch.of(List.of());

    /** What can be asked about. */
    private Batch now = next;

    /** @param key the key that most signatures will be of */
    SignaturesAhead(SignatureVerifier verifier, PublicJwk key, Executor executor, int helpers) {
        this.verifier = verifier;
        this.executor = executor;
        this.helpers = helpers;
        this.idle = new Semaphore(helpers);
        keys.put(key.keyId(), key);
    }

    /**
     * Says which lines come after those that were said the last time. Helpers begin with them; those of the last time are
     * checked now as far as they are not yet, and can be asked about. What was before is forgotten.
     */
    void expect(List<String> lines) {
        if (helpers > 0) {
            check(next);
        }
        now = next;
        next = Batch.of(lines);
        for (int i = 0; i < Math.min(helpers, lines.size()); i++) {
            if (idle.tryAcquire()) {
                executor.execute(this::help);
            }
        }
    }

    private void help() {
        try {
            Batch batch;
            do {
                batch = next;
                check(batch);
            } while (batch != next);
        } finally {
            idle.release();
        }
    }

    private void check(Batch from) {
        for (int i = from.taken.getAndIncrement(); i < from.lines.size(); i = from.taken.getAndIncrement()) {
            check(from.lines.get(i), from.answers);
        }
    }

    private void check(String line, Map<Question, Boolean> answers) {
        try {
            EventLine.Parts parts = EventLine.split(line);
            PublicJwk key = keys.get(keyId(parts.canonical()));
            if (key != null && parts.signature().isPresent()) {
                byte[] signature = Digests.fromBase64Url(parts.signature().get());
                answers.put(
                        Question.of(key, AuditEvent.PAYLOAD_TYPE, parts.canonical(), signature),
                        verifier.verify(key, AuditEvent.PAYLOAD_TYPE, parts.canonical(), signature));
            }
        } catch (IllegalArgumentException e) {
            // what is wrong with the line is for the one that follows the chains to say
        }
    }

    /** What a canonical event names as its key: of its members behind that one none has a key's id in it. */
    private static String keyId(String canonical) {
        int from = canonical.lastIndexOf(KEY_ID) + KEY_ID.length();
        int to = from + KEY_ID_CHARS;
        return to <= canonical.length() ? canonical.substring(from, to) : "";
    }

    @Override
    public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
        Boolean known = now.answers.get(Question.of(key, payloadType, payload, signature));
        if (known != null) {
            return known;
        }
        boolean good = verifier.verify(key, payloadType, payload, signature);
        if (good && keys.size() < LogKeys.MOST && !keys.containsValue(key)) {
            keys.put(key.keyId(), key);
        }
        return good;
    }
}
