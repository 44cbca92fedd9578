package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** All commits of a store in order, and what it shows after each of them. */
final class History {
    private final List<Long> seqs = new ArrayList<>();
    private final List<Commit> commits = new ArrayList<>();
    private final Map<Sample.Content, Integer> shown = new HashMap<>();

    /** Each commit with its number. {@code model} is a store that had none of them, and takes them now. */
    History(LifecycleStore model, Map<Long, Commit> numbered) {
        var sorted = new TreeMap<>(numbered);
        seqs.addAll(sorted.keySet());
        commits.addAll(sorted.values());
        Sample.Content before = Sample.content(model);
        List<StoredEvent> events = new ArrayList<>(before.events());
        shown.put(before, 0);
        for (Commit commit : commits) {
            Sample.applied(model, commit);
            events.addAll(commit.events());
            shown.put(new Sample.Content(Sample.records(model), List.copyOf(events)), shown.size());
        }
        if (shown.size() != commits.size() + 1) {
            throw new AssertionError("two commits leave the same behind");
        }
    }

    int size() {
        return commits.size();
    }

    /** The commit of that place, from 0. */
    Commit commit(int place) {
        return commits.get(place);
    }

    long seq(int place) {
        return seqs.get(place);
    }

    /** How many commits have a number up to {@code seq}. */
    int upTo(long seq) {
        return (int) seqs.stream().filter(one -> one <= seq).count();
    }

    /** After how many commits a store shows just that; -1 if it never does. */
    int after(Sample.Content content) {
        return shown.getOrDefault(content, -1);
    }
}
