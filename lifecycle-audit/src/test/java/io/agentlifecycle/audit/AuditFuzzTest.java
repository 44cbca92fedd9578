package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.PersonalData;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever an auditor is handed, reading it ends, with an answer: it is refused by an exception that is documented, or it is
 * taken, and then it says the same when it is written again.
 *
 * <p>A plain build tries real files, small changes to them, and what earlier searches came upon. It leaves Jazzer out, whose
 * agent takes long to begin and says much. With JAZZER_FUZZ=1 one of the methods that Jazzer knows goes on looking;
 * CONTRIBUTING.md says how.
 */
class AuditFuzzTest {
    private static final int CHANGES = 100;
    private static final JdkKeys KEYS = keys();
    private static final AuditSealer SEALER = Ed25519AuditSealer.create(KEYS);
    private static final Pattern SECTION = Pattern.compile("-- ([a-z0-9./-]+) --\n");
    private static final Pattern STREAM = Pattern.compile("\"stream\":\"([^\"]*)\"");
    private static final Pattern PREV = Pattern.compile("\"prev\":\"[^\"]*\"");

    /** Thirty events of three streams, some of which could not be signed in time. */
    private static final List<String> LOG = new SignedLog(
                    new SignedLog.SigningKeys(KEYS), LifecycleStore.inMemory(), Bundle.Source.ORIGIN, 1)
            .thirty()
            .lines();

    private static final List<String> CONCEALING =
            forgetful().lines().stream().filter(line -> line.contains("_sd")).toList();

    @TempDir
    private static Path folder;

    private static VerifierKey key;
    private static Map<String, byte[]> whole;
    private static Map<String, byte[]> trail;

