package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/** Commits that disclose something, and whether it is still somewhere. */
final class Disclosing {
    private static final int STREAMS = 3;

    private Disclosing() {}

    static String stream(int number) {
        return "stream:" + number % STREAMS;
    }

    static long position(int number) {
        return number / STREAMS;
    }

    /** What no other commit discloses. */
    static String marker(int number) {
        return "marker-" + number + "-of-somebody";
    }

    /** One event of the stream that comes next, with one or two disclosures. */
    static Commit commit(int number) {
        List<Disclosure> disclosures = new ArrayList<>();
        disclosures.add(new Disclosure(stream(number), position(number), marker(number)));
        if (number % 2 == 0) {
            disclosures.add(new Disclosure(
                    stream(number), position(number), "[\"salt\",\"\u00e4 \ud83e\udd16\",\"" + marker(number) + "\"]"));
        }
        return commit("r-" + number, List.of(Sample.event(stream(number), position(number))), disclosures);
    }

    static Commit commit(String request, List<StoredEvent> events, List<Disclosure> disclosures) {
        return new Commit(new RequestId(request), Sample.NOON, List.of(), List.of(), events, disclosures);
    }

    /** Erases what commit {@code number} disclosed. */
    static void erase(LifecycleStore store, int number) {
        store.erase(stream(number), List.of(position(number)));
    }

    /** All that is disclosed. */
    static List<Disclosure> all(LifecycleStore store) {
        List<Disclosure> all = new ArrayList<>();
        for (int i = 0; i < STREAMS; i++) {
            all.addAll(store.disclosures(stream(i), 0, 1_000));
        }
        return all;
    }

    /** What is disclosed after the first {@code commits} of them, if some of them were erased. */
    static List<Disclosure> all(int commits, Collection<Integer> erased) {
        try (LifecycleStore model = LifecycleStore.inMemory()) {
            for (int i = 0; i < commits; i++) {
                Sample.applied(model, commit(i));
            }
            erased.forEach(number -> erase(model, number));
            return all(model);
        }
    }

    /** The files that have this text. */
    static List<String> filesWith(Map<Path, byte[]> files, String text) {
        byte[] wanted = text.getBytes(US_ASCII);
        return files.entrySet().stream()
                .filter(file -> has(file.getValue(), wanted))
                .map(file -> String.valueOf(file.getKey().getFileName()))
                .toList();
    }

    private static boolean has(byte[] bytes, byte[] wanted) {
        outer:
        for (int i = 0; i <= bytes.length - wanted.length; i++) {
            for (int j = 0; j < wanted.length; j++) {
                if (bytes[i + j] != wanted[j]) {
                    continue outer;
                }
            }
            return true;
        }
        return false;
    }
}
