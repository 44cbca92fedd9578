package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.RequestId;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The commits of the last 100,000 request ids, so that the same request is not stored twice. Its owner's lock protects it. */
final class Requests {
    private static final int MOST = 100_000;

    /** A commit that was stored. */
    record Done(long seq, String digest) {}

    /** A request that was stored. */
    record Entry(RequestId id, Done done) {}

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

    /** All of them, the oldest first. */
    List<Entry> entries() {
        List<Entry> entries = new ArrayList<>(done.size());
        done.forEach((id, commit) -> entries.add(new Entry(id, commit)));
        return entries;
    }
}
