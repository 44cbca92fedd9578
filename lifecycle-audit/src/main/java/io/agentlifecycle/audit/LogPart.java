package io.agentlifecycle.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.store.StoredEvent;
import java.time.Instant;

/** Which events of a log are exported, if not all. Those of each stream follow one another without a gap. */
sealed interface LogPart {
    /** Whether an event is in it, which is number {@code index} of the log, counted from 0. */
    boolean has(long index, StoredEvent event);

    /** What it is, for people. */
    Json.ObjBuilder manifest();

    /** The events from number {@code from} to the one before {@code to}. */
    record Range(long from, long to) implements LogPart {
        public Range {
            if (from < 0 || from >= to) {
                throw new IllegalArgumentException(
                        "a range has its first event, counted from 0, and the one behind its last, but was %d and %d"
                                .formatted(from, to));
            }
        }

        @Override
        public boolean has(long index, StoredEvent event) {
            return index >= from && index < to;
        }

        @Override
        public Json.ObjBuilder manifest() {
            return Json.object().put("kind", "range").put("from", from).put("to", to);
        }

        @Override
        public String toString() {
            return "%d to %d".formatted(from, to - 1);
        }
    }

    /** What happened at {@code from} or later, but before {@code to}. */
    record Period(Instant from, Instant to) implements LogPart {
        public Period {
            if (!requireNonNull(from, "from").isBefore(requireNonNull(to, "to"))) {
                throw new IllegalArgumentException(
                        "a period ends after it begins, but was from %s to %s".formatted(from, to));
            }
        }

        /** In a stream, no event is earlier than the one before it. When those were that are pruned, nobody knows. */
        @Override
        public boolean has(long index, StoredEvent event) {
            if (event.isPruned()) {
                return false;
            }
            Instant at = SealedEvent.read(event.canonical(), event.signature())
                    .event()
                    .at();
            return !at.isBefore(from) && at.isBefore(to);
        }

        @Override
        public Json.ObjBuilder manifest() {
            return Json.object()
                    .put("kind", "period")
                    .put("from", from.toString())
                    .put("to", to.toString());
        }

        @Override
        public String toString() {
            return "from %s until %s".formatted(from, to);
        }
    }

    /** The trail of one agent. */
    record Trail(AgentKey agent) implements LogPart {
        public Trail {
            requireNonNull(agent, "agent");
        }

        @Override
        public boolean has(long index, StoredEvent event) {
            return event.stream().equals(StreamPosition.streamOf(agent));
        }

        @Override
        public Json.ObjBuilder manifest() {
            return Json.object().put("kind", "trail").put("stream", StreamPosition.streamOf(agent));
        }

        @Override
        public String toString() {
            return "of stream " + StreamPosition.streamOf(agent);
        }
    }
}
