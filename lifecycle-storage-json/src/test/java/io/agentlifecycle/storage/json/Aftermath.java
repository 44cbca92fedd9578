package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.storage.json.MemoryDisk.Loss;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Whether a store comes back from whatever a loss of power has left of its disk: it opens without help, shows all that
 * was promised and nothing but the first so many commits, goes on, and shows the same after the next loss of power.
 */
final class Aftermath {
    private static final Commit NEXT = Sample.put("~next", 1);

    private final History history;
    private final Limits limits;
    private final List<CrashRun.Backup> backups;
    private final Consumer<JsonStore> invariants;
    /** How many commits were found on a disk, by its fingerprint: the same disk is not looked at twice. */
    private final Map<Long, Integer> known = new ConcurrentHashMap<>();

    private final AtomicInteger images = new AtomicInteger();

    Aftermath(History history, Limits limits, List<CrashRun.Backup> backups, Consumer<JsonStore> invariants) {
        this.history = history;
        this.limits = limits;
        this.backups = List.copyOf(backups);
        this.invariants = invariants;
    }

    /** How many disks were judged. */
    int images() {
        return images.get();
    }

    /** How many of them were unlike all others. */
    int different() {
        return known.size();
    }

    /** Cuts the power after each change of the recording, with each loss, {@code seeds} times if chance plays a part. */
    void everywhere(Recording recording, int seeds) {
        int parts = 16;
        int places = recording.size() + 1;
        IntStream.range(0, parts)
                .parallel()
                .forEach(part -> recording.play(
                        places * part / parts,
                        places * (part + 1) / parts,
                        (disk, place) -> at(recording, disk, place, seeds)));
    }

    private void at(Recording recording, MemoryDisk disk, int place, int seeds) {
        for (Loss loss : Loss.values()) {
            boolean chance = loss == Loss.SECTORS || loss == Loss.GARBAGE;
            for (int seed = 0; seed < (chance ? seeds : 1); seed++) {
                MemoryDisk left = disk.after(loss, random(place, loss, seed));
                String what = describe(recording, place, loss, seed);
                for (CrashRun.Backup backup : backups) {
                    if (place >= backup.begun() && place < backup.done() + 20) {
                        judge(backup, new MemoryIo(left.copy()), place, what);
                    }
                }
                judge(left, loss, recording.promised(place), what);
            }
        }
    }

    static Random random(int place, Loss loss, int seed) {
        return new Random(place * 1_000_003L + seed * 31L + loss.ordinal());
    }

    static String describe(Recording recording, int place, Loss loss, int seed) {
        return "power cut after change %d (%s), loss %s, seed %d: "
                .formatted(place, recording.before(place), loss, seed);
    }

    /** {@code promised} is the number of the last commit that may not be lost. Returns how many commits are there. */
    int judge(MemoryDisk left, Loss loss, long promised, String what) {
        images.incrementAndGet();
        // what is not durable cannot be told from the files, so a disk that nothing was lost of is always looked at
        Optional<Long> fingerprint = loss == Loss.NONE ? Optional.empty() : Optional.of(left.fingerprint());
        Integer found = fingerprint.map(known::get).orElse(null);
        if (found == null) {
            try {
                requireAllThatIsNamed(new MemoryIo(left.copy()));
                found = recover(new MemoryIo(left));
            } catch (IOException | RuntimeException | AssertionError e) {
                throw new AssertionError(what + e.getMessage(), e);
            }
            int commits = found;
            fingerprint.ifPresent(print -> known.put(print, commits));
        }
        if (found < history.upTo(promised)) {
            throw new AssertionError(
                    "%s%d commits were promised and %d are there".formatted(what, history.upTo(promised), found));
        }
        return found;
    }

