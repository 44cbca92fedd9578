package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.UnaryOperator;

/** All events, on shelves in order of age. Safe for use by many threads. */
final class EventLog {
    /** A part of a stream, and where it stands. */
    private record Part(Shelf shelf, long from, long to) {}

    /** Something that reads files. */
    interface Reading<T> {
        T read() throws IOException;
    }

    /** Takes commits from a shelf. */
    private interface Taking {
        List<LoggedCommit> take(Shelf shelf, long after, int events) throws IOException;
    }

    /** Something that copies or removes files. */
    interface Work {
        void run() throws IOException;
    }

    /** Whoever reads files holds it shared, whoever removes files holds it alone. */
    private final ReentrantReadWriteLock files = new ReentrantReadWriteLock();

    /** Held while all files are copied. */
    private final ReentrantLock copy = new ReentrantLock();

    /** One change of the list at a time; whoever reads needs no lock. */
    private final ReentrantLock change = new ReentrantLock();

    private volatile List<Shelf> shelves;
    private volatile Erasures erasures = Erasures.NONE;

    EventLog(List<? extends Shelf> shelves) {
        this.shelves = List.copyOf(shelves);
    }

    /** Adds the shelf of a new segment. */
    void add(Shelf next) {
        change(before -> {
            List<Shelf> more = new ArrayList<>(before);
            more.add(next);
            return more;
        });
    }

    /** Takes away the shelf of a segment that turned out to have nothing. */
    void remove(Shelf empty) {
        change(before -> before.stream().filter(shelf -> shelf != empty).toList());
    }

    /** Puts others in the place of the shelves that have the lines before {@code end}. */
    void replace(long end, List<? extends Shelf> by) {
        change(before -> {
            List<Shelf> next = new ArrayList<>(by);
            before.stream().filter(shelf -> shelf.end() > end).forEach(next::add);
            return next;
        });
    }

    private void change(UnaryOperator<List<Shelf>> by) {
        change.lock();
        try {
            shelves = List.copyOf(by.apply(shelves));
        } finally {
            change.unlock();
        }
    }

    // ---- erasures

    /** From here on nobody sees what line {@code seq} erases. */
    void erase(long seq, Line.Erase erase) {
        change.lock();
        try {
            erasures = erasures.and(seq, erase);
        } finally {
            change.unlock();
        }
    }

    /** Throws a CorruptStoreException if not all files with disclosures can be read. */
    void requireSoundDisclosures() throws IOException {
        reading(() -> {
            for (AuditSegment segment : audited().values()) {
                segment.requireSoundDisclosures();
            }
            return shelves;
        });
    }

    // ---- pruning

    /**
     * As much of it as there is at this moment: what comes later keeps its text. Throws a CorruptStoreException if files cannot
     * be read that would be written anew.
     */
    Prunes prunable(Map<String, Long> before) throws IOException {
        Prunes prunes = reading(() -> {
            List<Shelf> now = shelves;
            Map<String, Long> there = new HashMap<>();
            for (Map.Entry<String, Long> stream : before.entrySet()) {
                long position = Math.min(stream.getValue(), end(stream.getKey(), now));
                if (position > 0) {
                    there.put(stream.getKey(), position);
                }
            }
            return new Prunes(there);
        });
        for (AuditSegment segment : audited().values()) {
            requirePrunable(segment, prunes);
        }
        return prunes;
    }

    /** One at a time, since whoever removes files waits meanwhile, and whoever reads waits for them. */
    private void requirePrunable(AuditSegment segment, Prunes prunes) throws IOException {
        reading(() -> {
            if (shelves.contains(segment)) { // else it was read and written anew just now
                segment.requirePrunable(prunes);
            }
            return segment;
        });
    }

    /** The position after the last event of a stream. */
    private static long end(String stream, List<Shelf> shelves) throws IOException {
        for (int i = shelves.size() - 1; i >= 0; i--) {
            Optional<Shelf.Range> range = shelves.get(i).range(stream);
            if (range.isPresent()) {
                return range.get().end();
            }
        }
        return 0;
    }

    // ---- what is there

    /** What may still stand in files and is not shown. */
    Erasures erasures() {
        return erasures;
    }

    /** No file has any more what was erased by lines up to {@code seq}. */
    void forget(long seq) {
        change.lock();
        try {
            erasures = erasures.after(seq);
        } finally {
            change.unlock();
        }
    }

    // ---- what it has

    /** At least {@code limit} events of commits with numbers above {@code after}, if there are so many. */
    EventPage events(long after, int limit) throws IOException {
        List<StoredEvent> events = new ArrayList<>();
        long cursor = Math.max(after, 0);
        for (LoggedCommit commit : commitsAfter(cursor, limit)) {
            events.addAll(commit.commit().events());
            cursor = commit.seq();
        }
        return new EventPage(events, cursor);
    }

