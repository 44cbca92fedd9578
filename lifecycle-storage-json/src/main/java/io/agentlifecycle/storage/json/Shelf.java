package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.store.StoredEvent;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** A file with events of consecutive commits. All shelves together are the log. Safe for use by many threads. */
sealed interface Shelf permits JournalShelf, AuditSegment {
    /**
     * A part of a stream.
     *
     * @param end the position after its last event
     */
    record Range(long first, long end) {}

    /** The number of the line after its last one; commits with a higher one stand on later shelves. */
    long end();

    /** What it has of a stream. */
    Optional<Range> range(String stream) throws IOException;

    /** The events of a stream from position {@code from} to before {@code to}; it has all of them. */
    List<StoredEvent> events(String stream, long from, long to) throws IOException;

    /** What is disclosed of the same events, in order of positions, whether it was erased or not. */
    List<Disclosed> disclosures(String stream, long from, long to) throws IOException;

    /** What is disclosed of the events of a commit that stands here, whether it was erased or not. */
    List<Disclosed> disclosures(LoggedCommit commit) throws IOException;

    /** Commits with numbers above {@code seq} until they have {@code events} events, or all that follow. */
    List<LoggedCommit> commitsAfter(long seq, int events) throws IOException;
}
