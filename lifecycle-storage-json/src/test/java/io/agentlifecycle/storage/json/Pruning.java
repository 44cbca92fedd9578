package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Commits whose events can be told apart wherever they stand, and what is left of them when some are pruned. */
final class Pruning {
    private static final int STREAMS = 3;

    private Pruning() {}

    /** All that is there to be seen. */
    record Shown(
            List<StoredRecord> records,
            List<StoredEvent> events,
            List<List<StoredEvent>> trails,
            List<Disclosure> disclosures) {}

    static String stream(int number) {
        return "stream:" + number % STREAMS;
    }

    static long position(int number) {
        return number / STREAMS;
    }

    /** What no other event says. */
    static String text(int number) {
        return "text-" + number + "-of-somebody";
    }

    /** What no other event has as its signature. */
    static String signature(int number) {
        return "c2ln-" + number + "-Zm9y";
    }

    /** What no other commit discloses. */
    static String value(int number) {
        return "value-" + number + "-of-somebody";
    }

    static StoredEvent event(int number) {
        return new StoredEvent(
                stream(number),
                position(number),
                "{\"said\":\"\u00e4 " + text(number) + "\",\"n\":" + number + "}",
                Optional.of(signature(number)));
    }

    /** The event of that number, and another one of a stream that is never pruned; every second commit discloses something. */
    static Commit commit(int number) {
        List<Disclosure> disclosures =
                number % 2 == 0 ? List.of(new Disclosure(stream(number), position(number), value(number))) : List.of();
        return new Commit(
                new RequestId("r-" + number),
                Sample.NOON,
                List.of(),
                List.of(new Mutation.Put(Sample.record("agent:" + number % STREAMS, position(number) + 1))),
                List.of(event(number), Sample.event("kept", number)),
                disclosures);
    }

    /** Commits with numbers {@code from} to before {@code to}. */
    static void commit(LifecycleStore store, int from, int to) {
        for (int i = from; i < to; i++) {
            Sample.applied(store, commit(i));
        }
    }

    static Shown shown(LifecycleStore store) {
        Sample.Content content = Sample.content(store);
        List<List<StoredEvent>> trails = new ArrayList<>();
        List<Disclosure> disclosures = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
            trails.add(store.trail(stream(i), 0, 1_000));
            disclosures.addAll(store.disclosures(stream(i), 0, 1_000));
        }
        return new Shown(content.records(), content.events(), trails, disclosures);
    }

    /** What is there after the first {@code commits} of them, if these are pruned at their end. */
    static Shown shown(int commits, Map<String, Long> pruned) {
        try (LifecycleStore model = LifecycleStore.inMemory()) {
            commit(model, 0, commits);
            model.prune(pruned);
            return shown(model);
        }
    }

    /** Looks at every byte of every file for what was pruned. */
    static void assertGone(Map<Path, byte[]> files, Map<String, Long> pruned, int commits, String what) {
        files.forEach((path, bytes) -> {
            var content = new String(bytes, ISO_8859_1);
            for (int i = 0; i < commits; i++) {
                if (position(i) < pruned.getOrDefault(stream(i), 0L)) {
                    for (String text : List.of(text(i), signature(i), value(i))) {
                        if (content.contains(text)) {
                            throw new AssertionError(what + text + " stands in " + path);
                        }
                    }
                }
            }
        });
    }
}
