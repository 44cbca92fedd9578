package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log in the hands of somebody else, who has the key and an earlier checkpoint, and trusts nobody. */
class LogBundleTest {
    private static final String ORIGIN = "example.com/agents";

    private final JdkKeys keys = JdkKeys.fresh();
    private final VerifierKey key =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
    private final NoteSigner signer = new NoteSigner(keys, key);

    @TempDir
    private Path folder;

    /** A log with its tree. */
    private record Kept(LifecycleStore store, SignedLog log, MerkleLog tree) {
        void export(Path to) {
            tree.export(to);
        }
    }

    private Kept keep(String name, long seed) {
        LifecycleStore store = LifecycleStore.inMemory();
        var log = new SignedLog(new SignedLog.SigningKeys(keys), store, ORIGIN, seed);
        MerkleLog tree = MerkleLog.create(folder.resolve(name), keys);
        tree.open(ORIGIN, LogKeys.of(key.key().jwk()), store::events, log.clock.instant());
        return new Kept(store, log, tree);
    }

    /** Thirty events in a new folder. */
    private Path exported() {
        Kept kept = keep("tree", 1);
        kept.log().thirty();
        Path bundle = folder.resolve("bundle");
        kept.export(bundle);
        return bundle;
    }

    private LogBundle.Verified verify(Path bundle) throws IOException {
        return new LogBundle(bundle, key, Optional.empty(), true).verify();
    }

    private void refused(Path bundle, String... why) {
        assertThatThrownBy(() -> verify(bundle))
                .isInstanceOfSatisfying(
                        AuditTamperedException.class,
                        e -> assertThat(e.findings().get(0)).contains(why));
    }

    @Test
    void a_log_verifies_with_its_key_alone() throws IOException {
        Path bundle = exported();
        LogBundle.Verified verified = verify(bundle);

        assertThat(verified.checkpoint().size()).isEqualTo(30);
        assertThat(verified.events().heads()).hasSize(3);
        try (Stream<Path> files = Files.walk(bundle)) {
            assertThat(files.filter(Files::isRegularFile)
                            .map(file -> bundle.relativize(file).toString()))
                    .containsExactlyInAnyOrder(
                            "VERIFY.md",
                            "checkpoint",
                            "events.jsonl",
                            "genesis.vkey",
                            "manifest.json",
                            "tile/0/000.p/30");
        }
    }

    /** A full tile, one that is not, and one above them. */
    @Test
    void a_long_log_verifies_too() throws IOException {
        Kept kept = keep("tree", 1);
        for (int i = 0; i < 100; i++) {
            kept.log().active("a" + i);
        }
        Path bundle = folder.resolve("bundle");
        kept.export(bundle);

        assertThat(verify(bundle).checkpoint().size()).isGreaterThan(Tile.FULL);
        assertThat(bundle.resolve("tile/0/000")).isRegularFile();
        assertThat(bundle.resolve("tile/1")).isDirectory();
        Files.writeString(bundle.resolve("tile/0/000"), "x");
        refused(bundle, "tile/0/000: it does not have the hashes of the events");
    }

    @Test
    void a_log_without_events_has_no_key_and_is_not_exported() {
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        LifecycleStore store = LifecycleStore.inMemory();
        tree.open(ORIGIN, LogKeys.of(key.key().jwk()), store::events, Instant.EPOCH);

        assertThatThrownBy(() -> tree.export(folder.resolve("bundle")))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining("and it has none");
        assertThat(folder.resolve("bundle")).doesNotExist();
    }

    @Test
    void an_export_never_takes_the_place_of_another() {
        Kept kept = keep("tree", 1);
        Path bundle = folder.resolve("bundle");
        kept.export(bundle);
        assertThatThrownBy(() -> kept.export(bundle))
                .isInstanceOf(UncheckedIOException.class)
                .hasCauseInstanceOf(FileAlreadyExistsException.class)
                .hasMessageContaining("export into a new folder");
    }

    // ---- attacks