    private static JdkKeys keys() {
        try {
            return JdkKeys.published();
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    /** A log of two events, all of it and one agent's part of it. */
    @BeforeAll
    static void export() throws IOException {
        Bundle.Source source = Bundle.Source.in(folder.resolve("tree"), KEYS, 1);
        source.log()
                .manager
                .requestProvisioning(ProvisioningRequest.builder("Agent a")
                        .id(AgentId.of("a"))
                        .owner("alice@company.com")
                        .build());
        key = source.key();
        whole = files(source.whole(folder.resolve("whole")), "tile/0/000.p/2");
        trail = files(source.trail("a", folder.resolve("trail")), LogProof.fileOf(1));
    }

    private static Map<String, byte[]> files(Bundle bundle, String more) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (String name : List.of(Bundle.EVENTS, Bundle.CHECKPOINT, "genesis.vkey", more)) {
            files.put(name, bundle.bytes(name));
        }
        return files;
    }

    // ---- the properties

    /** Lines as anyone may write them. */
    private static void lines(byte[] bytes) {
        LogVerifier verifier = LogVerifier.of(key.key());
        LogVerification found;
        try {
            found = verifier.verify(new ByteArrayInputStream(bytes));
        } catch (AuditTamperedException e) {
            assertThat(e.findings().get(0)).matches("(?s)(after )?line [0-9]+( .*)?: .+");
            return;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        List<String> lines = new String(bytes, UTF_8).lines().toList();
        assertThat(String.join(
                        "",
                        lines.stream()
                                .map(line -> EventLine.readPruned(line)
                                                .map(EventLine::writePruned)
                                                .orElseGet(() -> EventLine.write(EventLine.read(line)))
                                        + "\n")
                                .toList()))
                .as("what was taken, written again")
                .isEqualTo(new String(bytes, UTF_8));
        assertThat(verifier.verify(lines)).isEqualTo(found);
        assertThat(found.events().values().stream().mapToLong(Long::longValue).sum())
                .isEqualTo(lines.size());
    }

    /** Lines whose hashes and signatures were put right by the holder of the key; else nothing would get past them. */
    private static void sealedLines(byte[] bytes) {
        Map<String, String> heads = new HashMap<>();
        var sealed = new StringBuilder();
        for (String line : new String(bytes, UTF_8).split("\n")) {
            sealed.append(sealed(line, heads)).append('\n');
        }
        lines(sealed.toString().getBytes(UTF_8));
    }

    private static String sealed(String line, Map<String, String> heads) {
        try {
            Optional<StoredEvent> pruned = EventLine.readPruned(line);
            if (pruned.isPresent()) {
                heads.put(pruned.get().stream(), pruned.get().leafHash());
                return line;
            }
            EventLine.Parts parts = EventLine.split(line);
            Matcher stream = STREAM.matcher(parts.canonical());
            String name = stream.find() ? stream.group(1) : "";
            String before = heads.getOrDefault(name, Digests.sha256(""));
            String canonical = PREV.matcher(parts.canonical()).replaceAll("\"prev\":\"" + before + "\"");
            heads.put(name, Digests.leafHash(canonical));
            String signature = parts.signature().isEmpty()
                    ? ""
                    : ",\"sig\":\"" + Digests.base64Url(SEALER.sign(AuditEvent.PAYLOAD_TYPE, canonical)) + "\"";
            return "{\"event\":" + canonical + signature + "}";
        } catch (IllegalArgumentException e) {
            return line;
        }
    }

    private static void note(byte[] bytes) {
        String text = new String(bytes, UTF_8);
        taken(text, SignedNote::read).ifPresent(note -> {
            taken(note.text(), Checkpoint::read, Checkpoint::text);
            refusedOrTrue(() -> note.requireSignedBy(key));
        });
        taken(text, Checkpoint::read, Checkpoint::text);
    }

    private static void proof(byte[] bytes) {
        taken(new String(bytes, UTF_8), LogProof::read).ifPresent(proof -> {
            for (long size : new long[] {0, 1, 2, 1L << 62, Long.MAX_VALUE}) {
                refusedOrTrue(() -> MerkleProof.requireIncluded(
                        Hash.EMPTY_TREE, proof.index(), size, proof.hashes(), Hash.EMPTY_TREE));
            }
        });
    }

    /** What is read of a line, and what is disclosed of an event by it. */
    private static void disclosureLine(byte[] bytes) {
        taken(new String(bytes, UTF_8), DisclosureLine::read).ifPresent(line -> {
            for (String event : CONCEALING) {
                SealedEvent sealed = EventLine.read(event);
                refusedOrTrue(() -> SealedEvent.read(sealed.canonical(), sealed.signature(), line.disclosures()));
            }
        });
    }

    private static void verifierKey(byte[] bytes) {
        taken(new String(bytes, UTF_8), VerifierKey::of);
    }

    /** The text is refused, or it is what was read, written again. */
    private static <T> Optional<T> taken(String text, Function<String, T> reader) {
        return taken(text, reader, Object::toString);
    }

    private static <T> Optional<T> taken(String text, Function<String, T> reader, Function<T, String> writer) {
        try {
            T read = reader.apply(text);
            assertThat(writer.apply(read)).isEqualTo(text);
            return Optional.of(read);
        } catch (IllegalArgumentException e) {
            assertThat(e).as("what is refused says why").hasMessageMatching("(?s).{10,}");
            return Optional.empty();
        }
    }

    private static void refusedOrTrue(Runnable claim) {
        try {
            claim.run();
        } catch (IllegalArgumentException e) {
            assertThat(e).as("what is refused says why").hasMessageMatching("(?s).{10,}");
        }
    }

    /** Files, each below a line that names it. Only the holder of the key could make others than the real ones pass. */
    private static void bundle(byte[] bytes) {
        try {
            Map<String, byte[]> given = sections(bytes);
            var bundle = new Bundle(Files.createDirectories(folder.resolve("bundle")));
            for (Map.Entry<String, byte[]> file : given.entrySet()) {
                bundle.write(file.getKey(), file.getValue());
            }
            for (boolean part : new boolean[] {true, false}) {
                if (isAccepted(bundle, part)) {
                    Map<String, byte[]> real = given.containsKey(LogProof.fileOf(1)) ? trail : whole;
                    assertThat(given).containsAllEntriesOf(real);
                }
            }
            for (String name : given.keySet()) {
                bundle.delete(name);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean isAccepted(Bundle bundle, boolean part) throws IOException {
        try {
            new LogBundle(bundle.folder(), key, Optional.empty(), part).verify();
            return true;
        } catch (AuditTamperedException e) {
            assertThat(e.findings().get(0)).matches("(?s)([a-z0-9./-]+|(after )?line [0-9]+.*): .{10,}");
            return false;
        }
    }

    private static Map<String, byte[]> sections(byte[] bytes) {
        Map<String, byte[]> files = new LinkedHashMap<>();
        String text = new String(bytes, ISO_8859_1);
        Matcher section = SECTION.matcher(text);
        boolean found = section.find();
        while (found) {
            String name = section.group(1);
            int from = section.end();
            found = section.find();
            if (whole.containsKey(name) || trail.containsKey(name)) {
                files.put(
                        name,
                        text.substring(from, found ? section.start() : text.length())
                                .getBytes(ISO_8859_1));
            }
        }
        return files;
    }

    // ---- real ones

    static Stream<byte[]> logs() {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager.builder().store(store).build().close();
        LifecycleManager signedLater = LifecycleManager.builder()
                .store(store)
                .sealer(SEALER)
                .signFromHere()
                .build();
        List<String> bornUnsigned = signedLater.events(0, 10).events().stream()
                .map(EventLine::write)
                .toList();
        List<String> endorsed =
                LOG.stream().filter(line -> line.contains("a/default/b\"")).toList();
        return Stream.of(LOG.subList(0, 4), endorsed, bornUnsigned, forgetful().lines())
                .map(lines -> (String.join("\n", lines) + "\n").getBytes(UTF_8));
    }

    /** What a log exports of which some texts are gone, and all that names people stands beside it. */
    private record Forgetful(List<String> lines, List<String> disclosures) {}

    private static Forgetful forgetful() {
        LifecycleStore store = LifecycleStore.inMemory();
        MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");
        LifecycleManager manager = LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .random(new Random(1))
                .sealer(SEALER)
                .personalData(PersonalData.DISCLOSABLE)
                .minRetention(Duration.ZERO)
                .build();
        for (String id : List.of("a", "b")) {
            manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                    .id(AgentId.of(id))
                    .owner("alice@company.com")
                    .build());
        }
        manager.reject(AgentId.of("a"), "no", Actor.human("ann@company.com"));
        clock.advance(Duration.ofSeconds(1));
        manager.prune(clock.instant(), "old", Actor.SYSTEM);
        List<StoredEvent> events = store.events(0, 100).events();
        return new Forgetful(
                events.stream()
                        .map(event -> event.isPruned()
                                ? EventLine.writePruned(event)
                                : EventLine.write(SealedEvent.read(event.canonical(), event.signature())))
                        .toList(),
                events.stream()
                        .filter(event -> event.canonical().contains("_sd"))
                        .map(event -> new DisclosureLine(
                                        event.stream(),
                                        event.n(),
                                        store.disclosures(event.stream(), event.n(), 1).stream()
                                                .map(Disclosure::content)
                                                .toList())
                                .toString())
                        .toList());
    }

    static Stream<byte[]> disclosureLines() {
        return forgetful().disclosures().stream().map(line -> line.getBytes(UTF_8));
    }

    static Stream<byte[]> notes() {
        return Stream.of(
                whole.get(Bundle.CHECKPOINT),
                "text\n\n\u2014 name AAAAAAA=\n\u2014 other AAAAAAAA\n".getBytes(UTF_8),
                Checkpoint.read(SignedNote.read(new String(whole.get(Bundle.CHECKPOINT), UTF_8))
                                .text())
                        .text()
                        .getBytes(UTF_8));
    }

    static Stream<byte[]> proofs() {
        String none = new LogProof(0, List.of(), "note").toString();
        return Stream.of(trail.get(LogProof.fileOf(1)), none.getBytes(UTF_8));
    }

    static Stream<byte[]> verifierKeys() {
        return Stream.of(key.toString(), "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
                .map(text -> text.getBytes(UTF_8));
    }

    static Stream<byte[]> bundles() {
        return Stream.of(whole, trail).map(files -> {
            var bytes = new ByteArrayOutputStream();
            files.forEach((name, content) -> {
                bytes.writeBytes(("-- " + name + " --\n").getBytes(UTF_8));
                bytes.writeBytes(content);
            });
            return bytes.toByteArray();
        });
    }

    @Test
    void the_real_ones_are_taken() throws IOException {
        for (byte[] log : logs().toList()) {
            LogVerifier.of(key.key()).verify(new ByteArrayInputStream(log));
        }
        assertThat(notes().map(bytes -> new String(bytes, UTF_8)).limit(2)).allSatisfy(SignedNote::read);
        assertThat(proofs().map(bytes -> new String(bytes, UTF_8))).allSatisfy(LogProof::read);
        assertThat(verifierKeys().map(bytes -> new String(bytes, UTF_8))).allSatisfy(VerifierKey::of);
        assertThat(disclosureLines().map(bytes -> new String(bytes, UTF_8))).allSatisfy(DisclosureLine::read);
        assertThat(forgetful().lines()).anyMatch(line -> line.startsWith("{\"pruned\""));
        for (String name : List.of("whole", "trail")) {
            assertThat(isAccepted(new Bundle(folder.resolve(name)), true)).isTrue();
        }
        assertThat(bundles().map(AuditFuzzTest::sections).map(Map::keySet))
                .containsExactly(whole.keySet(), trail.keySet());
    }

    // ---- what is near to real ones, and what searches came upon

    private static final byte[][] WORDS = Stream.of(
                    "\"",
                    "\\u0000",
                    "{",
                    "}",
                    "[[[[[[[[[[[[[[[[[[[[",
                    ",",
                    ":",
                    "\n",
                    "\n\n",
                    "\r\n",
                    " ",
                    "+",
                    "=",
                    "\u2014 ",
                    "\u0000",
                    "\ufeff",
                    "\ud83e\udd16",
                    "null",
                    "-1",
                    "0",
                    "9007199254740992",
                    "9223372036854775808",
                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                    "\"kid\":\"\",",
                    "+1000000000-12-31T23:59:59.999999999Z")
            .map(word -> word.getBytes(UTF_8))
            .toArray(byte[][]::new);

    private static void near(String search, Stream<byte[]> seeds, Consumer<byte[]> property) {
        seeds.forEach(seed -> {
            property.accept(seed);
            var random = new Random(seed.length);
            for (int i = 0; i < CHANGES; i++) {
                property.accept(changed(seed, random));
            }
        });
        kept(search).forEach(property);
    }

    /** One to three changes: a byte, a piece that goes or comes twice, or a word that is likely to hurt. */
    private static byte[] changed(byte[] seed, Random random) {
        byte[] bytes = seed;
        for (int i = random.nextInt(3); i >= 0; i--) {
            int from = random.nextInt(bytes.length + 1);
            int to = Math.min(bytes.length, from + 1 + random.nextInt(random.nextInt(40) + 1));
            bytes = switch (random.nextInt(4)) {
                case 0 -> joined(bytes, from, new byte[] {(byte) random.nextInt(256)}, to);
                case 1 -> joined(bytes, from, new byte[0], to);
                case 2 -> joined(bytes, to, new byte[0], from);
                default -> joined(bytes, from, WORDS[random.nextInt(WORDS.length)], to);
            };
        }
        return bytes;
    }

    private static byte[] joined(byte[] bytes, int end, byte[] between, int next) {
        var out = new ByteArrayOutputStream();
        out.write(bytes, 0, end);
        out.writeBytes(between);
        out.write(bytes, next, bytes.length - next);
        return out.toByteArray();
    }

    /** What Jazzer tries first; it adds what it finds. */
    private static List<byte[]> kept(String search) {
        URL inputs = AuditFuzzTest.class.getResource("AuditFuzzTestInputs/" + search);
        assertThat(inputs).as("inputs of %s", search).isNotNull();
        try (Stream<Path> files = Files.list(Path.of(inputs.toURI()))) {
            List<byte[]> kept = new ArrayList<>();
            for (Path file : files.sorted().toList()) {
                kept.add(Files.readAllBytes(file));
            }
            assertThat(kept).isNotEmpty();
            return kept;
        } catch (IOException | URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void lines_near_to_real_ones_are_refused_or_taken() {
        near("any_lines", logs(), AuditFuzzTest::lines);
    }

    @Test
    void lines_near_to_real_ones_that_the_holder_of_the_key_sealed_are_refused_or_taken() {
        near("any_sealed_lines", logs(), AuditFuzzTest::sealedLines);
    }

    @Test
    void notes_near_to_real_ones_are_refused_or_taken() {
        near("any_note", notes(), AuditFuzzTest::note);
    }

    @Test
    void proofs_near_to_real_ones_are_refused_or_taken() {
        near("any_proof", proofs(), AuditFuzzTest::proof);
    }

    @Test
    void disclosures_near_to_real_ones_are_refused_or_taken() {
        near("any_disclosure_line", disclosureLines(), AuditFuzzTest::disclosureLine);
    }

    @Test
    void verifier_keys_near_to_real_ones_are_refused_or_taken() {
        near("any_verifier_key", verifierKeys(), AuditFuzzTest::verifierKey);
    }

    @Test
    void folders_near_to_real_ones_are_refused_unless_what_counts_is_the_same() {
        near("any_bundle", bundles(), AuditFuzzTest::bundle);
    }

    // ---- any bytes

    @MethodSource("logs")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_lines(byte[] bytes) {
        lines(bytes);
    }

    @MethodSource("logs")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_sealed_lines(byte[] bytes) {
        sealedLines(bytes);
    }

    @MethodSource("notes")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_note(byte[] bytes) {
        note(bytes);
    }

    @MethodSource("proofs")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_proof(byte[] bytes) {
        proof(bytes);
    }

    @MethodSource("disclosureLines")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_disclosure_line(byte[] bytes) {
        disclosureLine(bytes);
    }

    @MethodSource("verifierKeys")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_verifier_key(byte[] bytes) {
        verifierKey(bytes);
    }

    @MethodSource("bundles")
    @FuzzTest(maxDuration = "10m")
    @Tag("deep")
    void any_bundle(byte[] bytes) {
        bundle(bytes);
    }
}