    /** Also the older generation, which an opening does not need: nothing is removed while a manifest names it. */
    private static void requireAllThatIsNamed(MemoryIo io) throws IOException {
        if (!io.exists(Sample.DIRECTORY.resolve(Manifest.NAME))) {
            return;
        }
        Manifest manifest = Manifest.read(io, Sample.DIRECTORY);
        List<String> named = new ArrayList<>();
        Stream.of(manifest.snapshot(), manifest.previous())
                .flatMap(Optional::stream)
                .forEach(reference -> named.add(reference.file()));
        manifest.audit().forEach(audit -> named.addAll(List.of(audit.file(), audit.indexFile())));
        named.add(String.valueOf(
                Segment.at(Sample.DIRECTORY, manifest.journalFrom()).file().getFileName()));
        for (String name : named) {
            if (!io.exists(Sample.DIRECTORY.resolve(name))) {
                throw new AssertionError("the manifest names " + name + ", which is gone");
            }
        }
    }

    /** A copy that is complete opens and has all; one that is not is refused, or has all that was promised then. */
    private void judge(CrashRun.Backup backup, MemoryIo io, int place, String what) {
        boolean named = io.exists(backup.directory().resolve(Manifest.NAME));
        if (place < backup.done() && !named) {
            return;
        }
        try (JsonStore copy = JsonStore.open(backup.directory(), io, limits)) {
            int found = history.after(Sample.content(copy));
            if (found < history.upTo(backup.promised())) {
                throw new AssertionError(
                        "%sthe copy shows %d of %d commits".formatted(what, found, history.upTo(backup.promised())));
            }
        } catch (StoreException e) {
            throw new AssertionError(what + "the copy does not open: " + e.getMessage(), e);
        }
    }

    /** Cuts the power a second time after each change that an opening makes. */
    void again(MemoryDisk left, long promised, String what) {
        var io = new MemoryIo(left);
        Recording opening = io.record();
        JsonStore store = JsonStore.open(Sample.DIRECTORY, io, limits);
        int found = history.after(Sample.content(store));
        opening.promise(found == 0 ? 0 : history.seq(found - 1));
        store.close();
        opening.play(0, opening.size() + 1, (disk, place) -> {
            for (Loss loss : Loss.values()) {
                judge(
                        disk.after(loss, random(place, loss, 0)),
                        loss,
                        Math.max(promised, opening.promised(place)),
                        what + "and then " + describe(opening, place, loss, 0));
            }
        });
    }

    private int recover(MemoryIo io) {
        int commits;
        Sample.Content shown;
        MemoryIo cut;
        Optional<Sample.Content> readOnly = readOnly(io);
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, io, limits)) {
            Sample.Content found = Sample.content(store);
            commits = history.after(found);
            if (commits < 0) {
                throw new AssertionError("it shows what was never there: " + found);
            }
            readOnly.ifPresent(read -> same(found, read));
            if (commits > 0) {
                same(
                        Optional.of(new CommitResult.Applied(history.seq(commits - 1))),
                        store.findCommit(history.commit(commits - 1).requestId()));
            }
            if (commits < history.size()) {
                same(Optional.empty(), store.findCommit(history.commit(commits).requestId()));
            }
            invariants.accept(store);
            Sample.applied(store, NEXT);
            shown = Sample.content(store);
            cut = io.crash();
        }
        same(shown, content(cut)); // after the next loss of power
        same(shown, content(io)); // and after it was closed
        return commits;
    }

    /** What a reader sees who may change nothing, if there is a store. */
    private Optional<Sample.Content> readOnly(MemoryIo io) {
        if (!io.exists(Sample.DIRECTORY.resolve(Manifest.NAME))) {
            return Optional.empty();
        }
        try (ReadOnlyStore store = JsonStore.openReadOnly(Sample.DIRECTORY, io, Long.MAX_VALUE)) {
            return Optional.of(Sample.content(store));
        }
    }

    private Sample.Content content(MemoryIo io) {
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, io, limits)) {
            return Sample.content(store);
        }
    }

    private static void same(Object expected, Object found) {
        if (!expected.equals(found)) {
            throw new AssertionError("expected " + expected + " and found " + found);
        }
    }
}