    /** All values of a byte would take long: the neighbours, the other case, the high bit. */
    @Test
    void every_byte_of_every_file_that_counts_is_held() throws IOException {
        Kept kept = keep("tree", 1);
        kept.log()
                .manager
                .requestProvisioning(ProvisioningRequest.builder("Agent a")
                        .id(AgentId.of("a"))
                        .owner("alice@company.com")
                        .build());
        Path bundle = folder.resolve("bundle");
        kept.export(bundle);
        holdsEveryByte(bundle, List.of("events.jsonl", "checkpoint", "genesis.vkey", "tile/0/000.p/2"));
        for (String name : List.of("VERIFY.md", "manifest.json")) {
            Files.writeString(bundle.resolve(name), "nobody reads this");
        }
        verify(bundle);
    }

    @Test
    void a_file_that_is_gone_is_named() throws IOException {
        Path bundle = exported();
        for (String name : List.of("events.jsonl", "checkpoint", "genesis.vkey", "tile/0/000.p/30")) {
            Path file = bundle.resolve(name);
            byte[] bytes = Files.readAllBytes(file);
            Files.delete(file);
            refused(bundle, name + ": it is not there");
            Files.write(file, new byte[40_000]);
            assertThatThrownBy(() -> verify(bundle)).isInstanceOf(AuditTamperedException.class);
            Files.write(file, bytes);
        }
        verify(bundle);
    }

    private void rewriteEvents(Path bundle, UnaryOperator<List<String>> change) throws IOException {
        Path file = bundle.resolve("events.jsonl");
        List<String> lines = change.apply(new ArrayList<>(Files.readAllLines(file)));
        Files.writeString(
                file, String.join("", lines.stream().map(line -> line + "\n").toList()));
    }

    private static List<String> change(List<String> lines, int line, String from, String to) {
        assertThat(lines.get(line)).contains(from);
        lines.set(line, lines.get(line).replace(from, to));
        return lines;
    }

    @Test
    void a_phantom_event_is_found_wherever_it_stands() throws IOException {
        Path bundle = exported();
        byte[] events = Files.readAllBytes(bundle.resolve("events.jsonl"));
        for (int at : new int[] {0, 1, 15, 30}) {
            for (int copied : new int[] {0, 7, 29}) {
                rewriteEvents(bundle, lines -> {
                    lines.add(at, lines.get(copied));
                    return lines;
                });
                assertThatThrownBy(() -> verify(bundle)).isInstanceOf(AuditTamperedException.class);
                Files.write(bundle.resolve("events.jsonl"), events);
            }
        }
    }

    @Test
    void events_of_different_streams_that_change_places_are_found_by_the_tree() throws IOException {
        Path bundle = exported();
        List<SealedEvent> events = Files.readAllLines(bundle.resolve("events.jsonl")).stream()
                .map(EventLine::read)
                .toList();
        int swapped = IntStream.range(1, 29)
                .filter(i -> !stream(events, i).equals(stream(events, i + 1)))
                .filter(i -> stream(events, i).startsWith("a/")
                        && stream(events, i + 1).startsWith("a/"))
                .findFirst()
                .orElseThrow();
        rewriteEvents(bundle, lines -> {
            Collections.swap(lines, swapped, swapped + 1);
            return lines;
        });
        refused(bundle, "events.jsonl: its root is");
    }

    private static String stream(List<SealedEvent> events, int i) {
        return events.get(i).event().position().stream();
    }

    @Test
    void a_missing_line_feed_at_the_end_is_found() throws IOException {
        Path bundle = exported();
        String events = Files.readString(bundle.resolve("events.jsonl"));
        Files.writeString(bundle.resolve("events.jsonl"), events.substring(0, events.length() - 1));
        refused(bundle, "line 30: it is not ended by a line feed");
    }

    @Test
    void a_checkpoint_by_another_key_or_of_another_log_is_found() throws IOException {
        Path bundle = exported();
        Path file = bundle.resolve("checkpoint");
        Checkpoint own = Checkpoint.read(SignedNote.read(Files.readString(file)).text());
        JdkKeys others = JdkKeys.fresh();
        var stranger = new NoteSigner(
                others,
                new VerifierKey(
                        ORIGIN, Ed25519PublicKey.of(others.publicKeys().get(0).jwk())));

        Files.writeString(file, stranger.sign(own.text()).toString());
        refused(bundle, "checkpoint: it has no signature of " + key);
        Files.writeString(
                file,
                signer.sign(new Checkpoint("example.com/others", 30, own.root()).text())
                        .toString());
        refused(bundle, "checkpoint: its log is example.com/others, but should be " + ORIGIN);
        Files.writeString(
                file, signer.sign(new Checkpoint(ORIGIN, 31, own.root()).text()).toString());
        refused(bundle, "events.jsonl: its number of events is 30, but should be 31");
        Files.writeString(
                file,
                signer.sign(new Checkpoint(ORIGIN, 30, Hash.EMPTY_TREE.toString()).text())
                        .toString());
        refused(bundle, "events.jsonl: its root is", "but should be " + Hash.EMPTY_TREE);
        Files.writeString(file, own.text());
        refused(bundle, "checkpoint: a note has a blank line before its signatures");
    }