    /** Commits with numbers above {@code seq} until they have {@code limit} events, or all that follow. */
    List<LoggedCommit> commitsAfter(long seq, int limit) throws IOException {
        return commitsAfter(seq, limit, Shelf::commitsAfter);
    }

    private List<LoggedCommit> commitsAfter(long seq, int limit, Taking taking) throws IOException {
        return reading(() -> {
            List<LoggedCommit> commits = new ArrayList<>();
            int count = 0;
            for (Shelf shelf : shelves) {
                if (shelf.end() > seq + 1 && count < limit) {
                    List<LoggedCommit> more = taking.take(shelf, seq, limit - count);
                    commits.addAll(more);
                    count += more.stream()
                            .mapToInt(commit -> commit.commit().events().size())
                            .sum();
                }
            }
            return commits;
        });
    }

    /** The same with all that is disclosed of them. */
    List<LoggedCommit> disclosingCommitsAfter(long seq, int limit) throws IOException {
        Erasures erased = erasures; // before the shelves: what is forgotten meanwhile stands on none of them
        return commitsAfter(seq, limit, (shelf, after, count) -> {
            List<LoggedCommit> commits = new ArrayList<>();
            for (LoggedCommit commit : shelf.commitsAfter(after, count)) {
                List<Disclosure> shown = shown(shelf.disclosures(commit), erased);
                commits.add(new LoggedCommit(commit.seq(), commit.commit().disclosing(shown)));
            }
            return commits;
        });
    }

    /** What is disclosed of the events that {@link #trail} gives. */
    List<Disclosure> disclosures(String stream, long from, int limit) throws IOException {
        return reading(() -> {
            Erasures erased = erasures; // before the shelves
            long first = Math.max(from, 0);
            List<Disclosure> disclosures = new ArrayList<>();
            for (Part part : parts(stream, first, first + limit)) {
                disclosures.addAll(shown(part.shelf().disclosures(stream, part.from(), part.to()), erased));
            }
            return List.copyOf(disclosures);
        });
    }

    private static List<Disclosure> shown(List<Disclosed> all, Erasures erased) {
        return all.stream()
                .filter(disclosed -> !erased.hides(disclosed))
                .map(Disclosed::disclosure)
                .toList();
    }

    /** At most {@code limit} events of one stream, from position {@code from} on. */
    List<StoredEvent> trail(String stream, long from, int limit) throws IOException {
        return reading(() -> {
            long first = Math.max(from, 0);
            List<StoredEvent> events = new ArrayList<>();
            for (Part part : parts(stream, first, first + limit)) {
                events.addAll(part.shelf().events(stream, part.from(), part.to()));
            }
            return List.copyOf(events);
        });
    }

    /** The newest shelves first: whoever asks for the end of a long trail does not search all of them. */
    private Deque<Part> parts(String stream, long from, long to) throws IOException {
        List<Shelf> now = shelves;
        Deque<Part> parts = new ArrayDeque<>();
        for (int i = now.size() - 1; i >= 0; i--) {
            Optional<Shelf.Range> range = now.get(i).range(stream);
            if (range.isPresent()) {
                long begin = Math.max(from, range.get().first());
                long end = Math.min(to, range.get().end());
                if (begin < end) {
                    parts.addFirst(new Part(now.get(i), begin, end));
                }
                if (range.get().first() <= from) {
                    break;
                }
            }
        }
        return parts;
    }

    /** Runs {@code reading} while no file is removed. */
    private <T> T reading(Reading<T> reading) throws IOException {
        files.readLock().lock();
        try {
            return reading.read();
        } finally {
            files.readLock().unlock();
        }
    }

    /** Runs {@code copying}, which may take long, while no file is removed; reading goes on beside it. */
    void copying(Work copying) throws IOException {
        copy.lock();
        try {
            copying.run();
        } finally {
            copy.unlock();
        }
    }

    /**
     * Runs {@code removal} while nobody reads. If someone copies the files, it waits until that is done if it {@code must}
     * be, and does nothing else.
     */
    void removing(Work removal, boolean must) throws IOException {
        if (must) {
            copy.lock();
        } else if (!copy.tryLock()) {
            return;
        }
        try {
            files.writeLock().lock();
            try {
                removal.run();
            } finally {
                files.writeLock().unlock();
            }
        } finally {
            copy.unlock();
        }
    }

    /** The shelves that are audit segments, by what the manifest says of them. */
    Map<Manifest.Audit, AuditSegment> audited() {
        Map<Manifest.Audit, AuditSegment> found = new HashMap<>();
        for (Shelf shelf : shelves) {
            if (shelf instanceof AuditSegment segment) {
                found.put(segment.reference(), segment);
            }
        }
        return found;
    }

    /** The shelves that are segments of the journal and complete, up to line {@code seq}. */
    List<JournalShelf> complete(long seq) {
        List<JournalShelf> found = new ArrayList<>();
        for (Shelf shelf : shelves) {
            if (shelf instanceof JournalShelf journal && shelf.end() <= seq + 1) {
                found.add(journal);
            }
        }
        return found;
    }
}
