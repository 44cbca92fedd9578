package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed while it opens a store, writes, sweeps and makes checkpoints. */
@Tag("once")
class KillTest {
    /** So many times the same store is opened, so that its past does not grow for ever. */
    private static final int LIVES = 25;

    @TempDir
    private Path temporary;

    private final Instant begin = Instant.now();
    private final Map<String, Long> acknowledged = new HashMap<>();
    private int written;
    private int swept;
    private int killedWhileOpening;

    @Test
    void what_was_acknowledged_before_a_kill_is_there_after_it() throws Exception {
        kill(150, new Random(20_260_411));
    }

    @Test
    @Tag("deep")
    void what_was_acknowledged_before_any_kill_is_there_after_it() throws Exception {
        kill(2_000, new Random(1));
    }

    private Path directory(int round) {
        return temporary.resolve("store-" + round / LIVES);
    }

    private Process start(int round) throws IOException {
        return Child.start("write", directory(round), begin.toString());
    }

    private void kill(int rounds, Random random) throws Exception {
        Process next = start(0);
        try {
            for (int round = 0; round < rounds; round++) {
                if (round % LIVES == 0) {
                    acknowledged.clear();
                }
                Process child = next;
                child.getOutputStream().write('\n');
                child.getOutputStream().flush();
                next = start(round + 1); // it starts up meanwhile and waits
                run(child, round, random);
                check(round);
            }
        } finally {
            next.destroyForcibly().waitFor();
        }
        assertThat(written).isGreaterThan(rounds);
        assertThat(swept).isGreaterThan(rounds / 10);
        assertThat(killedWhileOpening).isPositive();
    }

    /** Every third is killed a few milliseconds after it begins to open the store, the others while they write. */
    private void run(Process child, int round, Random random) throws Exception {
        boolean opening = round % 3 == 2;
        int lines = opening ? 1 : 3 + random.nextInt(60);
        long later = random.nextInt(opening ? 100_000 : 3_000);
        int read = 0;
        String last = "";
        try (BufferedReader output = Child.output(child)) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                last = line;
                // the text of a line is written at once, so even the last one is whole
                String[] parts = line.split(" ");
                if (parts.length > 1) {
                    acknowledged.merge(parts[0], Long.parseLong(parts[1]), Math::max);
                    written++;
                    swept += parts.length - 2;
                }
                if (++read == lines) {
                    child.waitFor(later, TimeUnit.MICROSECONDS);
                    child.toHandle().destroyForcibly(); // unlike the process itself, it leaves the pipe open
                }
            }
            assertThat(read).as("round %d", round).isGreaterThanOrEqualTo(lines);
            killedWhileOpening += last.equals("opening") ? 1 : 0;
        } finally {
            child.destroyForcibly().waitFor();
        }
    }

    private void check(int round) {
        Limits limits = round % 2 == 0 ? Limits.STANDARD : Sample.BUSY;
        try (JsonStore store = JsonStore.open(directory(round), new FileIo(), limits);
                LifecycleManager manager = Child.manager(store, begin)) {
            acknowledged.forEach(
                    (id, version) -> assertThat(manager.get(AgentId.of(id)).version())
                            .as("the version of %s in round %d", id, round)
                            .isGreaterThanOrEqualTo(version));
            assertThat(manager.verify().agents()).isBetween((long) acknowledged.size(), 4L);
        }
    }
}