    @Test
    void the_key_in_the_folder_is_not_the_one_that_counts() throws IOException {
        Path bundle = exported();
        var others = new VerifierKey(
                ORIGIN, Ed25519PublicKey.of(JdkKeys.fresh().publicKeys().get(0).jwk()));
        Files.writeString(bundle.resolve("genesis.vkey"), others + "\n");
        refused(bundle, "genesis.vkey: its key is " + others);
        assertThatThrownBy(() -> new LogBundle(bundle, others, Optional.empty(), true).verify())
                .isInstanceOf(AuditTamperedException.class);
    }

    @Test
    void whole_logs_of_two_stores_under_one_key_are_not_mixed() throws IOException {
        Path bundle = exported();
        Kept other = keep("other", 2);
        other.log().thirty();
        other.export(folder.resolve("others"));
        for (String name : List.of("events.jsonl", "checkpoint", "tile/0/000.p/30")) {
            byte[] own = Files.readAllBytes(bundle.resolve(name));
            Files.write(
                    bundle.resolve(name),
                    Files.readAllBytes(folder.resolve("others").resolve(name)));
            assertThatThrownBy(() -> verify(bundle)).as(name).isInstanceOf(AuditTamperedException.class);
            Files.write(bundle.resolve(name), own);
        }
        verify(bundle);
    }

    // ---- with a remembered checkpoint

    private Optional<SignedNote> remembered(String bundle) throws IOException {
        return Optional.of(SignedNote.read(Files.readString(folder.resolve(bundle + "/checkpoint"))));
    }

    @Test
    void a_later_export_begins_with_a_remembered_checkpoint() throws IOException {
        Kept kept = keep("tree", 1);
        kept.log().active("a");
        kept.export(folder.resolve("before"));
        Checkpoint before = verify(folder.resolve("before")).checkpoint();
        kept.log().active("b");
        kept.export(folder.resolve("after"));

        new LogBundle(folder.resolve("after"), key, remembered("before"), true).verify();
        new LogBundle(folder.resolve("before"), key, remembered("before"), true).verify();
        Checkpoint after = verify(folder.resolve("after")).checkpoint();
        assertThatThrownBy(() -> new LogBundle(folder.resolve("before"), key, remembered("after"), true).verify())
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining(
                        "TRUNCATED: the log has %d events, but it had %d".formatted(before.size(), after.size()));
    }

    @Test
    void two_checkpoints_of_one_size_with_different_roots_are_a_fork() throws IOException {
        Path bundle = exported();
        var other = new Checkpoint(ORIGIN, 30, Hash.EMPTY_TREE.toString());
        for (Path each : List.of(bundle, trailOf(keep("again", 1)))) {
            Optional<SignedNote> seen = Optional.of(signer.sign(other.text()));
            assertThatThrownBy(() -> new LogBundle(each, key, seen, true).verify())
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining("checkpoint: FORK: the first 30 events have the root");
        }
    }

    /** The holder of the key writes another history with as many events; by itself it verifies. */
    @Test
    void a_rewrite_by_the_holder_of_the_key_is_found_with_a_remembered_checkpoint_only() throws IOException {
        Kept kept = keep("tree", 1);
        kept.log().thirty();
        kept.export(folder.resolve("true"));
        Checkpoint remembered = verify(folder.resolve("true")).checkpoint();
        Kept forged = keep("forged", 2);
        forged.log().thirty();
        forged.log().active("c");
        forged.export(folder.resolve("forgery"));

        verify(folder.resolve("forgery"));
        assertThatThrownBy(() -> new LogBundle(folder.resolve("forgery"), key, remembered("true"), true).verify())
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("FORK: the first 30 events have the root")
                .hasMessageContaining(remembered.root());
    }

