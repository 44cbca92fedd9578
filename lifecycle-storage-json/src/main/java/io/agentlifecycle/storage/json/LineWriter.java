package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

/** Writes lines of a journal. Bodies and events go in character for character as they came. */
final class LineWriter {
    private LineWriter() {}

    /** A line of UTF-8 bytes with its line feed. */
    record Written(byte[] bytes, String crc) {}

    /** Puts what stands in every line of a journal around {@code body}, which begins with its kind. */
    static Written line(long seq, String prev, long durable, String body) {
        return closed("{\"seq\":" + seq + ",\"prev\":\"" + prev + "\",\"durable\":" + durable + "," + body);
    }

    /** Closes the JSON object that {@code open} begins, with its checksum as last member. */
    static Written closed(String open) {
        byte[] content = open.getBytes(UTF_8);
        String crc = crc(content, 0, content.length);
        byte[] tail = (",\"crc\":\"" + crc + "\"}\n").getBytes(UTF_8);
        byte[] line = new byte[content.length + tail.length];
        System.arraycopy(content, 0, line, 0, content.length);
        System.arraycopy(tail, 0, line, content.length, tail.length);
        return new Written(line, crc);
    }

    /** CRC32C as 8 lower-case hex digits. */
    static String crc(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, length);
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    static String open(String storeId, int format, Instant at) {
        return "\"kind\":\"open\",\"store\":" + quote(storeId) + ",\"format\":" + format + ",\"at\":\"" + at + "\"";
    }

    static String seal() {
        return "\"kind\":\"seal\"";
    }

    static String close() {
        return "\"kind\":\"close\"";
    }

    /** What a commit changes and says; the digest of this tells one request from another. */
    static String content(Commit commit) {
        var out = new StringBuilder(1024);
        out.append("\"at\":\"").append(commit.at()).append('"');
        checks(commit, out);
        puts(commit, out);
        purges(commit, out);
        events(commit.events(), out);
        disclosures(commit.disclosures(), out);
        return out.toString();
    }

    static String commit(Commit commit, String content) {
        return "\"kind\":\"commit\",\"req\":" + quote(commit.requestId().value()) + "," + content;
    }

    /** A commit that says something, as it stands in an audit segment. */
    static Written audit(long seq, Line.Committed commit) {
        var text = new StringBuilder(1024).append("{\"seq\":").append(seq).append(',');
        eventsOf(commit, text);
        return closed(text.toString());
    }

    /** What a commit said, without what it changed. */
    static void eventsOf(Line.Committed commit, StringBuilder out) {
        out.append("\"req\":").append(quote(commit.requestId().value()));
        out.append(",\"at\":\"").append(commit.at()).append('"');
        events(commit.events(), out);
    }

    /** What a commit said and disclosed, without what it changed. */
    static void saidBy(Line.Committed commit, StringBuilder out) {
        eventsOf(commit, out);
        disclosures(commit.disclosures(), out);
    }

    static String erase(Line.Erase erase) {
        return "\"kind\":\"erase\",\"s\":" + quote(erase.stream()) + ",\"n\":["
                + erase.positions().stream().map(String::valueOf).collect(Collectors.joining(",")) + "]";
    }

    static String digest(String content) {
        return Digests.sha256(content);
    }

    static String beats(Collection<Heartbeat> heartbeats) {
        var out = new StringBuilder("\"kind\":\"hb\",\"hb\":[");
        Iterator<Heartbeat> all = heartbeats.iterator();
        while (all.hasNext()) {
            beat(all.next(), out);
            if (all.hasNext()) {
                out.append(',');
            }
        }
        return out.append(']').toString();
    }

    static void beat(Heartbeat heartbeat, StringBuilder out) {
        out.append("[\"")
                .append(heartbeat.agent().tenant())
                .append("\",")
                .append(quote(heartbeat.agent().id()))
                .append(",\"")
                .append(heartbeat.liveness().lastSeen())
                .append("\",")
                .append(heartbeat.liveness().heartbeats())
                .append(']');
    }

