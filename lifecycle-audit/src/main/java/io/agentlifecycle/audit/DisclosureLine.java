package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;
import java.util.zip.ZipException;

/**
 * What is disclosed of one event, as one line of text: the canonical JSON of
 * {@code {"disclosures":[...],"n":0,"stream":"..."}}.
 */
record DisclosureLine(String stream, long n, List<String> disclosures) {
    DisclosureLine {
        disclosures = List.copyOf(disclosures);
    }

    /** @throws JsonFormatException if it is anything else */
    static DisclosureLine read(String line) {
        var fields = new JsonFields("line", CanonicalJson.read(line, EventLine.MAX_BYTES));
        var read = new DisclosureLine(fields.string("stream"), fields.integer("n"), fields.list("disclosures"));
        fields.end();
        return read;
    }

    @Override
    public String toString() {
        return CanonicalJson.write(Json.object()
                .put("disclosures", Json.of(disclosures))
                .put("n", n)
                .put("stream", stream)
                .build());
    }

    private boolean isOf(Entry entry) {
        return n == entry.n() && stream.equals(entry.stream());
    }

    /** One pass over the lines beside the pass over the events, which come in the same order. */
    static final class Reading implements Closeable {
        private final Optional<InputStream> in;
        private final Optional<LineReader> lines;
        private Optional<DisclosureLine> next = Optional.empty();
        private long count;

        /** @param in empty if nothing is disclosed */
        Reading(Optional<InputStream> in) throws IOException {
            this.in = in;
            this.lines = in.map(LineReader::new);
            advance();
        }

        /**
         * Checks what is disclosed of what was found in order.
         *
         * @throws AuditTamperedException if the event does not have it
         */
        void check(Entry entry) throws IOException {
            if (next.isEmpty() || !next.get().isOf(entry)) {
                return;
            }
            try {
                SealedEvent event = entry.event().orElseThrow(() -> new JsonFormatException("its event is pruned"));
                SealedEvent.read(
                        event.canonical(), event.signature(), next.get().disclosures());
            } catch (JsonFormatException e) {
                throw tampered(String.valueOf(e.getMessage()));
            }
            advance();
        }

        /** @throws AuditTamperedException if something is disclosed of no event */
        void end() {
            next.ifPresent(left -> {
                throw tampered(
                        "event %d of stream %s is not there, or stands further up".formatted(left.n(), left.stream()));
            });
        }

        private void advance() throws IOException {
            if (lines.isEmpty()) {
                return;
            }
            count++;
            try {
                next = lines.get().next(count).map(DisclosureLine::read);
            } catch (JsonFormatException e) {
                throw tampered(String.valueOf(e.getMessage()));
            } catch (AuditTamperedException e) {
                throw LogBundle.tampered(LogBundle.DISCLOSURES, e.findings().get(0));
            } catch (ZipException | EOFException e) {
                throw LogBundle.tampered(LogBundle.DISCLOSURES, "it cannot be unpacked: " + e.getMessage());
            }
        }

        private AuditTamperedException tampered(String what) {
            return LogBundle.tampered(LogBundle.DISCLOSURES, "line %d: %s".formatted(count, what));
        }

        @Override
        public void close() throws IOException {
            if (in.isPresent()) {
                in.get().close();
            }
        }
    }
}
