package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed while it writes. */
class KillTest {
    private static final int ROUNDS = 50;

    @TempDir
    private Path temporary;

    @Test
    void what_was_acknowledged_before_a_kill_is_there_after_it() throws Exception {
        Path directory = temporary.resolve("lifecycle-data");
        var random = new Random(20_260_411);
        Map<String, Long> acknowledged = new HashMap<>();
        int total = 0;
        Process next = Child.start("write", directory);
        for (int round = 0; round < ROUNDS; round++) {
            int lines = 1 + random.nextInt(120);
            Process child = next;
            child.getOutputStream().write('\n');
            child.getOutputStream().flush();
            next = Child.start("write", directory); // it starts up meanwhile and waits
            try (BufferedReader output = Child.output(child)) {
                int read = 0;
                for (String line = output.readLine(); line != null; line = output.readLine()) {
                    // the text of a line is written at once, so even the last one is whole
                    String[] parts = line.split(" ");
                    acknowledged.merge(parts[0], Long.parseLong(parts[1]), Math::max);
                    read++;
                    if (read == lines) {
                        child.toHandle().destroyForcibly(); // unlike the process itself, it leaves the pipe open
                    }
                }
                assertThat(read).as("round %d", round).isGreaterThanOrEqualTo(lines);
                total += read;
            } finally {
                child.destroyForcibly().waitFor();
            }

            try (LifecycleManager manager = Child.manager(directory)) {
                acknowledged.forEach(
                        (id, version) -> assertThat(manager.get(AgentId.of(id)).version())
                                .as("the version of %s", id)
                                .isGreaterThanOrEqualTo(version));
                assertThat(manager.verify().agents()).isBetween((long) acknowledged.size(), 4L);
            }
        }
        next.destroyForcibly().waitFor();
        assertThat(total).isGreaterThan(ROUNDS);
    }
}
