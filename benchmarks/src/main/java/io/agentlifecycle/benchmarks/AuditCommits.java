package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.storage.json.JsonStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** What signing makes of the store: each event is written down, chained and signed by the caller who then commits it. */
final class AuditCommits implements Subject {
    private static final int CALLERS = 8;

    /** One caller with a record and a chain of its own. */
    private static final class Caller {
        private final LifecycleStore store;
        private final Commit shape;
        private final List<AuditEvent> events;
        private final RecordKey key;
        private final Chain chain;
        private final Random random;
        private long version;

        Caller(LifecycleStore store, AuditSealer sealer, int number) {
            this.store = store;
            this.shape = Fleet.suspendAndResume(Optional.of(sealer)).get(0);
            this.events = Chain.shapes(shape);
            this.random = new Random(number);
            this.key = new RecordKey(TenantId.DEFAULT, RecordKey.AGENT, Fleet.randomId(random));
            this.chain = new Chain(sealer, "a/default/" + key.id());
        }

        /** Commits once. */
        int run() {
            StoredRecord record = ((Mutation.Put) shape.mutations().get(0)).next();
            version++;
            Mutation put =
                    new Mutation.Put(new StoredRecord(key, version, record.dueAt(), record.body(), record.index()));
            List<StoredEvent> written = new ArrayList<>();
            for (AuditEvent event : events) {
                written.add(StoredEvent.of(chain.add(event)));
            }
            Fleet.apply(store, new Commit(Fleet.requestId(random), shape.at(), List.of(), List.of(put), written));
            return 1;
        }
    }

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        Duration time = scale.round().dividedBy(2); // there are many subjects
        AuditSealer sealer = Commits.sealer();
        List<Double> unsigned = new ArrayList<>();
        List<Double> signed = new ArrayList<>();
        List<Double> raw = new ArrayList<>();
        List<Double> alone = new ArrayList<>();
        int line;
        try (JsonStore plain = JsonStore.open(scratch.resolve("unsigned"));
                JsonStore sealed = JsonStore.open(scratch.resolve("signed"))) {
            List<Commit> shape = Fleet.suspendAndResume(Optional.empty()).subList(0, 1);
            List<Replay> without = Replay.callers(CALLERS, plain, shape, 1);
            List<Caller> with = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                with.add(new Caller(sealed, sealer, i));
            }
            line = Commits.lineBytes(
                    scratch.resolve("signed"), caller -> with.get(caller).run());
            for (int i = 0; i <= scale.rounds(); i++) {
                double stored = Load.perSecond(
                        CALLERS, time, caller -> without.get(caller).run());
                double sealedToo =
                        Load.perSecond(CALLERS, time, caller -> with.get(caller).run());
                if (i > 0) { // the first round is for the compiler
                    unsigned.add(stored);
                    signed.add(sealedToo);
                    raw.add(Commits.raw(scratch.resolve("raw-" + i), line, time));
                    alone.add(Load.perSecond(1, time, caller -> with.get(caller).run()));
                }
            }
        }
        Figures.note(
                "commits/s: 8 callers unsigned %.0f, signed %.0f; raw append and fsync of %d bytes %.0f, 1 caller signed %.0f",
                Load.median(unsigned), Load.median(signed), line, Load.median(raw), Load.median(alone));
        return List.of(
                new Figure("audit-commits-8", Load.median(signed) / Load.median(unsigned), 0.5),
                new Figure("audit-commits-1", Load.median(alone) / Load.median(raw), 0.6));
    }
}
