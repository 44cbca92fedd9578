package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.BrokenChainException;
import io.agentlifecycle.core.audit.ChainVerifier;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.audit.StreamHead;
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
        private @Nullable Agent agent;
        private boolean broken;

        /** The last event of which something is redacted that no erasure after it tells of; -1 if there is none. */
        private long redacted = -1;

        /** True if its first events are gone, so that the agent cannot be computed. */
        private boolean pruned;
    }

    private final LifecycleStore store;
    private final EventReader reader;
    private final Optional<PublicJwk> key;
    private final ChainVerifier chains;
    private final Map<String, Stream> streams = new HashMap<>();
    private final List<String> findings = new ArrayList<>();
    private LogRecord log;
    private AccessRecord access = AccessRecord.EMPTY;
    private boolean hadKey;
    private long events;
    private long agents;
    private long redacted;

    /**
     * A verifier at the beginning of a log.
     *
     * @param seen a record of stream {@code log}, which names the log and its first key
     * @param key what must be in force at some time, or nothing. The record may lie, but who does not hold a key of this log
     *     cannot bring this one into a log of theirs
     */
    Verifier(LifecycleStore store, LogRecord seen, Optional<PublicJwk> key, SignatureVerifier signatures) {
        this.store = store;
        this.reader = new EventReader(() -> store);
        this.key = key;
        this.chains = new ChainVerifier(
                signatures, Optional.of(seen.origin()), seen.keys().first());
        this.log = LogRecord.empty(seen.origin());
    }

    /** @param anchored how many events are known elsewhere */
    Verification verify(long anchored) {
        long cursor = 0;
        EventPage page = store.events(cursor, PAGE);
        while (!page.events().isEmpty() || page.cursor() != cursor) {
            check(page.events());
            cursor = page.cursor();
            page = store.events(cursor, PAGE);
        }
        compareLog();
        compareAccess();
        compareAgents();
        compareBlocks();
        endLog();
        streams.forEach((name, stream) -> {
            if (stream.agent != null || stream.pruned) {
                find("stream " + name + " has events, but its agent's record is gone");
            }
        });
        if (!findings.isEmpty()) {
            throw new AuditTamperedException(findings);
        }
        Map<Seal, Long> seals = chains.counts();
        return new Verification(
                events,
                streams.size(),
                agents,
                seals.getOrDefault(Seal.SIGNED, 0L),
                seals.getOrDefault(Seal.UNSIGNED, 0L),
                seals.getOrDefault(Seal.ENDORSED_LATE, 0L),
                seals.getOrDefault(Seal.WAITING, 0L),
                redacted,
                seals.getOrDefault(Seal.PRUNED, 0L),
                anchored);
    }

    private void endLog() {
        try {
            chains.end();
        } catch (BrokenChainException e) {
            find(String.valueOf(e.getMessage()));
        }
        if (!hadKey) {
            find("the key of the sealer, %s, was never in force in this log: it is another one, or it was rewritten"
                    .formatted(key.map(PublicJwk::keyId).orElse("none")));
        }
    }

    private void check(List<StoredEvent> page) {
        EventReader.Some reading = reader.reading(page);
        page.forEach(stored -> check(stored, reading));
    }

    private void check(StoredEvent stored, EventReader.Some reading) {
        events++;
        Stream stream = streams.computeIfAbsent(stored.stream(), name -> new Stream());
        if (stream.broken) {
            return;
        }
        try {
            take(stream, stored, reading);
        } catch (IllegalArgumentException e) {
            stream.broken = true;
            find("event %d of stream %s: %s".formatted(stored.n(), stored.stream(), e.getMessage()));
        }
    }

    private void take(Stream stream, StoredEvent stored, EventReader.Some reading) {
        if (stored.isPruned()) {
            chains.takePruned(stored.stream(), stored.n(), stored.leafHash());
            stream.pruned = true;
            return;
        }
        SealedEvent next = chains.take(reading.read(stored));
        StreamPosition position = next.event().position();
        if (!stored.stream().equals(position.stream()) || stored.n() != position.n()) {
            throw new IllegalArgumentException(
                    "it is event %d of stream %s".formatted(position.n(), position.stream()));
        }
        if (!next.redacted().isEmpty()) {
            redacted++;
            stream.redacted = position.n();
        } else if (next.event().kind() == EventKind.PERSONAL_DATA_ERASED) {
            stream.redacted = -1;
        }
        Optional<AgentKey> agent = StreamPosition.agentOf(position.stream());
        if (position.stream().equals(StreamPosition.ACCESS)) {
            access = access.after(next);
        } else if (agent.isEmpty()) {
            log = log.after(next);
            hadKey |= log.keys().allow(key.map(PublicJwk::keyId));
        } else if (!stream.pruned) {
            Agent before = stream.agent;
            stream.agent = before == null ? Replay.begin(agent.get(), next) : Replay.apply(before, next);
        }
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
        if (!stream.broken && !log.equals(stored.get())) {
            find("stream log ends at event %d, but its record says otherwise: its tail was cut, or the record changed"
                    .formatted(log.version() - 1));
        }
    }

    private void compareAccess() {
        Optional<AccessRecord> stored;
        try {
            stored = store.get(AccessRecord.KEY).map(AccessRecord::decode);
        } catch (AuditTamperedException e) {
            find(e.findings().get(0));
            return;
        }
        if (stored.isEmpty()) {
            if (streams.containsKey(StreamPosition.ACCESS)) {
                find("stream access has events, but its record is gone");
            }
            return;
        }
        Stream stream = catchUp(StreamPosition.ACCESS, stored.get().head());
        if (stream.broken) {
            return;
        }
        requireErased(StreamPosition.ACCESS, stream.redacted);
        if (!access.at(stored.get().version()).equals(stored.get())) {
            find(
                    "stream access ends at event %d, but its record counts %d events: its tail was cut, or the record changed"
                            .formatted(
                                    access.head().next().n() - 1,
                                    stored.get().head().next().n()));
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
            boolean pruned = stream.pruned;
            stream.agent = null;
            stream.pruned = false;
            if (stream.broken) {
                return;
            }
            requireErased(name, stream.redacted);
            StreamHead head = chains.head(name);
            if (!head.equals(stored.head())) {
                find(
                        "stream %s ends at event %d, but its record counts %d events: its tail was cut, or the record changed"
                                .formatted(
                                        name,
                                        head.next().n() - 1,
                                        stored.head().next().n()));
            } else if (pruned) {
                requireRetired(stored.agent());
                requireBlock(stored.agent());
            } else if (replayed == null
                    || !replayed.at(record.version()).equals(stored.agent())
                    || !AgentCodec.index(replayed).equals(record.index())) {
                find("the record of agent %s is not what its events say"
                        .formatted(stored.agent().key()));
            } else {
                requireBlock(stored.agent());
            }
        } catch (AuditTamperedException e) {
            find(e.findings().get(0));
        }
    }

    private void requireErased(String stream, long redacted) {
        if (redacted >= 0) {
            find(
                    ("something that stood beside event %d of stream %s is gone, and no personal_data.erased after it says so: it was"
                                    + " removed by somebody else, or lost")
                            .formatted(redacted, stream));
        }
    }

    /** What nobody blocked must not keep anybody out. */
    private void compareBlocks() {
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = store.query(RecordQuery.of(RecordKey.BLOCK), after, PAGE);
            page.items().forEach(this::compareBlock);
            after = page.next();
        } while (after.isPresent());
    }

    private void compareBlock(StoredRecord block) {
        try {
            AgentKey agent = Remains.blockedBy(block);
            boolean blocked = store.get(RecordKey.agent(agent))
                    .map(found -> AgentCodec.decode(found).agent())
                    .filter(found -> found.conduct().blocked())
                    .flatMap(Remains::blockOf)
                    .filter(block.key()::equals)
                    .isPresent();
            if (!blocked) {
                find("the record %s says that agent %s was blocked, and that agent says otherwise"
                        .formatted(block.key(), agent));
            }
        } catch (AuditTamperedException e) {
            find(e.findings().get(0));
        } catch (IllegalArgumentException e) {
            find("the record %s cannot be read: %s".formatted(block.key(), e.getMessage()));
        }
    }

    private void requireBlock(Agent agent) {
        Optional<RecordKey> block =
                Remains.blockOf(agent).filter(key -> agent.conduct().blocked());
        if (block.isPresent() && store.get(block.get()).isEmpty()) {
            find("agent %s is blocked, but the record %s is gone, so that what it is made of could come back"
                    .formatted(agent.key(), block.get()));
        }
    }

    /** All that the events left of a pruned trail can tell: it was over. */
    private void requireRetired(Agent agent) {
        if (!agent.state().isTerminal()) {
            find("agent %s is %s, but its first events are pruned, which happens to retired agents only"
                    .formatted(agent.key(), agent.state()));
        }
    }

    /** Takes in what was committed after the log was read and before the record was. */
    private Stream catchUp(String name, StreamHead head) {
        Stream stream = streams.computeIfAbsent(name, n -> new Stream());
        long end = head.next().n();
        for (long from = chains.head(name).next().n(); from < end && !stream.broken; from += PAGE) {
            check(store.trail(name, from, (int) Math.min(PAGE, end - from)));
        }
        return stream;
    }

    private void find(String finding) {
        if (findings.size() < MOST_FINDINGS) {
            findings.add(finding);
        }
    }
}
