package io.agentlifecycle.benchmarks;

import io.agentlifecycle.audit.Ed25519AuditSealer;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import io.agentlifecycle.storage.json.JsonStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What the journal makes of the disk. */
final class Commits implements Subject {
    static final int CALLERS = 64;

    /** Its fsync does nothing: the same code with force switched off, and all else as it is. */
    private static final Path NO_FORCE = Path.of("/dev/shm");

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        List<Commit> shape = templates().subList(0, 1);
        Path memory = Files.isWritable(NO_FORCE) ? Files.createTempDirectory(NO_FORCE, "agent-lifecycle-") : scratch;
        List<Double> raw = new ArrayList<>();
        List<Double> one = new ArrayList<>();
        List<Double> two = new ArrayList<>();
        List<Double> many = new ArrayList<>();
        List<Double> free = new ArrayList<>();
        try (JsonStore store = JsonStore.open(scratch.resolve("store"));
                JsonStore unforced = JsonStore.open(memory.resolve("unforced"))) {
            var alone = new Replay(store, shape, 1, 1);
            var pairs = new Replay(store, shape, 2, 2);
            List<Replay> callers = Replay.callers(CALLERS, store, shape, 1);
            List<Replay> freed = Replay.callers(CALLERS, unforced, shape, 1);
            Load.perSecond(CALLERS, scale.round(), caller -> callers.get(caller).run());
            Load.perSecond(CALLERS, scale.round(), caller -> freed.get(caller).run());
            int line = lineBytes(scratch.resolve("store"), caller -> alone.run());
            for (int i = 0; i < scale.rounds(); i++) {
                raw.add(raw(scratch.resolve("raw-" + i), line, scale.round()));
                one.add(Load.perSecond(1, scale.round(), caller -> alone.run()));
                two.add(Load.perSecond(1, scale.round(), caller -> pairs.run()));
                many.add(Load.perSecond(
                        CALLERS, scale.round(), caller -> callers.get(caller).run()));
                free.add(Load.perSecond(
                        CALLERS, scale.round(), caller -> freed.get(caller).run()));
            }
            Figures.note(
                    "commits/s of %d bytes: raw append and fsync %.0f, 1 caller %.0f, 2 records %.0f, 64 callers %.0f,"
                            + " the same without force %.0f",
                    line, Load.median(raw), Load.median(one), Load.median(two), Load.median(many), Load.median(free));
        } finally {
            Figures.delete(memory.resolve("unforced"));
            if (!memory.equals(scratch)) {
                Files.delete(memory);
            }
        }
        double bar = 8 * Load.median(one);
        if (!memory.equals(scratch)) {
            bar = Math.min(bar, 0.7 * Load.median(free));
        }
        return List.of(
                new Figure("commits-1-caller", Load.median(one) / Load.median(raw), 0.7),
                new Figure("commits-64-callers", Load.median(many) / bar, 1),
                new Figure("commits-2-records", Load.median(two) / Load.median(one), 0.7));
    }

    static Ed25519AuditSealer sealer() {
        return Ed25519AuditSealer.create(InMemoryKeys.create(Purpose.AUDIT, InstantSource.system()));
    }

    static List<Commit> templates() {
        return Fleet.suspendAndResume(Optional.of(sealer()));
    }

    /** How long the line of one commit is. */
    static int lineBytes(Path directory, Load.Work work) throws Exception {
        int commits = 0;
        long before = journalBytes(directory);
        while (commits < 100) {
            commits += work.run(0);
        }
        return (int) ((journalBytes(directory) - before) / commits);
    }

    static long journalBytes(Path directory) throws IOException {
        long bytes = 0;
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(path -> path.getFileName().toString().startsWith("journal-"))
                    .toList()) {
                bytes += Files.size(file);
            }
        }
        return bytes;
    }

    /** What one thread gets when it does nothing but append and make durable. */
    static double raw(Path file, int line, Duration time) throws Exception {
        ByteBuffer bytes = ByteBuffer.allocateDirect(line);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            return Load.perSecond(1, time, caller -> {
                bytes.clear();
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(false);
                return 1;
            });
        }
    }
}
