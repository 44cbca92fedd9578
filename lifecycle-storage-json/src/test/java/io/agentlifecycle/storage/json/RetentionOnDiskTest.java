package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.PersonalData;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is erased of an agent is in no file any more: not in events, nor in what stood beside them, nor in records. What is pruned
 * is in no file either.
 */
class RetentionOnDiskTest {
    private static final AgentId ID = AgentId.of("agent:1");
    private static final AgentId OTHER = AgentId.of("agent:2");
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final LifecyclePolicy POLICY =
            LifecyclePolicy.builder().requireApproval(false).build();

    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");

    @TempDir
    private Path directory;

    private LifecycleManager open() {
        return LifecycleManager.builder()
                .storage(directory)
                .clock(clock)
                .policy(POLICY)
                .personalData(PersonalData.DISCLOSABLE)
                .build();
    }

    private static void live(LifecycleManager manager, AgentId id, String owner) {
        manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                .id(id)
                .owner(owner)
                .requestedBy(CAROL)
                .build());
        manager.activate(id, CAROL);
        manager.suspend(id, "said of " + id, CAROL);
    }

    private List<String> filesWith(String text) throws IOException {
        List<String> found = new ArrayList<>();
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                if (Files.readString(file, StandardCharsets.ISO_8859_1).contains(text)) {
                    found.add(file.getFileName().toString());
                }
            }
        }
        return found;
    }

    @Test
    void no_file_has_it_and_the_rest_is_there() throws IOException {
        try (LifecycleManager manager = open()) {
            live(manager, ID, "alice@company.com");
            live(manager, OTHER, "dave@company.com");
        }
        try (LifecycleManager manager = open()) {
            manager.decommission(ID, "alice is gone", CAROL);
            assertThat(filesWith("alice@company.com")).as("its record").isNotEmpty();

            manager.erasePersonalData(ID, "asked for", Actor.SYSTEM);

            assertThat(filesWith("alice")).isEmpty();
            assertThat(filesWith("said of agent:1")).isEmpty();
            assertThat(filesWith("dave@company.com")).isNotEmpty();
            manager.verify();
        }
        try (LifecycleManager manager = open()) {
            assertThat(filesWith("alice")).isEmpty();
            assertThat(manager.auditTrail(ID).toString()).doesNotContain("@");
            assertThat(manager.auditTrail(OTHER))
                    .allMatch(event -> event.redacted().isEmpty());
            assertThat(manager.verify().redacted())
                    .isEqualTo(manager.auditTrail(ID).stream()
                            .filter(event -> !event.redacted().isEmpty())
                            .count());
        }
    }

    @Test
    void no_file_has_the_texts_of_a_trail_that_was_pruned_and_the_rest_is_there() throws IOException {
        try (LifecycleManager manager = open()) {
            live(manager, ID, "alice@company.com");
            live(manager, OTHER, "dave@company.com");
            manager.decommission(ID, "alice is gone", CAROL);
            manager.verify();
        }
        clock.advance(Duration.ofDays(184));
        try (LifecycleManager manager = open()) {
            String first = manager.auditTrail(ID).get(0).event().id().toString();
            String leaf = manager.auditTrail(ID).get(0).leafHash();
            assertThat(filesWith(first)).isNotEmpty();

            assertThat(manager.prune(clock.instant().minus(Duration.ofDays(183)), "", CAROL))
                    .containsExactly(ID);

            assertThat(filesWith(first)).isEmpty();
            assertThat(filesWith(leaf)).as("its leaf hash").isNotEmpty();
            assertThat(filesWith(OTHER.value())).isNotEmpty();
            assertThat(manager.verify().pruned()).isPositive();
        }
        try (LifecycleManager manager = open()) {
            assertThat(manager.auditTrail(ID))
                    .extracting(event -> event.event().kind())
                    .containsExactly(EventKind.AGENT_DECOMMISSIONED, EventKind.TRAIL_PRUNED);
            assertThat(manager.auditTrail(OTHER).get(0).event().position().n()).isZero();
            assertThat(manager.finalReport(ID)).isPresent();
            assertThat(manager.verify().pruned()).isPositive();
        }
    }
}