    // ---- the trail of one agent

    /** Seventeen or so of the thirty events. */
    private Path trail() {
        return trailOf(keep("tree", 1));
    }

    private Path trailOf(Kept kept) {
        kept.log().thirty();
        Path bundle = folder.resolve("trail");
        kept.tree().exportTrail(new AgentKey(TenantId.DEFAULT, AgentId.of("a")), bundle);
        return bundle;
    }

    private static Path proof(Path bundle, int line) {
        return bundle.resolve(LogProof.fileOf(line));
    }

    private void rewriteProof(Path bundle, int line, UnaryOperator<String> change) throws IOException {
        String before = Files.readString(proof(bundle, line));
        String after = change.apply(before);
        assertThat(after).isNotEqualTo(before);
        Files.writeString(proof(bundle, line), after);
    }

    @Test
    void a_trail_verifies_with_the_key_alone() throws IOException {
        Path bundle = trail();
        LogBundle.Verified verified = verify(bundle);

        assertThat(verified.whole()).isFalse();
        assertThat(verified.checkpoint().size()).isEqualTo(30);
        assertThat(verified.events().heads()).containsOnlyKeys("log", "a/default/a");
        Path vkey = Files.writeString(folder.resolve("key.vkey"), key + "\n");
        var output = new StringBuilder();
        assertThat(run(output, "verify", bundle, "--vkey", vkey)).isEqualTo(1);
        assertThat(output).contains("this is a part of a log, and not the whole; say --part");
        assertThat(run(output, "verify", bundle, "--vkey", vkey, "--part"))
                .as("%s", output)
                .isZero();
        assertThat(output).contains("a part of the 30 events of the log: each is proven to be in it");
        assertThat(run(output, "verify", bundle, "--vkey", vkey, "--seen", bundle.resolve("checkpoint"), "--part"))
                .isZero();
    }

    @Test
    void a_trail_is_not_compared_with_a_checkpoint_that_it_has_no_proof_for() throws IOException {
        Path bundle = trail();
        Path vkey = Files.writeString(folder.resolve("key.vkey"), key + "\n");
        var earlier = new Checkpoint(ORIGIN, 7, Hash.EMPTY_TREE.toString());
        Path seen = Files.writeString(
                folder.resolve("seen"), signer.sign(earlier.text()).toString());
        var output = new StringBuilder();

        assertThat(run(output, "verify", bundle, "--vkey", vkey, "--seen", seen, "--part"))
                .isEqualTo(1);
        assertThat(output).contains("ask for the whole log");
    }

    @Test
    void an_agent_without_events_has_no_trail() {
        Kept kept = keep("tree", 1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kept.tree()
                        .exportTrail(new AgentKey(TenantId.DEFAULT, AgentId.of("nobody")), folder.resolve("trail")))
                .withMessage("the log has no events of stream a/default/nobody");
    }

    @Test
    void a_proof_of_another_event_or_of_none_is_refused() throws IOException {
        Path bundle = trail();
        int last = Files.readAllLines(bundle.resolve("events.jsonl")).size();
        byte[] own = Files.readAllBytes(proof(bundle, 2));

        Files.copy(proof(bundle, 3), proof(bundle, 2), StandardCopyOption.REPLACE_EXISTING);
        refused(bundle, "0002.tlog-proof: leaf", "is not in the tree of 30");
        Files.write(proof(bundle, 2), own);
        rewriteProof(bundle, 2, text -> text.replaceFirst("index [0-9]+", "index 29"));
        refused(bundle, "0002.tlog-proof");
        Files.write(proof(bundle, 2), own);
        rewriteProof(bundle, 2, text -> text.replaceFirst("index [0-9]+", "index 30"));
        refused(bundle, "0002.tlog-proof: there is no leaf 30 in a tree of 30");
        Files.write(proof(bundle, 2), own);
        // a proof without hashes would do for a tree of one leaf
        rewriteProof(
                bundle,
                2,
                text -> new LogProof(0, List.of(), LogProof.read(text).note()).toString());
        refused(bundle, "0002.tlog-proof: such a proof has");
        Files.write(proof(bundle, 2), own);
        rewriteProof(bundle, 2, text -> text.replace("index", "extra AAAA\nindex"));
        refused(bundle, "0002.tlog-proof: a proof has an index, hashes, a blank line and a checkpoint");
        Files.write(proof(bundle, 2), own);
        Files.delete(proof(bundle, last));
        refused(bundle, LogProof.fileOf(last) + ": it is not there");
    }

