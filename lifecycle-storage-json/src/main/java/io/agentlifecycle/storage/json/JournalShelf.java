package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/** The events of one segment of the journal. Where they stand is kept in memory: 4 bytes for each event. */
final class JournalShelf implements Shelf {
    private final StorageIo io;
    private final Segment segment;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, IndexLine> streams = new HashMap<>();
    private final Offsets commits = new Offsets();
    private long[] seqs = new long[4];
    /** Whether any of its commits discloses something. */
    private volatile boolean isDisclosing;

    private volatile long end = Long.MAX_VALUE;

    JournalShelf(StorageIo io, Segment segment) {
        this.io = io;
        this.segment = segment;
    }

    Segment segment() {
        return segment;
    }

    @Override
    public long end() {
        return end;
    }

    /** The segment is complete; {@code next} is the number of the line after its last one. */
    void ends(long next) {
        end = next;
    }

    /** Takes in a commit that stands at {@code offset}. */
    void add(long seq, List<StoredEvent> events, boolean disclosing, long offset) {
        if (events.isEmpty()) {
            return;
        }
        lock.lock();
        try {
            if (commits.size() == seqs.length) {
                seqs = Arrays.copyOf(seqs, seqs.length * 2);
            }
            seqs[commits.size()] = seq;
            isDisclosing |= disclosing;
            commits.add(offset);
            for (StoredEvent event : events) {
                streams.computeIfAbsent(event.stream(), stream -> new IndexLine(stream, event.n(), new Offsets()))
                        .offsets()
                        .add(offset);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Optional<Range> range(String stream) {
        lock.lock();
        try {
            return Optional.ofNullable(streams.get(stream)).map(found -> new Range(found.first(), found.end()));
        } finally {
            lock.unlock();
        }
    }

    @Override
    public List<StoredEvent> events(String stream, long from, long to) throws IOException {
        List<StoredEvent> events = new ArrayList<>();
        for (LoggedCommit commit : commits(stream, from, to)) {
            commit.commit().events().stream()
                    .filter(event -> event.stream().equals(stream) && event.n() >= from && event.n() < to)
                    .forEach(events::add);
        }
        return events;
    }

    @Override
    public List<Disclosed> disclosures(String stream, long from, long to) throws IOException {
        List<Disclosed> found = new ArrayList<>();
        if (isDisclosing) {
            for (LoggedCommit commit : commits(stream, from, to)) {
                disclosures(commit).stream()
                        .filter(disclosed -> disclosed.disclosure().stream().equals(stream)
                                && disclosed.disclosure().n() >= from
                                && disclosed.disclosure().n() < to)
                        .forEach(found::add);
            }
            found.sort(Disclosed.ORDER);
        }
        return found;
    }

    @Override
    public List<Disclosed> disclosures(LoggedCommit commit) {
        return commit.commit().disclosures().stream()
                .map(disclosure -> new Disclosed(commit.seq(), disclosure))
                .toList();
    }

    /** Those that the events of a stream from position {@code from} to before {@code to} belong to. */
    private List<LoggedCommit> commits(String stream, long from, long to) throws IOException {
        Offsets places = new Offsets();
        lock.lock();
        try {
            IndexLine found = requireNonNull(streams.get(stream), stream);
            for (long n = from; n < to; n++) {
                places.add(found.offsets().get((int) (n - found.first())));
            }
        } finally {
            lock.unlock();
        }
        List<LoggedCommit> found = new ArrayList<>();
        for (int i = 0; i < places.size(); i++) {
            // two events of one commit stand at the same place
            if (i == 0 || places.get(i) != places.get(i - 1)) {
                found.add(read(places.get(i)));
            }
        }
        return found;
    }

    @Override
    public List<LoggedCommit> commitsAfter(long seq, int events) throws IOException {
        List<LoggedCommit> found = new ArrayList<>();
        int count = 0;
        for (int i = firstAfter(seq); count < events; i++) {
            Optional<LoggedCommit> commit = commit(i);
            if (commit.isEmpty()) {
                break;
            }
            found.add(commit.get());
            count += commit.get().commit().events().size();
        }
        return found;
    }

    private int firstAfter(long seq) {
        lock.lock();
        try {
            int found = Arrays.binarySearch(seqs, 0, commits.size(), seq);
            return found < 0 ? -found - 1 : found + 1;
        } finally {
            lock.unlock();
        }
    }

    private Optional<LoggedCommit> commit(int position) throws IOException {
        int offset;
        lock.lock();
        try {
            if (position >= commits.size()) {
                return Optional.empty();
            }
            offset = commits.get(position);
        } finally {
            lock.unlock();
        }
        return Optional.of(read(offset));
    }

    private LoggedCommit read(long offset) throws IOException {
        var file = new LineFile(io, segment.file());
        LineFile.Slice line =
                file.at(offset).orElseThrow(() -> segment.corrupt(offset, "a line that was durable is gone", null));
        Line read = segment.read(line.bytes(), 0, line.length(), offset);
        return new LoggedCommit(read.seq(), read.commit().orElseThrow());
    }
}
