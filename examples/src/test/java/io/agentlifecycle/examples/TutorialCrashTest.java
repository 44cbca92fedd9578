package io.agentlifecycle.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.audit.Ed25519AuditSealer;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.PemKeys;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tutorial in a process of its own, which is killed as the operating system kills it. */
@Tag("once")
class TutorialCrashTest {
    /** Printed only after the credential was stored. */
    private static final Pattern CREDENTIAL = Pattern.compile("cred:[0-9a-f]{32}");

    @TempDir
    Path directory;

    private final Set<String> acknowledged = new TreeSet<>();
    private Path folder;

    @BeforeEach
    void begin() {
        folder = directory.resolve("fleet");
    }

    @Test
    void killed_in_each_step_it_goes_on_to_the_same_end() throws Exception {
        for (int step = 1; step <= 9; step++) {
            String header = "Step " + step + ": ";
            assertThat(runUntil(line -> line.startsWith(header))).as(header).isTrue();
        }

        assertThat(runUntil(line -> false)).isFalse();
        everythingIsThereOnce();
    }

    @Test
    void killed_after_each_thing_that_it_did_it_goes_on_to_the_same_end() throws Exception {
        // the first run says after which lines it can be killed, since each of them tells of something stored
        int kills = 0;
        Set<String> seen = new TreeSet<>();
        Predicate<String> isNews = line -> tellsOfSomethingStored(line) && seen.add(line);
        while (runUntil(isNews)) {
            assertThat(++kills).as("always something new").isLessThan(40);
        }

        assertThat(kills)
                .as("how often it was killed; a busy machine lets it run on for a while")
                .isGreaterThan(8);
        everythingIsThereOnce();
    }

    private static boolean tellsOfSomethingStored(String line) {
        return line.contains(", owner ") || CREDENTIAL.matcher(line).find() || line.startsWith("Sweep at ");
    }

    /** Runs the tutorial, kills it after such a line, and returns whether there was one. */
    private boolean runUntil(Predicate<String> last) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                                .replace("\n", File.pathSeparator),
                        Tutorial.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        List<String> output = new ArrayList<>();
        try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                output.add(line);
                Matcher matcher = CREDENTIAL.matcher(line);
                while (matcher.find()) {
                    acknowledged.add(matcher.group());
                }
                if (last.test(line)) {
                    process.destroyForcibly().waitFor();
                    return true;
                }
            }
        }
        assertThat(process.waitFor()).as(String.join("\n", output)).isZero();
        return false;
    }

    private void everythingIsThereOnce() throws Exception {
        Path calm = directory.resolve("calm");
        Captured.outputOf(() -> Tutorial.main(new String[] {calm.toString()}));

        assertThat(trails(folder)).isEqualTo(trails(calm));
        assertThat(credentials(folder)).containsAll(acknowledged).hasSameSizeAs(credentials(calm));
    }

    /** What the tutorial left, with the key that signed it. */
    private static LifecycleManager open(Path folder) {
        var keys = PemKeys.openOrCreate(
                folder.resolve("audit-keys"),
                Purpose.AUDIT,
                "tutorial"::toCharArray,
                MutableClock.at("2026-05-01T00:00:00Z"));
        return LifecycleManager.builder()
                .storage(folder.resolve("store"))
                .sealer(Ed25519AuditSealer.create(keys))
                .build();
    }

    /** What happened to each agent, by its name. */
    private static Map<String, List<String>> trails(Path folder) {
        Map<String, List<String>> trails = new TreeMap<>();
        try (LifecycleManager manager = open(folder)) {
            manager.verify();
            for (Agent agent : manager.query(AgentQuery.all().includingRetired())) {
                trails.put(agent.name(), new ArrayList<>());
                manager.auditTrail(agent.id()).forEach(entry -> {
                    AuditEvent event = entry.event();
                    trails.get(agent.name())
                            .add("%s %s %s"
                                    .formatted(
                                            event.at(),
                                            event.kind().wire(),
                                            event.to().map(Object::toString).orElse("")));
                });
            }
        }
        return trails;
    }

    private static Set<String> credentials(Path folder) {
        Set<String> ids = new TreeSet<>();
        try (LifecycleManager manager = open(folder)) {
            for (Agent agent : manager.query(AgentQuery.all().includingRetired())) {
                manager.auditTrail(agent.id())
                        .forEach(entry -> entry.event()
                                .content()
                                .credential()
                                .ifPresent(credential -> ids.add(credential.jti())));
            }
        }
        return ids;
    }
}
