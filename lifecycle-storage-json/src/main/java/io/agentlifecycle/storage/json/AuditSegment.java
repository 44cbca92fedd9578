package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The commits that said something, of consecutive lines of the journal, in a file that is never written again: when events of
 * it are pruned, another one takes its place. Beside it stands its index: where the events of each stream stand, in order of
 * streams and positions.
 */
final class AuditSegment implements Shelf {
    static final String DIRECTORY = "audit";

    private final StorageIo io;
    private final Manifest.Audit reference;
    private final LineFile commits;
    private final LineFile index;
    private final Optional<DisclosureFile> disclosures;
    private volatile boolean indexIsSound;

    AuditSegment(StorageIo io, Path directory, Manifest.Audit reference) {
        this.io = io;
        this.reference = reference;
        this.commits = new LineFile(io, directory.resolve(reference.file()));
        this.index = new LineFile(io, directory.resolve(reference.indexFile()));
        this.disclosures = reference
                .disclosures()
                .map(written -> new DisclosureFile(
                        io, directory.resolve(reference.disclosuresFile().orElseThrow()), written.sha256()));
    }

    Manifest.Audit reference() {
        return reference;
    }

    @Override
    public long end() {
        return reference.last() + 1;
    }

    @Override
    public Optional<Range> range(String stream) throws IOException {
        requireSoundIndex();
        Optional<IndexLine> first = indexLine(index.search((line, offset) -> before(read(line, offset), stream, -1)));
        if (first.isEmpty() || !first.get().stream().equals(stream)) {
            return Optional.empty();
        }
        long end = first.get().end();
        for (Optional<IndexLine> more = indexLine(stream, end); more.isPresent(); more = indexLine(stream, end)) {
            end = more.get().end();
        }
        return Optional.of(new Range(first.get().first(), end));
    }

    @Override
    public List<StoredEvent> events(String stream, long from, long to) throws IOException {
        requireSoundIndex();
        List<StoredEvent> events = new ArrayList<>();
        Optional<IndexLine> places = indexLine(stream, from);
        for (long n = from; n < to; n = from + events.size()) {
            if (places.isEmpty() || n >= places.get().end()) {
                places = indexLine(stream, n);
            }
            IndexLine here = places.orElseThrow(() -> index.corrupt(0, "stream " + stream + " is gone"));
            long offset = here.offsets().get((int) (n - here.first()));
            long expected = n;
            List<StoredEvent> found =
                    commit(offset).map(LoggedCommit::commit).map(Line.Committed::events).orElse(List.of()).stream()
                            .filter(event -> event.stream().equals(stream) && event.n() >= expected && event.n() < to)
                            .toList();
            if (found.isEmpty()) {
                throw commits.corrupt(offset, "event %d of stream %s is not there".formatted(n, stream));
            }
            events.addAll(found);
        }
        return events;
    }

    @Override
    public List<LoggedCommit> commitsAfter(long seq, int events) throws IOException {
        List<LoggedCommit> found = new ArrayList<>();
        long at = commits.search((line, offset) -> readCommit(line, offset).seq() <= seq);
        for (int count = 0;
                count < events;
                count += found.get(found.size() - 1).commit().events().size()) {
            Optional<LineFile.Slice> line = commits.at(at);
            if (line.isEmpty()) {
                break;
            }
            found.add(readCommit(line.get(), at));
            at = line.get().next();
        }
        return found;
    }

    @Override
    public List<Disclosed> disclosures(String stream, long from, long to) throws IOException {
        return disclosures.isEmpty() ? List.of() : disclosures.get().find(stream, from, to);
    }

    @Override
    public List<Disclosed> disclosures(LoggedCommit commit) throws IOException {
        List<Disclosed> found = new ArrayList<>();
        if (disclosures.isPresent()) {
            for (StoredEvent event : commit.commit().events()) {
                disclosures.get().find(event.stream(), event.n(), event.n() + 1).stream()
                        .filter(disclosed -> disclosed.seq() == commit.seq())
                        .forEach(found::add);
            }
        }
        return found;
    }

    /** Throws a {@link CorruptStoreException} if what is disclosed cannot be read. */
    void requireSoundDisclosures() throws IOException {
        if (disclosures.isPresent()) {
            disclosures.get().requireSound();
        }
    }

