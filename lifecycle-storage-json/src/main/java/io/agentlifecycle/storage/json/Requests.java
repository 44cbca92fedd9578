package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.RequestId;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The commits of the last 100,000 request ids, so that the same request is not stored twice. Its owner's lock protects it. */
final class Requests {
    private static final int MOST = 100_000;

    /** A commit that was stored. */
    record Done(long seq, String digest) {}

    private final Map<RequestId, Done> done = new LinkedHashMap<>();

    void add(RequestId id, Done commit) {
        done.put(id, commit);
        if (done.size() > MOST) {
            Iterator<RequestId> oldest = done.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
    }

    Optional<Done> find(RequestId id) {
        return Optional.ofNullable(done.get(id));
    }
}