    static void request(Requests.Entry request, StringBuilder out) {
        out.append('[')
                .append(quote(request.id().value()))
                .append(',')
                .append(request.done().seq())
                .append(",\"")
                .append(request.done().digest())
                .append("\"]");
    }

    /** They are not needed to compute the state, but tell one request from another. */
    private static void checks(Commit commit, StringBuilder out) {
        String separator = ",\"checks\":[";
        for (Check check : commit.checks()) {
            out.append(separator).append('{');
            key(check.key(), out);
            if (check instanceof Check.Version version) {
                out.append(",\"v\":").append(version.version());
            }
            out.append('}');
            separator = ",";
        }
        if (separator.equals(",")) {
            out.append(']');
        }
    }

    private static void puts(Commit commit, StringBuilder out) {
        String separator = ",\"puts\":[";
        for (Mutation mutation : commit.mutations()) {
            if (mutation instanceof Mutation.Put put) {
                out.append(separator);
                record(put.next(), out);
                separator = ",";
            }
        }
        if (separator.equals(",")) {
            out.append(']');
        }
    }

    static void record(StoredRecord record, StringBuilder out) {
        out.append('{');
        key(record.key(), out);
        out.append(",\"v\":").append(record.version());
        record.dueAt().ifPresent(due -> out.append(",\"due\":\"").append(due).append('"'));
        out.append(",\"ix\":{");
        String separator = "";
        for (Map.Entry<String, String> entry : record.index().entrySet()) {
            out.append(separator).append(quote(entry.getKey())).append(':').append(quote(entry.getValue()));
            separator = ",";
        }
        out.append("},\"body\":").append(record.body()).append('}');
    }

    private static void key(RecordKey key, StringBuilder out) {
        out.append("\"t\":\"")
                .append(key.tenant())
                .append("\",\"k\":")
                .append(quote(key.kind()))
                .append(",\"id\":")
                .append(quote(key.id()));
    }

    private static void purges(Commit commit, StringBuilder out) {
        String separator = ",\"purges\":[";
        for (Mutation mutation : commit.mutations()) {
            if (mutation instanceof Mutation.Purge purge) {
                out.append(separator).append('{');
                key(purge.key(), out);
                out.append('}');
                separator = ",";
            }
        }
        if (separator.equals(",")) {
            out.append(']');
        }
    }

    private static void events(List<StoredEvent> events, StringBuilder out) {
        String separator = ",\"audit\":[";
        for (StoredEvent event : events) {
            out.append(separator)
                    .append("{\"s\":")
                    .append(quote(event.stream()))
                    .append(",\"n\":")
                    .append(event.n());
            if (event.isPruned()) {
                out.append(",\"leaf\":").append(quote(event.leafHash()));
            } else {
                out.append(",\"event\":").append(event.canonical());
            }
            event.signature().ifPresent(sig -> out.append(",\"sig\":").append(quote(sig)));
            out.append('}');
            separator = ",";
        }
        if (separator.equals(",")) {
            out.append(']');
        }
    }

    private static void disclosures(List<Disclosure> disclosures, StringBuilder out) {
        String separator = ",\"disclosures\":[";
        for (Disclosure disclosure : disclosures) {
            out.append(separator).append('{');
            disclosure(disclosure, out);
            out.append('}');
            separator = ",";
        }
        if (separator.equals(",")) {
            out.append(']');
        }
    }

    static void disclosure(Disclosure disclosure, StringBuilder out) {
        out.append("\"s\":")
                .append(quote(disclosure.stream()))
                .append(",\"n\":")
                .append(disclosure.n())
                .append(",\"d\":")
                .append(quote(disclosure.content()));
    }

    static String quote(String text) {
        return CanonicalJson.write(Json.of(text));
    }
}
