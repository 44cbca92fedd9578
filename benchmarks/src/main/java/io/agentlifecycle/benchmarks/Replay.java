package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * One caller that stores what an agent stored, again and again, for a record of its own: the same sizes, without what the
 * engine does to get there. Not safe for use by several threads.
 */
final class Replay {
    private final LifecycleStore store;
    private final List<Commit> templates;
    private final int records;
    private final Random random;
    private final List<RecordKey> keys = new ArrayList<>();
    private long version;
    private long events;

    /** @param records how many records each commit changes */
    Replay(LifecycleStore store, List<Commit> templates, int records, long seed) {
        this.store = store;
        this.templates = templates;
        this.records = records;
        this.random = new Random(seed);
        for (int i = 0; i < records; i++) {
            keys.add(new RecordKey(TenantId.DEFAULT, RecordKey.AGENT, Fleet.randomId(random)));
        }
    }

    /** Commits once. */
    int run() {
        Commit template = templates.get((int) (version % templates.size()));
        version++;
        StoredRecord shape = ((Mutation.Put) template.mutations().get(0)).next();
        List<Mutation> puts = new ArrayList<>(records);
        for (RecordKey key : keys) {
            puts.add(new Mutation.Put(new StoredRecord(key, version, shape.dueAt(), shape.body(), shape.index())));
        }
        List<StoredEvent> written = new ArrayList<>();
        for (StoredEvent event : template.events()) {
            written.add(
                    new StoredEvent("a/default/" + keys.get(0).id(), events++, event.canonical(), event.signature()));
        }
        Fleet.apply(store, new Commit(Fleet.requestId(random), template.at(), List.of(), puts, written));
        return 1;
    }

    static List<Replay> callers(int callers, LifecycleStore store, List<Commit> templates, int records) {
        List<Replay> all = new ArrayList<>();
        for (int i = 0; i < callers; i++) {
            all.add(new Replay(store, templates, records, 1_000L * records + i));
        }
        return all;
    }
}
