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
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A log whose events name nobody, handed over with or without what stands beside them. */
class DisclosedExportTest {
    private static final AgentId A = AgentId.of("a");
    private static final AgentId B = AgentId.of("b");
    private static final Actor CAROL = Actor.human("carol@company.com");

    private final JdkKeys keys = JdkKeys.fresh();
    private final VerifierKey key = new VerifierKey(
            KeptLog.ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
    private final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");

    @TempDir
    private Path folder;

    private MerkleLog tree;
    private LifecycleManager manager;

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
        live(A);
        live(B);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private void live(AgentId id) {
        manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                .id(id)
                .owner("alice@company.com")
                .requestedBy(CAROL)
                .build());
        manager.activate(id, CAROL);
        manager.suspend(id, "she said so", CAROL);
    }

    private LogBundle.Verified verify(Path exported) throws IOException {
        return new LogBundle(exported, key, Optional.empty(), true).verify();
    }

    private static String disclosed(Path exported) throws IOException {
        return Files.readAllLines(exported.resolve("disclosures.jsonl")).stream()
                .flatMap(line -> DisclosureLine.read(line).disclosures().stream())
                .map(text -> new String(Base64.getUrlDecoder().decode(text), UTF_8))
                .collect(Collectors.joining("\n"));
    }

    private Path whole() {
        Path exported = folder.resolve("whole");
        tree.export(exported);
        return exported;
    }

    @Test
    void the_events_name_nobody_and_the_file_beside_them_does() throws IOException {
        Path exported = whole();

        assertThat(verify(exported).events().heads()).hasSize(3);
        assertThat(Files.readString(exported.resolve("events.jsonl")))
                .contains("{\"_sd\":\"")
                .doesNotContain("@")
                .doesNotContain("she said so");
        assertThat(disclosed(exported))
                .contains("\"owner\",\"alice@company.com\"]")
                .contains("\"id\",\"carol@company.com\"]")
                .contains("\"text\",\"she said so\"]");
        for (String line : Files.readAllLines(exported.resolve("disclosures.jsonl"))) {
            assertThat(DisclosureLine.read(line)).hasToString(line);
            for (String text : DisclosureLine.read(line).disclosures()) {
                assertThat(Files.readString(exported.resolve("events.jsonl"))).contains(Digests.sha256(text));
            }
        }
    }

    @Test
    void without_the_file_it_verifies_too_and_so_do_a_trail_and_a_zip_with_it() throws IOException {
        Path exported = whole();
        Files.delete(exported.resolve("disclosures.jsonl"));
        verify(exported);

        tree.exportTrail(new AgentKey(TenantId.DEFAULT, B), folder.resolve("trail"));
        assertThat(verify(folder.resolve("trail")).whole()).isFalse();
        assertThat(disclosed(folder.resolve("trail"))).contains("alice@company.com");
        assertThat(Files.readString(folder.resolve("trail/disclosures.jsonl")))
                .contains("a/default/b")
                .doesNotContain("a/default/a");
        tree.export(folder.resolve("whole.zip"));
        assertThat(verify(folder.resolve("whole.zip")).whole()).isTrue();
    }

    @Test
    void what_was_erased_is_in_no_later_export_and_earlier_ones_still_verify() throws IOException {
        Path before = whole();
        manager.decommission(A, "she is gone", CAROL);
        manager.erasePersonalData(A, "asked for", Actor.SYSTEM);

        tree.exportTrail(new AgentKey(TenantId.DEFAULT, A), folder.resolve("after"));
        verify(folder.resolve("after"));
        assertThat(disclosed(folder.resolve("after")))
                .contains("asked for")
                .doesNotContain("alice")
                .doesNotContain("she ");
        verify(before);
        assertThat(disclosed(before)).contains("alice@company.com");
    }

    @Test
    void a_log_without_that_policy_exports_no_such_file() throws IOException {
        KeptLog kept = new KeptLog(Files.createDirectory(folder.resolve("kept"))).thirty();
        kept.tree.export(folder.resolve("plain"));
        assertThat(folder.resolve("plain/disclosures.jsonl")).doesNotExist();
        kept.verify(folder.resolve("plain"));
    }

    private enum Attack {
        ANOTHER_VALUE(lines -> each(lines, 0, line -> renamed(line)), "line 1: something is disclosed"),
        OF_ANOTHER_EVENT(lines -> each(lines, 0, line -> moved(line, 1)), "line 1: something is disclosed"),
        OF_NO_EVENT(lines -> each(lines, 11, line -> moved(line, 77)), "line 12: event 77 of stream a/default/b"),
        OF_AN_EVENT_BEFORE(Attack::swapped, "line 2: event 0 of stream a/default/a"),
        TWICE(lines -> each(lines, 0, line -> line + "\n" + line), "line 2: event 0 of stream a/default/a"),
        ONE_VALUE_TWICE(lines -> each(lines, 0, Attack::doubled), "line 1: something is disclosed"),
        NO_JSON(lines -> each(lines, 0, line -> "x"), "line 1: "),
        ANOTHER_MEMBER(
                lines -> each(lines, 0, line -> "{\"a\":1," + line.substring(1)), "line 1: line has the unknown"),
        BLANKS(lines -> each(lines, 0, line -> line.replace(",", ", ")), "line 1: "),
        EMPTY_LINE(lines -> each(lines, 0, line -> ""), "line 1: it is empty"),
        TORN(lines -> lines, "line 12: it is not ended by a line feed");

        private final UnaryOperator<List<String>> change;
        private final String verdict;

        Attack(UnaryOperator<List<String>> change, String verdict) {
            this.change = change;
            this.verdict = verdict;
        }

        private static List<String> each(List<String> lines, int which, UnaryOperator<String> change) {
            List<String> changed = new ArrayList<>(lines);
            changed.set(which, change.apply(changed.get(which)));
            return changed;
        }

        private static String moved(String line, long n) {
            DisclosureLine read = DisclosureLine.read(line);
            return new DisclosureLine(read.stream(), n, read.disclosures()).toString();
        }

        private static String renamed(String line) {
            DisclosureLine read = DisclosureLine.read(line);
            String first =
                    new String(Base64.getUrlDecoder().decode(read.disclosures().get(0)), UTF_8);
            List<String> others = new ArrayList<>(read.disclosures());
            others.set(0, Digests.base64Url(first.replace("carol", "frank").getBytes(UTF_8)));
            return new DisclosureLine(read.stream(), read.n(), others).toString();
        }

        private static String doubled(String line) {
            DisclosureLine read = DisclosureLine.read(line);
            List<String> more = new ArrayList<>(read.disclosures());
            more.add(more.get(0));
            return new DisclosureLine(read.stream(), read.n(), more).toString();
        }

        private static List<String> swapped(List<String> lines) {
            List<String> changed = new ArrayList<>(lines);
            Collections.swap(changed, 0, 1);
            return changed;
        }
    }

    @ParameterizedTest
    @EnumSource
    void what_is_disclosed_falsely_is_refused_with_its_line(Attack attack) throws IOException {
        Path exported = whole();
        Path file = exported.resolve("disclosures.jsonl");
        List<String> lines = Files.readAllLines(file);
        assertThat(lines).hasSize(12);
        String end = attack == Attack.TORN ? "" : "\n";

        Files.writeString(file, String.join("\n", attack.change.apply(lines)) + end);

        assertThatThrownBy(() -> verify(exported))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("disclosures.jsonl: " + attack.verdict);
    }
}
