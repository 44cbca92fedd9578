package io.agentlifecycle.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.audit.Ed25519AuditSealer;
import io.agentlifecycle.audit.EventLine;
import io.agentlifecycle.audit.LogVerification;
import io.agentlifecycle.audit.LogVerifier;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Verifying a log on two threads, against nothing but its signatures on two threads. */
final class AuditVerify implements Subject {
    private static final int THREADS = 2;
    private static final int STREAMS = 100;
    private static final int EVENTS = 5_000;

    /** Signed events that follow one another, and the key that signed them. */
    private record Log(Ed25519PublicKey key, List<SealedEvent> events) {
        /** Chains that go on and on with what happens to an agent when it is suspended. */
        static Log of(int size) {
            Ed25519AuditSealer sealer = Commits.sealer();
            AuditEvent shape = Chain.shapes(
                            Fleet.suspendAndResume(Optional.of(sealer)).get(0))
                    .get(0);
            List<Chain> chains = new ArrayList<>();
            for (int i = 0; i < STREAMS; i++) {
                chains.add(new Chain(sealer, "a/default/agent:" + i));
            }
            List<SealedEvent> events = new ArrayList<>();
            for (int i = 0; i < size; i++) {
                events.add(chains.get(i % STREAMS).add(shape));
            }
            return new Log(Ed25519PublicKey.of(sealer.publicKey()), events);
        }

        byte[] lines() throws IOException {
            var lines = new ByteArrayOutputStream();
            for (SealedEvent event : events) {
                lines.write((EventLine.write(event) + "\n").getBytes(UTF_8));
            }
            return lines.toByteArray();
        }
    }

    /** What was signed, as DSSE has it, and the signature. */
    private record Signed(byte[] message, byte[] signature) {
        static Signed of(SealedEvent event) {
            String type = AuditEvent.PAYLOAD_TYPE;
            int bytes = event.canonical().getBytes(UTF_8).length;
            return new Signed(
                    "DSSEv1 %d %s %d %s"
                            .formatted(type.length(), type, bytes, event.canonical())
                            .getBytes(UTF_8),
                    Digests.fromBase64Url(event.signature().orElseThrow()));
        }
    }

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        int logs = scale.verifiedEvents() / EVENTS;
        Log warm = Log.of(EVENTS / 2);
        raw(warm);
        whole(warm);
        double raw = 0;
        double whole = 0;
        for (int i = 0; i < logs; i++) { // by turns, since a machine is not always equally fast
            Log log = Log.of(EVENTS);
            raw += raw(log);
            whole += whole(log);
        }
        Figures.note(
                "%d logs of %d signed events on %d threads: signatures alone %.0f/s, verifying the logs %.0f/s",
                logs, EVENTS, THREADS, logs * EVENTS / raw, logs * EVENTS / whole);
        return List.of(new Figure("audit-verify", raw / whole, 0.75));
    }

    /** How many seconds its signatures take. */
    private static double raw(Log log) throws Exception {
        List<Signed> all = log.events().stream().map(Signed::of).toList();
        long start = System.nanoTime();
        long good = Load.all(THREADS, thread -> {
            int mine = 0;
            for (int i = thread; i < all.size(); i += THREADS) {
                mine += log.key().verify(all.get(i).message(), all.get(i).signature()) ? 1 : 0;
            }
            return mine;
        });
        double seconds = Figures.seconds(start);
        require(good == all.size());
        return seconds;
    }

    /** How many seconds all of it takes. */
    private static double whole(Log log) throws Exception {
        byte[] lines = log.lines();
        ExecutorService others = Executors.newFixedThreadPool(THREADS - 1);
        try {
            long start = System.nanoTime();
            LogVerification found =
                    LogVerifier.of(log.key()).helpedBy(others, THREADS - 1).verify(new ByteArrayInputStream(lines));
            double seconds = Figures.seconds(start);
            require(found.events().getOrDefault(Seal.SIGNED, 0L) == log.events().size());
            return seconds;
        } finally {
            others.shutdown();
        }
    }

    private static void require(boolean verified) {
        if (!verified) {
            throw new IllegalStateException("the log that is measured does not verify");
        }
    }
}