    /** What is disclosed without what is to be removed; empty if nothing of it is. */
    Optional<List<Disclosed>> without(Removals removals) throws IOException {
        boolean hides = false;
        for (Erasures.Place place : removals.erasures().lines().keySet()) {
            hides |= disclosures(place.stream(), place.n(), place.n() + 1).stream()
                    .anyMatch(removals::hide);
        }
        for (Map.Entry<String, Long> pruned : removals.prunes().before().entrySet()) {
            hides |= !disclosures(pruned.getKey(), 0, pruned.getValue()).isEmpty();
        }
        return hides ? Optional.of(disclosures.orElseThrow().without(removals)) : Optional.empty();
    }

    /** Whether it has the text of events that are to be pruned. Of each stream, what was pruned before comes first. */
    boolean hasTextOf(Prunes prunes) throws IOException {
        for (Map.Entry<String, Long> pruned : prunes.before().entrySet()) {
            Optional<Range> range = range(pruned.getKey());
            if (range.isPresent() && range.get().first() < pruned.getValue()) {
                long last = Math.min(range.get().end(), pruned.getValue()) - 1;
                if (!events(pruned.getKey(), last, last + 1).get(0).isPruned()) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Throws a {@link CorruptStoreException} if it would have to be written anew for that, and cannot be read. */
    void requirePrunable(Prunes prunes) throws IOException {
        requireSoundDisclosures();
        if (hasTextOf(prunes)) {
            requireDigest(Disk.sha256(io, commits.file()));
        }
    }

    /** Shows all commits in order. Throws a {@link CorruptStoreException} at the end if these were not all. */
    void each(AuditWriter.Taking taking) throws IOException {
        MessageDigest sha256 = Disk.sha256();
        commits.each((bytes, from, to, offset) -> {
            taking.take(readCommit(commits, bytes, from, to, offset));
            sha256.update(bytes, from, to + 1 - from);
        });
        requireDigest(Digests.base64Url(sha256.digest()));
    }

    private void requireDigest(String sha256) {
        if (!sha256.equals(reference.sha256())) {
            throw commits.corrupt(0, "its digest does not fit");
        }
    }

    private Optional<LoggedCommit> commit(long offset) throws IOException {
        Optional<LineFile.Slice> line = commits.at(offset);
        return line.isEmpty() ? Optional.empty() : Optional.of(readCommit(line.get(), offset));
    }

    private LoggedCommit readCommit(LineFile.Slice line, long offset) {
        return readCommit(commits, line.bytes(), 0, line.length(), offset);
    }

    /** The commit in {@code bytes[from, to)}, a line that stands at {@code offset} of an audit segment. */
    static LoggedCommit readCommit(LineFile file, byte[] bytes, int from, int to, long offset) {
        try {
            return LineReader.audit(bytes, from, to);
        } catch (LineReader.BadLineException e) {
            throw file.corrupt(offset, String.valueOf(e.getMessage()));
        }
    }

    // ---- the index

    /** A damaged index could hide a stream, so it is compared with its digest before it is used. */
    private void requireSoundIndex() throws IOException {
        if (!indexIsSound) {
            if (!io.exists(index.file()) || !Disk.sha256(io, index.file()).equals(reference.indexSha256())) {
                throw damagedIndex(index.file());
            }
            indexIsSound = true;
        }
    }

    static CorruptStoreException damagedIndex(Path file) {
        return new CorruptStoreException(
                file.toString(),
                0,
                "it is gone, or its digest does not fit",
                "close the store and run reindex, which makes it anew from the audit segment beside it",
                null);
    }

    /** The line that knows where that event stands. */
    private Optional<IndexLine> indexLine(String stream, long n) throws IOException {
        return indexLine(index.search((line, offset) -> before(read(line, offset), stream, n)))
                .filter(found -> found.stream().equals(stream) && found.first() <= n);
    }

    private Optional<IndexLine> indexLine(long offset) throws IOException {
        Optional<LineFile.Slice> line = index.at(offset);
        return line.isEmpty() ? Optional.empty() : Optional.of(read(line.get(), offset));
    }

    private static boolean before(IndexLine line, String stream, long n) {
        int order = line.stream().compareTo(stream);
        return order < 0 || order == 0 && line.end() <= n;
    }

    private IndexLine read(LineFile.Slice line, long offset) {
        try {
            return LineReader.index(line.bytes(), 0, line.length());
        } catch (LineReader.BadLineException e) {
            throw index.corrupt(offset, String.valueOf(e.getMessage()));
        }
    }
}
