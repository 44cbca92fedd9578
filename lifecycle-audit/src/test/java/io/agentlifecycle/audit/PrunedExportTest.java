package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A log of which old texts are gone: its tree, its proofs, and what was exported of it before. */
class PrunedExportTest {
    private static final AgentId OLD = AgentId.of("old");
    private static final AgentId NEW = AgentId.of("new");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final Duration YEAR = Duration.ofDays(366);

    private final JdkKeys keys = JdkKeys.fresh();
    private final VerifierKey key = new VerifierKey(
            KeptLog.ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
    private final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");
    private final LifecycleStore store = LifecycleStore.inMemory();

    @TempDir
    private Path folder;

    private MerkleLog tree;
    private LifecycleManager manager;
    private String kept = "";

    @BeforeEach
    void prune() {
        open(tree());
        live(OLD);
        manager.decommission(OLD, "old", ADMIN);
        live(NEW);
        tree.export(folder.resolve("before"));
        tree.exportTrail(new AgentKey(TenantId.DEFAULT, OLD), folder.resolve("trail-before"));
        kept = tree.checkpoint().orElseThrow();
        clock.advance(YEAR);
        assertThat(manager.prune(clock.instant().minus(Duration.ofDays(200)), "a year is enough", ADMIN))
                .containsExactly(OLD);
        clock.advance(Duration.ofHours(1));
    }

    @AfterEach
    void close() {
        manager.verify();
        manager.close();
    }

    private MerkleLog tree() {
        return MerkleLog.create(folder.resolve("tree"), keys);
    }

    private void open(MerkleLog next) {
        tree = next;
        manager = LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .logOrigin(KeptLog.ORIGIN)
                .sealer(Ed25519AuditSealer.create(keys))
                .checkpoints(next)
                .build();
    }

    private void live(AgentId id) {
        manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                .id(id)
                .owner("alice@company.com")
                .build());
        manager.activate(id, ADMIN);
    }

    private LogBundle.Verified verify(Path exported) throws IOException {
        return new LogBundle(exported, key, Optional.empty(), true).verify();
    }

    private Path whole() {
        tree.export(folder.resolve("whole"));
        return folder.resolve("whole");
    }

    private long pruned() {
        return store.trail("a/default/old", 0, 100).stream()
                .filter(StoredEvent::isPruned)
                .count();
    }

    @Test
    void the_whole_log_verifies_and_says_how_much_of_it_is_gone() throws IOException {
        LogBundle.Verified verified = verify(whole());

        assertThat(verified.events().events()).containsEntry(Seal.PRUNED, pruned());
        assertThat(Files.readString(folder.resolve("whole/events.jsonl")))
                .contains("{\"pruned\":{\"leaf\":\"")
                .contains("\"reason\":\"a year is enough\"");
        Path vkey = Files.writeString(folder.resolve("key.vkey"), key + "\n");
        var said = new ByteArrayOutputStream();
        String[] args = {
            "verify",
            folder.resolve("whole").toString(),
            "--vkey",
            vkey.toString(),
            "--seen",
            checkpoint().toString()
        };
        assertThat(Verify.run(args, new PrintStream(said, true, UTF_8)))
                .as(said.toString(UTF_8))
                .isZero();
        assertThat(said.toString(UTF_8)).contains(pruned() + " pruned").contains("remembered checkpoint");
    }

    private Path checkpoint() throws IOException {
        return Files.writeString(folder.resolve("seen"), kept);
    }

    @Test
    void what_was_exported_before_still_verifies() throws IOException {
        assertThat(verify(folder.resolve("before")).events().events()).containsEntry(Seal.PRUNED, 0L);
        verify(folder.resolve("trail-before"));
    }

    @Test
    void a_part_of_it_verifies_too() throws IOException {
        tree.exportTrail(new AgentKey(TenantId.DEFAULT, OLD), folder.resolve("trail"));
        LogBundle.Verified trail = verify(folder.resolve("trail"));
        assertThat(trail.events().events()).containsEntry(Seal.PRUNED, pruned());

        tree.exportRange(1, 3, folder.resolve("range"));
        assertThat(verify(folder.resolve("range")).events().events())
                .containsEntry(Seal.PRUNED, 2L)
                .containsEntry(Seal.SIGNED, 1L);
        assertThat(verify(folder.resolve("range")).part()).contains(new LogBundle.Extent(0, 2, true, 2));
    }

