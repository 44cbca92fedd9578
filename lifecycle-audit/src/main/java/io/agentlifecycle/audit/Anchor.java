package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.error.AuditTamperedException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;

/** A sink, and how far it came with the log that is open. Safe for use by many threads. */
final class Anchor {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,63}");
    private static final int MAX_FILE = 1_024;

    /** So a sink that is new to an old log does not keep a sweep for ever. */
    private static final int MOST_AT_ONCE = 1_000;

    /** How long a sink may take before others say that it hangs. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /**
     * How far a sink came.
     *
     * @param end how many bytes of the file of checkpoints it has
     * @param size of how many events the last checkpoint was that it took
     */
    private record Place(long end, long size) {
        static final Place BEGIN = new Place(0, 0);

        byte[] write() {
            return CanonicalJson.write(Json.object()
                            .put("end", end)
                            .put("size", size)
                            .put("v", 1)
                            .build())
                    .getBytes(UTF_8);
        }

        static Place read(byte[] bytes, String file, CheckpointFile checkpoints) {
            var fields = new JsonFields(file, CanonicalJson.read(new String(bytes, UTF_8), MAX_FILE));
            fields.format("v", 1);
            var place = new Place(fields.integer("end"), fields.integer("size"));
            fields.end();
            if (place.end < 0 || place.end > checkpoints.end()) {
                throw new IllegalArgumentException("%s says that the sink has %d bytes of checkpoints, and there are %d"
                        .formatted(file, place.end, checkpoints.end()));
            }
            return place;
        }
    }

    /** Replaces a file of the log, if the log is still open; false if it is not. */
    interface Keeper {
        boolean keep(String file, byte[] bytes) throws IOException;
    }

    private final String name;
    private final AnchorSink sink;

    /** Held while the sink is called, however long that takes: what comes next must not overtake it. */
    private final ReentrantLock delivering = new ReentrantLock();

    private volatile Place reached = Place.BEGIN;
    private volatile Instant since = Instant.MAX;
    private volatile Optional<String> failure = Optional.empty();

    Anchor(String name, AnchorSink sink) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "the name of an anchor has 1 to 64 of a-z 0-9 - and does not begin with -, but was \"" + name
                            + "\"");
        }
        this.name = name;
        this.sink = sink;
    }

    String name() {
        return name;
    }

    private String file() {
        return "anchor/" + name + ".json";
    }

    /**
     * Finds out how far the sink came with a log.
     *
     * @throws AuditTamperedException if the log does not have what the sink took
     */
    void open(LogFiles files, CheckpointFile checkpoints) throws IOException {
        try {
            Optional<byte[]> stored = files.read(file(), MAX_FILE);
            reached = stored.isEmpty() ? Place.BEGIN : Place.read(stored.get(), file(), checkpoints);
            failure = Optional.empty();
        } catch (IllegalArgumentException e) {
            throw new AuditTamperedException(
                    List.of("checkpoints were lost that anchor %s took, or its file was changed: %s"
                            .formatted(name, e.getMessage())));
        }
    }

    Anchored.Sink state() {
        return new Anchored.Sink(reached.size(), failure);
    }

    /**
     * Hands over what the sink does not have yet, in order, until it fails. If another thread is at it, nothing is done.
     *
     * @throws Exception what the sink throws; or if that other thread has been at it for long
     */
    void deliver(CheckpointFile checkpoints, Keeper keeper, Instant now) throws Exception {
        if (delivering.isHeldByCurrentThread()) {
            return; // the sink itself sweeps
        }
        if (!delivering.tryLock()) {
            requirePatience(since, now);
            return;
        }
        try {
            since = now;
            for (int i = 0; i < MOST_AT_ONCE && deliverNext(checkpoints, keeper); i++) {
                // goes on
            }
            failure = Optional.empty();
        } catch (Exception e) {
            failure = Optional.of(e.toString());
            throw e;
        } finally {
            since = Instant.MAX;
            delivering.unlock();
        }
    }

    private void requirePatience(Instant begin, Instant now) {
        if (!begin.isAfter(now.minus(PATIENCE))) {
            var hangs = new IllegalStateException("it was called at %s and has not returned".formatted(begin));
            failure = Optional.of(hangs.toString());
            throw hangs;
        }
    }

    /** Whether there is more to do. Where the sink is by then is written down before the next one. */
    private boolean deliverNext(CheckpointFile checkpoints, Keeper keeper) throws Exception {
        Optional<CheckpointFile.Entry> next = checkpoints.after(reached.end());
        if (next.isEmpty()) {
            return false;
        }
        sink.anchor(next.get().note().toString());
        var place = new Place(next.get().end(), next.get().checkpoint().size());
        boolean kept = keeper.keep(file(), place.write());
        if (kept) {
            reached = place;
        }
        return kept;
    }
}