    @Test
    void a_proof_for_another_checkpoint_is_refused() throws IOException {
        Path bundle = trail();
        var other = new Checkpoint(
                ORIGIN,
                1,
                Hash.ofLeaf(EventLine.read(Files.readAllLines(bundle.resolve("events.jsonl"))
                                        .get(0))
                                .leafHash())
                        .toString());
        rewriteProof(
                bundle,
                1,
                text -> new LogProof(0, List.of(), signer.sign(other.text()).toString()).toString());
        refused(bundle, "0001.tlog-proof: it is for another checkpoint than the one in the folder");
    }

    @Test
    void an_event_that_is_missing_in_a_trail_shows_even_if_its_proof_is_missing_too() throws IOException {
        Path bundle = trail();
        int last = Files.readAllLines(bundle.resolve("events.jsonl")).size();
        rewriteEvents(bundle, lines -> {
            lines.remove(3);
            return lines;
        });
        for (int line = 4; line < last; line++) {
            Files.move(proof(bundle, line + 1), proof(bundle, line), StandardCopyOption.REPLACE_EXISTING);
        }
        refused(bundle, "line 4 (event 3 of stream a/default/a): it does not follow event 1");
    }

    @Test
    void proofs_of_events_that_are_not_there_show_but_a_trail_does_not_say_that_it_goes_on() throws IOException {
        Path bundle = trail();
        int last = Files.readAllLines(bundle.resolve("events.jsonl")).size();
        rewriteEvents(bundle, lines -> lines.subList(0, last - 1));
        refused(bundle, "events.jsonl: it has %d events, but there are proofs of more".formatted(last - 1));
        Files.delete(proof(bundle, last));
        assertThat(verify(bundle).events().heads().get("a/default/a").next().n())
                .isEqualTo(last - 2);
    }

    @Test
    void a_part_does_not_pass_for_the_whole_nor_the_whole_for_a_part() throws IOException {
        Path part = trail();
        int last = Files.readAllLines(part.resolve("events.jsonl")).size();
        byte[] first = Files.readAllBytes(proof(part, 1));
        for (int line = 1; line <= last; line++) {
            Files.delete(proof(part, line));
        }
        refused(part, "events.jsonl: its number of events is " + last);

        Path whole = folder.resolve("whole");
        Kept kept = keep("again", 1);
        kept.log().thirty();
        kept.export(whole);
        Files.write(proof(whole, 1), first);
        refused(whole, "0001.tlog-proof");
    }

    @Test
    void every_byte_of_every_file_of_a_trail_that_counts_is_held() throws IOException {
        Kept kept = keep("tree", 1);
        kept.log()
                .manager
                .requestProvisioning(ProvisioningRequest.builder("Agent a")
                        .id(AgentId.of("a"))
                        .owner("alice@company.com")
                        .build());
        Path bundle = folder.resolve("bundle");
        kept.tree().exportTrail(new AgentKey(TenantId.DEFAULT, AgentId.of("a")), bundle);
        holdsEveryByte(bundle, List.of("events.jsonl", "checkpoint", "genesis.vkey", "0001.tlog-proof"));
    }

    private void holdsEveryByte(Path bundle, List<String> names) throws IOException {
        int changes = 0;
        for (String name : names) {
            Path file = bundle.resolve(name);
            byte[] bytes = Files.readAllBytes(file);
            for (int i = 0; i < bytes.length; i++) {
                for (int bits : new int[] {1, 0x20, 0x80}) {
                    bytes[i] ^= (byte) bits;
                    Files.write(file, bytes);
                    assertThatThrownBy(() -> verify(bundle))
                            .as("byte %d of %s, bits %d", i, name, bits)
                            .isInstanceOf(AuditTamperedException.class);
                    bytes[i] ^= (byte) bits;
                    changes++;
                }
            }
            Files.write(file, bytes);
        }
        assertThat(changes).isGreaterThan(3_000);
        verify(bundle);
    }