    @Test
    void the_tree_opens_again_also_against_a_checkpoint_from_before_and_from_nothing() throws IOException {
        manager.close();
        open(tree().withTrustedCheckpoint(kept));
        assertThat(verify(whole()).events().events()).containsEntry(Seal.PRUNED, pruned());
        manager.close();
        String last = Files.readString(folder.resolve("tree/checkpoint"));
        Files.move(folder.resolve("tree"), folder.resolve("lost"));

        open(tree());
        tree.export(folder.resolve("anew"));
        assertThat(new LogBundle(folder.resolve("anew"), key, Optional.of(SignedNote.read(last)), false)
                        .verify()
                        .events()
                        .events())
                .as("made from what is left, it begins with what it was")
                .containsEntry(Seal.PRUNED, pruned());
    }

    /** A period has no events of which nobody knows the time. */
    @Test
    void a_period_has_what_has_a_time() throws IOException {
        tree.exportRange(Instant.parse("2026-01-01T00:00:00Z"), clock.instant(), folder.resolve("period"));
        assertThat(verify(folder.resolve("period")).events().events()).containsEntry(Seal.PRUNED, 0L);
    }

    private enum Attack {
        ANOTHER_HASH(lines -> each(lines, 1, Attack::rehashed), "events.jsonl: its root is "),
        ANOTHER_PLACE(
                lines -> each(lines, 1, line -> line.replace("\"n\":0", "\"n\":1")),
                "line 2 (event 1 of stream a/default/old): it does not follow"),
        ANOTHER_STREAM(
                lines -> each(lines, 1, line -> line.replace("default/old", "default/odd")),
                "line 3 (event 1 of stream a/default/old): it does not follow"),
        LEFT_OUT(lines -> each(lines, 1, line -> ""), "line 2: it is empty"),
        TWICE(
                lines -> each(lines, 1, line -> line + "\n" + line),
                "line 3 (event 0 of stream a/default/old): it does not follow"),
        MORE(Attack::more, "streams are pruned, and no event says so"),
        LOG(
                lines -> each(lines, 0, Attack::cut),
                "line 1 (event 0 of stream log): nothing of stream log is ever pruned"),
        LATER(Attack::later, "it is pruned, and one before it is not"),
        SHORT_HASH(lines -> each(lines, 1, line -> line.replaceAll("\"leaf\":\".", "\"leaf\":\"")), "line 2: "),
        ANOTHER_MEMBER(lines -> each(lines, 1, line -> line.replace("{\"leaf\"", "{\"a\":1,\"leaf\"")), "line 2: "),
        BLANKS(lines -> each(lines, 1, line -> line.replace(",", ", ")), "line 2: ");

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

        private static String rehashed(String line) {
            StoredEvent left = EventLine.readPruned(line).orElseThrow();
            return EventLine.writePruned(StoredEvent.pruned(left.stream(), left.n(), Digests.leafHash("another")));
        }

        /** What a store would leave of the event on that line. */
        private static String cut(String line) {
            return EventLine.writePruned(StoredEvent.of(EventLine.read(line)).pruned());
        }

        /** All of the first agent's trail but the event that says how much of it was pruned. */
        private static List<String> more(List<String> lines) {
            return lines.stream()
                    .map(line -> line.contains("\"kind\":\"agent.decommissioned\"") ? cut(line) : line)
                    .toList();
        }

        /** The second event of the agent whose trail is there. */
        private static List<String> later(List<String> lines) {
            return lines.stream()
                    .map(line -> line.contains("\"stream\":\"a/default/new\"") && line.contains("\"n\":1,")
                            ? cut(line)
                            : line)
                    .toList();
        }
    }

    @ParameterizedTest
    @EnumSource
    void what_is_left_cannot_be_changed(Attack attack) throws IOException {
        Path exported = whole();
        Path file = exported.resolve("events.jsonl");
        List<String> changed = attack.change.apply(Files.readAllLines(file));

        Files.writeString(file, String.join("\n", changed) + "\n");

        assertThatThrownBy(() -> verify(exported))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining(attack == Attack.MORE ? "are pruned, and no event says so" : attack.verdict);
    }

    /** Its last pruned hash is held by the event after it, and each by the tree. */
    @Test
    void the_last_hash_is_held_by_the_event_behind_it_too() throws IOException {
        Path file = whole().resolve("events.jsonl");
        List<String> lines = new ArrayList<>(Files.readAllLines(file));
        int last = (int) pruned();
        assertThat(EventLine.readPruned(lines.get(last))).isPresent();
        assertThat(EventLine.readPruned(lines.get(last + 1))).isEmpty();
        lines.set(last, Attack.rehashed(lines.get(last)));
        Files.writeString(file, String.join("\n", lines) + "\n");

        assertThatThrownBy(() -> verify(folder.resolve("whole")))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining(
                        "line %d (event %d of stream a/default/old): it does not follow".formatted(last + 2, last));
    }
}
