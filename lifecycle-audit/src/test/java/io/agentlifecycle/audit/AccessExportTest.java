package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.PersonalData;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Refused attempts at power in the hands of somebody else: in the log as a whole, and in no agent's trail. */
class AccessExportTest {
    private static final AgentId A = AgentId.of("a");
    private static final Actor CAROL = Actor.human("carol@company.com");

    private final JdkKeys keys = JdkKeys.fresh();
    private final VerifierKey key = new VerifierKey(
            KeptLog.ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
    private final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");

    @TempDir
    private Path folder;

    private MerkleLog tree;
    private LifecycleManager manager;

    /** Seven events of the log and of the agent, and then three of stream access. */
    @BeforeEach
    void open() {
        tree = MerkleLog.create(folder.resolve("tree"), keys).withDisclosures();
        manager = LifecycleManager.builder()
                .clock(clock)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .logOrigin(KeptLog.ORIGIN)
                .sealer(Ed25519AuditSealer.create(keys))
                .personalData(PersonalData.DISCLOSABLE)
                .checkpoints(tree)
                .build();
        manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                .id(A)
                .owner("alice@company.com")
                .build());
        manager.placeHold(A, HoldReason.CREDENTIAL_COMPROMISED, "stolen", CAROL);
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> manager.releaseHold(
                            A, HoldReason.CREDENTIAL_COMPROMISED, Actor.human("mallory@company.com")))
                    .isInstanceOf(PolicyViolationException.class);
            clock.advance(Duration.ofMinutes(1));
            manager.sweeper().sweep();
        }
    }

    @AfterEach
    void close() {
        manager.verify();
        manager.close();
    }

    private LogBundle.Verified verify(Path exported) throws IOException {
        return new LogBundle(exported, key, Optional.empty(), true).verify();
    }

    private static List<String> lines(Path exported) throws IOException {
        return Files.readAllLines(exported.resolve("events.jsonl"));
    }

    private static long ofAccess(Path exported) throws IOException {
        return lines(exported).stream()
                .filter(line -> line.contains("\"stream\":\"access\""))
                .count();
    }

    @Test
    void the_whole_log_has_them_and_names_those_who_tried_beside_them() throws IOException {
        Path exported = folder.resolve("whole");
        tree.export(exported);

        assertThat(verify(exported).events().heads()).containsKeys("log", "a/default/a", "access");
        assertThat(ofAccess(exported)).isEqualTo(3);
        assertThat(Files.readString(exported.resolve("events.jsonl"))).doesNotContain("mallory");
        assertThat(Files.readAllLines(exported.resolve("disclosures.jsonl")).stream()
                        .flatMap(line -> DisclosureLine.read(line).disclosures().stream())
                        .map(text -> new String(Base64.getUrlDecoder().decode(text), UTF_8))
                        .collect(Collectors.joining("\n")))
                .contains("\"id\",\"mallory@company.com\"]");
        List<String> cut = lines(exported);
        Files.write(exported.resolve("events.jsonl"), cut.subList(0, cut.size() - 1));
        assertThatThrownBy(() -> verify(exported)).isInstanceOf(AuditTamperedException.class);
    }

    @Test
    void a_range_may_begin_and_end_among_them() throws IOException {
        Path whole = folder.resolve("whole");
        tree.export(whole);
        int end = lines(whole).size();
        Path exported = folder.resolve("range");
        tree.exportRange(end - 2, end, exported);

        assertThat(verify(exported).events().heads()).containsOnlyKeys("log", "access");
        assertThat(ofAccess(exported)).isEqualTo(2);
    }

    @Test
    void the_trail_of_the_agent_has_none_of_them() throws IOException {
        Path exported = folder.resolve("trail");
        tree.exportTrail(new AgentKey(TenantId.DEFAULT, A), exported);

        assertThat(verify(exported).events().heads()).containsOnlyKeys("log", "a/default/a");
        assertThat(ofAccess(exported)).isZero();
    }
}