    // ---- the command line

    private int run(StringBuilder output, Object... args) {
        var bytes = new ByteArrayOutputStream();
        int code = Verify.run(
                Stream.of(args).map(String::valueOf).toArray(String[]::new), new PrintStream(bytes, true, UTF_8));
        output.append(bytes.toString(UTF_8));
        return code;
    }

    @Test
    void the_command_says_what_it_found() throws IOException {
        Path bundle = exported();
        Path vkey = Files.writeString(folder.resolve("key.vkey"), key + "\n");
        Path seen = Files.copy(bundle.resolve("checkpoint"), folder.resolve("seen"));
        var output = new StringBuilder();

        assertThat(run(output, "verify", bundle, "--vkey", vkey))
                .as("%s", output)
                .isZero();
        assertThat(output)
                .contains("log " + ORIGIN, "30 events in 3 streams", "28 signed", "2 endorsed_late")
                .contains("compared with no remembered checkpoint");
        output.setLength(0);
        assertThat(run(output, "verify", bundle, "--vkey", vkey, "--seen", seen))
                .as("%s", output)
                .isZero();
        assertThat(output).contains("it begins with the 30 events of the remembered checkpoint");

        rewriteEvents(bundle, lines -> change(lines, 2, "admin@company.com", "mallory@company.com"));
        output.setLength(0);
        assertThat(run(output, "verify", bundle, "--vkey", vkey)).isEqualTo(1);
        assertThat(output.toString())
                .startsWith("line 3 (event 1 of stream a/default/a): its signature is not that of key ")
                .hasLineCount(1);
    }

    @Test
    void the_command_is_not_upset_by_what_it_is_given() throws IOException {
        Path bundle = exported();
        Path vkey = Files.writeString(folder.resolve("key.vkey"), key + "\n");
        Path noise = Files.write(folder.resolve("noise"), new byte[1_000]);
        Path huge = Files.write(folder.resolve("huge"), new byte[100_000]);
        var output = new StringBuilder();

        assertThat(run(output)).isEqualTo(2);
        assertThat(output).contains("usage: verify DIR --vkey FILE [--seen CHECKPOINT]");
        assertThat(run(output, "verify", bundle)).isEqualTo(2);
        assertThat(run(output, "export", bundle, "--vkey", vkey)).isEqualTo(2);
        assertThat(run(output, "verify", "\0", "--vkey", vkey)).isEqualTo(2);
        for (Object wrong : List.of(folder.resolve("none"), folder, noise, huge)) {
            assertThat(run(output, "verify", wrong, "--vkey", vkey)).isEqualTo(1);
            assertThat(run(output, "verify", bundle, "--vkey", wrong)).isEqualTo(1);
            assertThat(run(output, "verify", bundle, "--vkey", vkey, "--seen", wrong))
                    .isEqualTo(1);
        }
        assertThat(output).doesNotContain("\tat ");
    }

    /** What others wrote is shown, but a terminal does not obey it. */
    @Test
    void what_is_printed_is_one_harmless_line() throws IOException {
        Path bundle = exported();
        Path vkey = Files.writeString(folder.resolve("key.vkey"), key + "\n");
        Files.writeString(
                bundle.resolve("genesis.vkey"),
                "\u001b[2J\u001b[Hlog " + ORIGIN + "\n30 events\u2028" + "x".repeat(9_000));
        var output = new StringBuilder();

        assertThat(run(output, "verify", bundle, "--vkey", vkey)).isEqualTo(1);
        assertThat(output.toString())
                .startsWith("genesis.vkey: its key is ?[2J?[Hlog example.com/agents?30 events?x")
                .hasSizeLessThan(420)
                .hasLineCount(1);
    }

    /** Lines that need no signature could fill the memory, each with a stream of its own. */
    @Test
    void no_stream_begins_with_a_line_that_needs_no_signature() throws IOException {
        Path bundle = exported();
        rewriteEvents(bundle, lines -> {
            SealedEvent first = EventLine.read(lines.get(0));
            for (int i = 0; i < 100; i++) {
                lines.add(EventLine.write(waiting(first.event(), "a/default/x" + i)));
            }
            return lines;
        });
        refused(bundle, "line 31 (event 0 of stream a/default/x0): no stream begins with an event that nobody signed");
    }

