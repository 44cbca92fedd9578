package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.CorruptStoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import io.agentlifecycle.storage.json.JsonStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the audit log of AgentMesh lets through, tried on a log that a manager signed, kept on disk, and exported. */
class AgentMeshAuditTest {
    private static final String ORIGIN = Bundle.Source.ORIGIN;
    private static final AgentId A = AgentId.of("a");

    private final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");
    private final SigningKeyStore keys = InMemoryKeys.create(Purpose.AUDIT, clock);
    private final VerifierKey key =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));

    @TempDir
    private Path folder;

    // ---- a host

    private MerkleLog tree(String home) {
        return MerkleLog.create(folder.resolve(home).resolve("tree"), keys);
    }

    private LifecycleManager open(String home, MerkleLog tree) {
        return builder()
                .storage(folder.resolve(home).resolve("store"))
                .checkpoints(tree)
                .build();
    }

    private LifecycleManager.Builder builder() {
        return LifecycleManager.builder()
                .logOrigin(ORIGIN)
                .sealer(Ed25519AuditSealer.create(keys))
                .clock(clock);
    }

    private static void request(LifecycleManager manager, AgentId agent) {
        manager.requestProvisioning(ProvisioningRequest.builder("Agent " + agent)
                .id(agent)
                .owner(SignedLog.ALICE.id())
                .requestedBy(SignedLog.ALICE)
                .build());
    }

    /** The life of an agent, in two streams. */
    private static void live(LifecycleManager manager) {
        request(manager, A);
        manager.approve(A, SignedLog.ADMIN);
        manager.activate(A);
        manager.suspend(A, "maintenance", SignedLog.ADMIN);
        manager.resume(A, SignedLog.ADMIN);
        manager.decommission(A, "sunset", SignedLog.ADMIN);
    }

    private interface Exporting {
        void export(MerkleLog tree, Path to);
    }

    private Bundle exported(Exporting exporting) {
        MerkleLog tree = tree("host");
        try (LifecycleManager manager = open("host", tree)) {
            live(manager);
            exporting.export(tree, folder.resolve("bundle"));
        }
        return new Bundle(folder.resolve("bundle"));
    }

    private Bundle whole() {
        return exported(MerkleLog::export);
    }

    private Bundle trail() {
        return exported((tree, to) -> tree.exportTrail(new AgentKey(TenantId.DEFAULT, A), to));
    }

    // ---- an auditor

    private void refused(Bundle bundle, String finding) throws IOException {
        Bundle.Verdict verdict = bundle.verdict(key.toString(), "--part");
        assertThat(verdict.output()).startsWith(finding).hasLineCount(1);
        assertThat(verdict.code()).isEqualTo(1);
    }

    private void accepted(Bundle bundle) throws IOException {
        Bundle.Verdict verdict = bundle.verdict(key.toString(), "--part");
        assertThat(verdict.code()).as(verdict.output()).isZero();
    }

    private static int lineOf(Bundle bundle, EventKind kind) throws IOException {
        List<String> lines = bundle.lines();
        return 1
                + IntStream.range(0, lines.size())
                        .filter(i -> EventLine.read(lines.get(i)).event().kind() == kind)
                        .findFirst()
                        .orElseThrow();
    }

    // ---- the twelve

    @Test
    void changed_approver() throws IOException {
        Bundle bundle = whole();
        accepted(bundle);
        int line = lineOf(bundle, EventKind.AGENT_APPROVED);
        bundle.line(line, text -> text.replace("\"by\":\"admin@company.com\"", "\"by\":\"mallory@company.com\""));
        refused(bundle, "line %d (event 1 of stream a/default/a): its signature is not that of".formatted(line));
    }

    /** The new event is one that could have been written: only its signature gives it away. */
    @Test
    void changed_decision() throws IOException {
        Bundle bundle = whole();
        int line = lineOf(bundle, EventKind.AGENT_APPROVED);
        bundle.line(
                line,
                text -> text.replaceFirst("\"approval\":\\{[^}]*\\},", "")
                        .replace("\"command\":\"approve\"", "\"command\":\"reject\"")
                        .replace("\"details\":{}", "\"details\":{\"reason\":\"no\"}")
                        .replace("agent.approved", "agent.rejected")
                        .replace("\"to\":\"provisioned\"", "\"to\":\"decommissioned\""));
        assertThat(EventLine.read(bundle.lines().get(line - 1)).event().kind()).isEqualTo(EventKind.AGENT_REJECTED);
        refused(bundle, "line %d (event 1 of stream a/default/a): its signature is not that of".formatted(line));
    }

    @Test
    void cut_tail() throws IOException {
        Bundle bundle = whole();
        int size = bundle.lines().size();
        bundle.lines(lines -> lines.subList(0, size - 2));
        refused(bundle, "events.jsonl: its number of events is %d, but should be %d".formatted(size - 2, size));
    }

    /** Neither the file that an auditor gets, nor the store itself, can be empty and fine. */
    @Test
    void emptied_file() throws IOException {
        Bundle bundle = whole();
        int size = bundle.lines().size();
        bundle.write(Bundle.EVENTS, "");
        refused(bundle, "events.jsonl: its number of events is 0, but should be " + size);

        Files.move(folder.resolve("host/store"), folder.resolve("gone"));
        assertThatThrownBy(() -> open("host", tree("host"))).isInstanceOf(AuditTamperedException.class);
    }

    /** From the change on, all hashes, the tree and its tiles are computed anew, as anyone can. */
    @Test
    void rechained_forgery() throws IOException {
        Bundle bundle = whole();
        int line = lineOf(bundle, EventKind.AGENT_APPROVED);
        List<String> honest = bundle.lines();
        bundle.lines(lines -> {
            lines.set(line - 1, lines.get(line - 1).replace("admin@company.com", "mallory@company.com"));
            for (int i = line; i < lines.size(); i++) {
                String before = EventLine.read(honest.get(i - 1)).leafHash();
                String forged = EventLine.read(lines.get(i - 1)).leafHash();
                for (int later = i; later < lines.size(); later++) {
                    lines.set(later, lines.get(later).replace(before, forged));
                }
            }
            return lines;
        });
        String note = bundle.text(Bundle.CHECKPOINT);
        bundle.sealAnew(new NoteSigner(keys, key));
        bundle.write(Bundle.CHECKPOINT, note);
        refused(bundle, "line %d (event 1 of stream a/default/a): its signature is not that of".formatted(line));
    }

    /** A proof has as many hashes as its place asks for, and what is hashed to a node is not the text of an event. */
    @Test
    void interior_node_as_entry() throws IOException {
        Bundle whole = whole();
        byte[] tile = whole.bytes("tile/0/000.p/" + whole.lines().size());
        byte[] children = Arrays.copyOf(tile, 2 * Hash.BYTES);
        Hash node = Hash.node(Hash.at(tile, 0), Hash.at(tile, 1));
        Checkpoint checkpoint = whole.checkpoint();
        List<Hash> above = new MerkleTree(ignored -> tile, checkpoint.size()).inclusion(0);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MerkleProof.requireIncluded(
                        node, 0, checkpoint.size(), above.subList(1, above.size()), checkpoint.rootHash()))
                .withMessageStartingWith("such a proof has");

        whole.lines(lines -> lines.subList(2, lines.size()));
        var events = new ByteArrayOutputStream();
        events.writeBytes(new String(children, ISO_8859_1).replace("\n", "").getBytes(ISO_8859_1));
        events.write('\n');
        events.writeBytes(whole.bytes(Bundle.EVENTS));
        whole.write(Bundle.EVENTS, events.toByteArray());
        refused(whole, "line 1: ");
    }

    /** Signed with the key of the log, but never in it: in a twin of it, say, on which someone tried things out. */
    @Test
    void phantom_entry() throws IOException {
        Bundle bundle = trail();
        MerkleLog twin = tree("twin");
        try (LifecycleManager manager = open("twin", twin)) {
            live(manager);
            twin.exportTrail(new AgentKey(TenantId.DEFAULT, A), folder.resolve("phantoms"));
        }
        var phantoms = new Bundle(folder.resolve("phantoms"));
        accepted(bundle);
        accepted(phantoms);
        bundle.write(Bundle.EVENTS, phantoms.bytes(Bundle.EVENTS));
        refused(
                bundle,
                "0001.tlog-proof: leaf 0 is not in the tree of "
                        + bundle.checkpoint().size());
    }

    /** A proof without any hash proves that an event is all of a log of one event. This log has more. */
    @Test
    void one_entry_proof() throws IOException {
        Bundle bundle = trail();
        String note = bundle.text(Bundle.CHECKPOINT);
        bundle.write("0001.tlog-proof", new LogProof(0, List.of(), note).toString());
        refused(bundle, "0001.tlog-proof: such a proof has");

        String leaf = EventLine.read(bundle.lines().get(0)).leafHash();
        var ofOne = new Checkpoint(ORIGIN, 1, Hash.ofLeaf(leaf).toString());
        String signed = new NoteSigner(keys, key).sign(ofOne.text()).toString();
        bundle.write("0001.tlog-proof", new LogProof(0, List.of(), signed).toString());
        refused(bundle, "0001.tlog-proof: it is for another checkpoint than the one in the folder");
    }

    /** The store begins new files again and again; none of them takes an event along, and none can be taken away. */
    @Test
    void rotation_losing_entries() throws IOException {
        Path home = folder.resolve("host/store");
        List<String> written = new ArrayList<>();
        MerkleLog tree = tree("host");
        try (JsonStore store = JsonStore.open(home);
                LifecycleManager manager =
                        builder().store(store).checkpoints(tree).build()) {
            for (int i = 0; i < 5; i++) {
                request(manager, AgentId.of("agent-" + i));
                store.checkpoint();
            }
            manager.events(0, Integer.MAX_VALUE).events().forEach(event -> written.add(EventLine.write(event)));
        }
        assertThat(written).hasSize(6);
        try (LifecycleManager manager = open("host", tree)) {
            manager.verify();
            tree.export(folder.resolve("bundle"));
        }
        var bundle = new Bundle(folder.resolve("bundle"));
        assertThat(bundle.lines()).isEqualTo(written);
        accepted(bundle);

        List<Path> rotated = files(home, "audit-.*\\.jsonl");
        assertThat(rotated).hasSizeGreaterThan(1);
        for (Path file : rotated) {
            Path aside = folder.resolve("aside");
            Files.move(file, aside);
            assertThatThrownBy(() -> open("host", tree))
                    .as("without %s", file)
                    .isInstanceOf(CorruptStoreException.class)
                    .hasMessageContaining(file.getFileName().toString());
            Files.move(aside, file);
        }
        open("host", tree).close();
    }

    private static List<Path> files(Path in, String name) throws IOException {
        try (Stream<Path> files = Files.walk(in)) {
            return files.filter(file -> file.getFileName().toString().matches(name))
                    .sorted()
                    .toList();
        }
    }

    /** As a crash leaves it: the log goes on, says what was cut, and signs that. */
    @Test
    void torn_last_line_stopping_the_start() throws IOException {
        MerkleLog tree = tree("host");
        try (LifecycleManager manager = open("host", tree)) {
            live(manager);
            manager.sweeper().sweep();
            request(manager, AgentId.of("late"));
            Bundle.copy(folder.resolve("host"), folder.resolve("crashed"));
        }
        List<Path> journal = files(folder.resolve("crashed/store"), "journal-.*");
        byte[] torn = "{\"seq\":99,\"prev\":\"".getBytes(ISO_8859_1);
        Files.write(journal.get(journal.size() - 1), torn, StandardOpenOption.APPEND);

        MerkleLog after = tree("crashed");
        try (LifecycleManager manager = open("crashed", after)) {
            assertThat(manager.find(AgentId.of("late"))).isPresent();
            SealedEvent recovered = manager.events(0, Integer.MAX_VALUE).events().stream()
                    .filter(event -> event.event().kind() == EventKind.LOG_RECOVERED)
                    .findFirst()
                    .orElseThrow();
            assertThat(recovered.signature()).isPresent();
            assertThat(recovered.event().details())
                    .isEqualTo(Json.object()
                            .put("bytes", torn.length)
                            .put("sha256", Digests.base64Url(Digests.sha256(torn)))
                            .build());
            manager.verify();
            after.export(folder.resolve("bundle"));
        }
        accepted(new Bundle(folder.resolve("bundle")));
    }

    /** Every member that an event has, however deep it stands: changed, and left out, and one more beside it. */
    @Test
    void unhashed_fields() throws IOException {
        Bundle bundle = whole();
        byte[] honest = bundle.bytes(Bundle.EVENTS);
        Set<String> tried = new TreeSet<>();
        for (int line = 1; line <= bundle.lines().size(); line++) {
            String canonical = EventLine.read(bundle.lines().get(line - 1)).canonical();
            Map<String, Json.Obj> changes = new TreeMap<>();
            change("event", (Json.Obj) CanonicalJson.read(canonical, canonical.length()), changes::put);
            changes.keySet().removeAll(tried);
            for (Map.Entry<String, Json.Obj> change : changes.entrySet()) {
                String changed = CanonicalJson.write(change.getValue());
                bundle.line(line, text -> text.replace(canonical, changed));
                refused(bundle, "line " + line);
                bundle.write(Bundle.EVENTS, honest);
            }
            tried.addAll(changes.keySet());
        }
        assertThat(tried)
                .contains("event.actor.assurance changed", "event.details.key.x left out", "event.approval.zzz added")
                .hasSizeGreaterThan(100);
        accepted(bundle);
    }

    /** Tells of the object with one change in it, or in an object below it. */
    private static void change(String path, Json.Obj object, BiConsumer<String, Json.Obj> changes) {
        changes.accept(path + ".zzz added", with(object, "zzz", Json.of("more")));
        object.members().forEach((name, value) -> {
            String member = path + "." + name;
            Map<String, Json> without = new TreeMap<>(object.members());
            without.remove(name);
            changes.accept(member + " left out", new Json.Obj(without));
            if (value instanceof Json.Obj inner) {
                change(member, inner, (what, changed) -> changes.accept(what, with(object, name, changed)));
            } else if (value instanceof Json.Int number) {
                changes.accept(member + " changed", with(object, name, Json.of(number.value() + 1)));
            } else if (value instanceof Json.Str text) {
                changes.accept(member + " changed", with(object, name, Json.of(text.value() + "x")));
            } else {
                changes.accept(member + " changed", with(object, name, Json.of("other")));
            }
        });
    }

    private static Json.Obj with(Json.Obj object, String name, Json value) {
        Map<String, Json> members = new TreeMap<>(object.members());
        members.put(name, value);
        return new Json.Obj(members);
    }

    /** However many pages an export takes, it is all of the log; and if it cannot be, there is none. */
    @Test
    void silently_truncated_export() throws IOException {
        MerkleLog tree = tree("host");
        LifecycleStore store = LifecycleStore.inMemory();
        AgentId last = AgentId.of("last");
        var forgetful = new AtomicBoolean();
        try (LifecycleManager manager = builder().store(store).build()) {
            for (int i = 1; i < 1_100; i++) {
                request(manager, AgentId.of("agent-" + i));
            }
            request(manager, last);
        }
        tree.open(
                ORIGIN,
                LogKeys.of(key.key().jwk()),
                (cursor, limit) ->
                        forgetful.get() ? without(last, store.events(cursor, limit)) : store.events(cursor, limit),
                clock.instant());
        tree.export(folder.resolve("bundle"));
        var bundle = new Bundle(folder.resolve("bundle"));
        assertThat(bundle.lines()).hasSize(1_101);
        assertThat(bundle.checkpoint().size()).isEqualTo(1_101);
        accepted(bundle);

        forgetful.set(true);
        assertThatThrownBy(() -> tree.export(folder.resolve("short")))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("the store has 1100 events, and the checkpoint says that there are 1101");
        assertThat(folder.resolve("short")).doesNotExist();
    }

    private static EventPage without(AgentId agent, EventPage page) {
        List<StoredEvent> left = page.events().stream()
                .filter(event -> !event.stream().endsWith("/" + agent))
                .toList();
        return new EventPage(left, page.cursor());
    }
}
