package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads the whole log, checks every chain, computes every agent from its events, and compares. It keeps one agent and
 * one hash per stream in memory. Commits may go on meanwhile.
 */
final class Verifier {
    private static final int PAGE = 1_000;
    private static final int MOST_FINDINGS = 100;

    /** What a stream's events say so far. */
    private static final class Stream {
        private StreamHead head;
        private @Nullable Agent agent;
        private String scheduleSha256 = "";
        private boolean broken;

        Stream(String name) {
            head = StreamHead.of(name);
        }
    }

    private final LifecycleStore store;
    private final String origin;
    private final Map<String, Stream> streams = new HashMap<>();
    private final List<String> findings = new ArrayList<>();
    private long events;
    private long unsigned;
    private long agents;

    Verifier(LifecycleStore store, String origin) {
        this.store = store;
        this.origin = origin;
    }

    Verification verify() {
        long cursor = 0;
        EventPage page = store.events(cursor, PAGE);
        while (!page.events().isEmpty() || page.cursor() != cursor) {
            page.events().forEach(this::check);
            cursor = page.cursor();
            page = store.events(cursor, PAGE);
        }
        compareLog();
        compareAgents();
        streams.forEach((name, stream) -> {
            if (!name.equals(StreamPosition.LOG) && stream.agent != null) {
                find("stream " + name + " has events, but its agent's record is gone");
            }
        });
        if (!findings.isEmpty()) {
            throw new AuditTamperedException(findings);
        }
        return new Verification(events, streams.size(), agents, unsigned);
    }

    private void check(StoredEvent stored) {
        events++;
        Stream stream = streams.computeIfAbsent(stored.stream(), Stream::new);
        if (stream.broken) {
            return;
        }
        try {
            take(stream, stored);
        } catch (IllegalArgumentException e) {
            stream.broken = true;
            find("event %d of stream %s: %s".formatted(stored.n(), stored.stream(), e.getMessage()));
        }
    }

    private void take(Stream stream, StoredEvent stored) {
        SealedEvent sealed = SealedEvent.read(stored.canonical(), stored.signature());
        AuditEvent event = sealed.event();
        if (!event.log().equals(origin)) {
            throw new IllegalArgumentException("it belongs to another log, " + event.log());
        }
        if (!event.position().equals(stream.head.next())
                || stored.n() != event.position().n()) {
            throw new IllegalArgumentException("it does not follow event "
                    + (stream.head.next().n() - 1) + ": one was changed, lost, added or moved");
        }
        if (event.at().isBefore(stream.head.lastAt())) {
            throw new IllegalArgumentException("it is earlier than the event before it");
        }
        if (sealed.signature().isEmpty()) {
            unsigned++;
        }
        if (event.position().stream().equals(StreamPosition.LOG)) {
            if (event.kind() == EventKind.LOG_GENESIS || event.kind() == EventKind.POLICY_CHANGED) {
                stream.scheduleSha256 = new JsonFields("details", event.details()).string("schedule");
            }
        } else {
            Agent before = stream.agent;
            stream.agent = before == null
                    ? Replay.begin(keyOf(event.position().stream()), event)
                    : Replay.apply(before, event);
        }
        stream.head = StreamHead.after(sealed);
    }

    private static AgentKey keyOf(String stream) {
        String[] parts = stream.split("/", -1);
        if (parts.length != 3 || !parts[0].equals("a")) {
            throw new IllegalArgumentException("there is no stream of that name");
        }
        return new AgentKey(TenantId.of(parts[1]), AgentId.of(parts[2]));
    }

    private void compareLog() {
        Optional<LogRecord> stored;
        try {
            stored = store.get(LogRecord.KEY).map(LogRecord::decode);
        } catch (AuditTamperedException e) {
            find(e.findings().get(0));
            return;
        }
        if (stored.isEmpty()) {
            find("the record of stream log is gone");
            return;
        }
        Stream stream = catchUp(StreamPosition.LOG, stored.get().head());
        if (!stream.broken
                && !(stream.head.equals(stored.get().head())
                        && stream.scheduleSha256.equals(stored.get().scheduleSha256()))) {
            find("stream log ends at event %d, but its record says otherwise: its tail was cut, or the record changed"
                    .formatted(stream.head.next().n() - 1));
        }
    }

    private void compareAgents() {
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = store.query(RecordQuery.of(RecordKey.AGENT), after, PAGE);
            page.items().forEach(this::compare);
            after = page.next();
        } while (after.isPresent());
    }

    private void compare(StoredRecord record) {
        agents++;
        try {
            AgentCodec.Stored stored = AgentCodec.decode(record);
            String name = StreamPosition.streamOf(stored.agent().key());
            Stream stream = catchUp(name, stored.head());
            Agent replayed = stream.agent;
            stream.agent = null;
            if (stream.broken) {
                return;
            }
            if (!stream.head.equals(stored.head())) {
                find(
                        "stream %s ends at event %d, but its record counts %d events: its tail was cut, or the record changed"
                                .formatted(
                                        name,
                                        stream.head.next().n() - 1,
                                        stored.head().next().n()));
            } else if (replayed == null
                    || !replayed.at(record.version()).equals(stored.agent())
                    || !AgentCodec.index(replayed).equals(record.index())) {
                find("the record of agent %s is not what its events say"
                        .formatted(stored.agent().key()));
            }
        } catch (AuditTamperedException e) {
            find(e.findings().get(0));
        }
    }

    /** Takes in what was committed after the log was read and before the record was. */
    private Stream catchUp(String name, StreamHead head) {
        Stream stream = streams.computeIfAbsent(name, Stream::new);
        long missing = head.next().n() - stream.head.next().n();
        if (missing > 0 && !stream.broken) {
            for (long from = stream.head.next().n(); from < head.next().n(); from += PAGE) {
                store.trail(name, from, (int) Math.min(PAGE, head.next().n() - from))
                        .forEach(this::check);
            }
        }
        return stream;
    }

    private void find(String finding) {
        if (findings.size() < MOST_FINDINGS) {
            findings.add(finding);
        }
    }
}