    private static SealedEvent waiting(AuditEvent like, String stream) {
        return SealedEvent.write(new AuditEvent(
                like.log(),
                like.id(),
                like.at(),
                like.keyId(),
                StreamHead.of(stream).next(),
                EventContent.of(EventKind.HEARTBEAT_FIRST, Actor.SYSTEM, Json.Obj.EMPTY)));
    }

    @Test
    void the_leftovers_of_an_export_that_failed_are_not_in_the_next_one() throws IOException {
        Kept kept = keep("tree", 1);
        kept.log().thirty();
        Path bundle = folder.resolve("bundle");
        Path tile = folder.resolve("tree/tile/0/000.p/30");
        kept.export(folder.resolve("before"));
        byte[] sound = Files.readAllBytes(tile);
        byte[] wrong = sound.clone();
        wrong[9 * 32] ^= 1;
        Files.write(tile, wrong);
        var agent = new AgentKey(TenantId.DEFAULT, AgentId.of("a"));
        assertThatThrownBy(() -> kept.tree().exportTrail(agent, bundle))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("the tiles do not prove what the store says");
        assertThat(bundle).doesNotExist();

        Files.write(tile, sound);
        kept.export(bundle);
        assertThat(verify(bundle).whole()).isTrue();
    }

    @Test
    void noise_instead_of_a_file_is_refused_and_nothing_else_is_thrown() throws IOException {
        Path bundle = exported();
        var random = new Random(5);
        for (String name : List.of("events.jsonl", "checkpoint", "genesis.vkey", "tile/0/000.p/30")) {
            Path file = bundle.resolve(name);
            byte[] own = Files.readAllBytes(file);
            for (int i = 0; i < 200; i++) {
                byte[] noise = own.clone();
                int from = random.nextInt(noise.length);
                int length = 1 + random.nextInt(Math.min(64, noise.length - from));
                for (int at = from; at < from + length; at++) {
                    noise[at] =
                            (byte) (random.nextBoolean() ? random.nextInt(256) : "{}\"\n:,".charAt(random.nextInt(6)));
                }
                if (!Arrays.equals(noise, own)) {
                    Files.write(file, noise);
                    assertThatThrownBy(() -> verify(bundle)).isInstanceOf(AuditTamperedException.class);
                }
            }
            Files.write(file, own);
        }
        verify(bundle);
    }

    /** The commands of the guide that is in the folder, word for word. */
    @Test
    @Tag("host")
    void an_event_and_the_checkpoint_are_verified_with_openssl_alone_by_the_guide_in_the_folder() throws Exception {
        Kept kept = keep("tree", 1);
        Path whole = folder.resolve("bundle");
        Path trail = trailOf(kept);
        kept.export(whole);
        for (Path bundle : List.of(whole, trail)) {
            String guide = Files.readString(bundle.resolve("VERIFY.md"));
            assertThat(guide).contains("the log `" + ORIGIN + "`").doesNotContain("{x}", "{log}");
            List<String> commands = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL)
                    .matcher(guide.substring(guide.indexOf("openssl alone")))
                    .results()
                    .map(block -> block.group(1))
                    .toList();
            assertThat(commands).hasSize(3);

            assertThat(sh(bundle, commands.get(0))).isEmpty();
            assertThat(sh(bundle, commands.get(1))).isEqualTo("Signature Verified Successfully\n");
            assertThat(sh(bundle, commands.get(2))).isEqualTo("Signature Verified Successfully\n");
            rewriteEvents(bundle, lines -> change(lines, 0, "\"n\":0", "\"n\":1"));
            Files.writeString(
                    bundle.resolve("checkpoint"),
                    Files.readString(bundle.resolve("checkpoint")).replace("\n30\n", "\n31\n"));
            assertThat(sh(bundle, commands.get(1))).contains("Signature Verification Failure");
            assertThat(sh(bundle, commands.get(2))).contains("Signature Verification Failure");
        }
    }

    private static String sh(Path folder, String commands) throws IOException, InterruptedException {
        Process process = new ProcessBuilder("sh", "-c", commands)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        return output;
    }
}
