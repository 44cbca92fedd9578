package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What one can do to an exported log, one way a line, each with the verdict of the command: where it is, and what. */
class BundleAttackTest {
    private static final String ORIGIN = Bundle.Source.ORIGIN;
    private static final String TILE = "tile/0/000.p/30";
    private static final String KEY = "genesis.vkey";
    private static final String NO_FILE = ": it is not a file that can be read";
    private static final String OTHER_SIGNATURE = "its signature is not that of key";

    /** Lines of the log: what is in them must be as {@link SignedLog#thirty} has it. */
    private static final int APPROVED = 3;

    private static final int SUSPENDED_UNSIGNED = 19;
    private static final int ENDORSED = 21;

    /** How lines 3 and 21 are called. */
    private static final String LINE_3 = "line 3 (event 1 of stream a/default/a): ";

    private static final String LINE_21 = "line 21 (event 7 of stream a/default/b): ";

    /** The order of the group of Ed25519. */
    private static final BigInteger L =
            BigInteger.TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));

    /** The neutral point: under it as a key, R = the same and S = 0 sign everything. */
    private static final byte[] IDENTITY = HexFormat.of().parseHex("01" + "00".repeat(31));

    private static final byte[] ORDER_8 =
            HexFormat.of().parseHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");

    /** The neutral point again, in an encoding that is not its own: y = p + 1. */
    private static final byte[] IDENTITY_UNREDUCED = HexFormat.of().parseHex("ee" + "ff".repeat(30) + "7f");

    @TempDir
    private static Path shelf;

    private static Bundle.Source source;
    private static Bundle whole;
    private static Bundle trail;

    /** The same log in another store, under the same key. */
    private static List<String> twin;

    /** Another log under the same key. */
    private static List<String> other;

    /** A log of the same name under the key of somebody else. */
    private static List<String> strangers;

    private static NoteSigner mallory;

    @TempDir
    private Path folder;

    @BeforeAll
    static void export() {
        source = Bundle.Source.in(shelf.resolve("tree"), JdkKeys.fresh(), 1);
        source.log().thirty();
        whole = source.whole(shelf.resolve("whole"));
        trail = source.trail("a", shelf.resolve("trail"));
        var keys = new SignedLog.SigningKeys(source.keys());
        twin = new SignedLog(keys, LifecycleStore.inMemory(), ORIGIN, 2)
                .thirty()
                .lines();
        other = new SignedLog(keys, LifecycleStore.inMemory(), "example.com/others", 1)
                .thirty()
                .lines();
        JdkKeys others = JdkKeys.fresh();
        mallory = new NoteSigner(
                others,
                new VerifierKey(
                        ORIGIN, Ed25519PublicKey.of(others.publicKeys().get(0).jwk())));
        strangers = new SignedLog(new SignedLog.SigningKeys(others), LifecycleStore.inMemory(), ORIGIN, 1)
                .thirty()
                .lines();
    }

    private interface Change {
        void to(Bundle bundle) throws IOException;
    }

    private record Attack(String name, Change change, String verdict) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Attack attack(String name, Change change, String verdict) {
        return new Attack(name, change, verdict);
    }

    // ---- tools of an attacker

    private static Change line(int number, UnaryOperator<String> change) {
        return bundle -> bundle.line(number, change);
    }

    private static Change approved(String from, String to) {
        return line(APPROVED, line -> line.replaceFirst(from, to));
    }

    private static Change lines(UnaryOperator<List<String>> change) {
        return bundle -> bundle.lines(change);
    }

    private static Change bytes(String file, UnaryOperator<String> change) {
        return bundle -> bundle.change(file, change);
    }

    private static UnaryOperator<List<String>> swap(int one, int two) {
        return lines -> {
            Collections.swap(lines, one - 1, two - 1);
            return lines;
        };
    }

    private static UnaryOperator<List<String>> insert(int number, String line) {
        return lines -> {
            lines.add(number - 1, line);
            return lines;
        };
    }

    private static UnaryOperator<List<String>> drop(int number) {
        return lines -> {
            lines.remove(number - 1);
            return lines;
        };
    }

    private static String withSignature(String line, byte[] signature) {
        return "{\"event\":" + EventLine.split(line).canonical() + ",\"sig\":\"" + Digests.base64Url(signature) + "\"}";
    }

    private static byte[] signature(String line) {
        return Digests.fromBase64Url(EventLine.split(line).signature().orElseThrow());
    }

    /** As the holder of the key would have written it. */
    private static String signed(String line) {
        return withSignature(
                line,
                Ed25519AuditSealer.create(source.keys())
                        .sign(AuditEvent.PAYLOAD_TYPE, EventLine.split(line).canonical()));
    }

    private static byte[] joined(byte[] one, byte[] two) {
        byte[] both = Arrays.copyOf(one, one.length + two.length);
        System.arraycopy(two, 0, both, one.length, two.length);
        return both;
    }

    /** The same signature to whoever does not look at the size of S. */
    private static byte[] withLargeS(byte[] signature) {
        byte[] reversed = new byte[32];
        for (int i = 0; i < 32; i++) {
            reversed[i] = signature[63 - i];
        }
        byte[] sum = new BigInteger(1, reversed).add(L).toByteArray();
        byte[] changed = signature.clone();
        for (int i = 0; i < 32; i++) {
            changed[63 - i] = i < 32 - sum.length ? 0 : sum[i - 32 + sum.length];
        }
        return changed;
    }

    /** Where the event stands that follows that of a line. */
    private static StreamPosition after(Bundle bundle, int line) throws IOException {
        return EventLine.read(bundle.lines().get(line - 1)).next();
    }

    /** An event that needs no signature. */
    private static String heartbeat(StreamPosition place) {
        AuditEvent first = source.log().events().get(0).event();
        return EventLine.write(SealedEvent.write(new AuditEvent(
                first.log(),
                first.id(),
                Instant.parse("2027-01-01T00:00:00Z"),
                first.keyId(),
                place,
                EventContent.of(EventKind.HEARTBEAT_FIRST, Actor.SYSTEM, Json.Obj.EMPTY))));
    }

    /** The checkpoint with other lines, signed by the holder of the key. */
    private static Change signedAnew(UnaryOperator<String> change) {
        return bundle -> {
            String text = SignedNote.read(bundle.text(Bundle.CHECKPOINT)).text();
            String changed = change.apply(text);
            assertThat(changed).isNotEqualTo(text);
            bundle.write(Bundle.CHECKPOINT, source.signer().sign(changed).toString());
        };
    }

    private static Change note(UnaryOperator<String> change) {
        return bundle -> {
            String note = bundle.text(Bundle.CHECKPOINT);
            assertThat(change.apply(note)).isNotEqualTo(note);
            bundle.write(Bundle.CHECKPOINT, change.apply(note));
        };
    }

    private static String signatureLine(String name, byte[] keyId, byte[] signature) {
        return new SignedNote.Signature(name, joined(keyId, signature)).line();
    }

    private static Change proof(int line, UnaryOperator<LogProof> change) {
        return bundle -> {
            LogProof proof = LogProof.read(bundle.text(LogProof.fileOf(line)));
            bundle.write(LogProof.fileOf(line), change.apply(proof).toString());
        };
    }

    private static Change remembered(Checkpoint checkpoint) {
        return bundle -> bundle.remember(source.signer().sign(checkpoint.text()).toString());
    }

    private static final String ROOT_OF_NOTHING = Hash.EMPTY_TREE.toString();

    // ---- the attacks

    // spotless:off (one attack a line, or two)
    static Stream<Attack> events() {
        return Stream.of(
                attack("an event is changed", approved("admin@", "mallory@"), LINE_3 + OTHER_SIGNATURE),
                attack("an event is dropped", lines(drop(3)), "line 3 (event 2 of stream a/default/a): it does not follow event 0"),
                attack("two events of a stream change places", lines(swap(3, 4)), "line 3 (event 2 of stream a/default/a): it does not follow event 0"),
                attack("two events of different streams change places", lines(swap(11, 12)), "events.jsonl: its root is"),
                attack("an event comes twice", bundle -> bundle.lines(insert(4, bundle.lines().get(2))), "line 4 (event 1 of stream a/default/a): it does not follow event 1"),
                attack("an event is added", bundle -> bundle.lines(insert(31, heartbeat(after(bundle, 30)))), "events.jsonl: it has more events than the 30 of the checkpoint"),
                attack("an event takes the place of another, and needs no signature", bundle -> bundle.lines(drop(30).andThen(insert(30, heartbeat(after(bundle, 29))))::apply), "events.jsonl: its root is"),
                attack("a stream is made up that needs no signature", bundle -> bundle.lines(insert(31, heartbeat(StreamHead.of("a/default/x").next()))), "line 31 (event 0 of stream a/default/x): no stream begins with an event that nobody signed"),
                attack("the last event is gone", lines(drop(30)), "events.jsonl: its number of events is 29, but should be 30"),
                attack("all events are gone", bundle -> bundle.write(Bundle.EVENTS, ""), "events.jsonl: its number of events is 0, but should be 30"),
                attack("an event is of another log of the same key", line(3, line -> other.get(2)), LINE_3 + "it belongs to another log, example.com/others"),
                attack("all events are of another log of the same key", lines(lines -> other), "events.jsonl: its log is example.com/others"),
                attack("an event is of a twin of the log", line(3, line -> twin.get(2)), LINE_3 + "it does not follow event 0"),
                attack("all events are of a twin of the log", lines(lines -> twin), "events.jsonl: its root is"),
                attack("an event is moved to another agent", approved("a/default/a", "a/default/b"), "line 3 (event 1 of stream a/default/b): it does not follow event -1"),
                attack("an event has no signature and must have one", line(3, line -> line.replaceFirst(",\"sig\":.*", "}")), LINE_3 + "agent.approved is not signed, and must be"),
                attack("an event has the signature of another", bundle -> bundle.line(3, line -> withSignature(line, signature(other.get(2)))), LINE_3 + OTHER_SIGNATURE),
                attack("an event that was not signed has a signature", line(SUSPENDED_UNSIGNED, line -> withSignature(line, signature(twin.get(2)))), "line 19 (event 5 of stream a/default/b): " + OTHER_SIGNATURE),
                attack("an event that was not signed is changed", line(SUSPENDED_UNSIGNED, line -> line.replace("\"text\":\"maintenance\"", "\"text\":\"holidays\"")), "line 20 (event 6 of stream a/default/b): it does not follow event 5"),
                attack("an endorsement leaves an event out, although signed", line(ENDORSED, line -> signed(line.replace("\"details\":{\"n\":5}", "\"details\":{\"n\":6}"))), LINE_21 + "it endorses events that do not wait for it"),
                attack("an event goes back in time, although signed", line(APPROVED, line -> signed(line.replaceFirst("\"ts\":\"2026-04-11T04:31:00Z\"", "\"ts\":\"2026-04-11T04:30:00Z\""))), LINE_3 + "it is earlier than the event before it"),
                attack("an event names another key, although signed", line(APPROVED, line -> signed(line.replaceFirst("\"kid\":\"[^\"]*", "\"kid\":\"" + Digests.sha256("x")))), LINE_3 + "it names " + Digests.sha256("x") + " as its key"),
                attack("an event has white space", approved("\"details\":", "\"details\": "), "line 3: "),
                attack("an event has an escape that it does not need", approved("admin@", "\\\\u0061dmin@"), "line 3: an escape that is not canonical"),
                attack("an event has a member twice", approved("\"n\":1,", "\"n\":1,\"n\":1,"), "line 3: member names are not in order, or one stands twice"),
                attack("an event has a member of its own", approved("\"v\":1", "\"v\":1,\"w\":1"), "line 3: "),
                attack("an event has a number with an exponent", approved("\"n\":1,", "\"n\":1e0,"), "line 3: "),
                attack("an event has a number of more than 53 bits", approved("\"n\":1,", "\"n\":9007199254740992,"), "line 3: an integer of more than 53 bits"),
                attack("an event is of a kind that is none", approved("agent.approved", "agent.crowned"), "line 3: "),
                attack("an event nests deep", approved("\"details\":\\{\\}", "\"details\":" + "[".repeat(60_000)), "line 3: nested deeper than 16"),
                attack("a line ends in a blank", approved("$", " "), "line 3: a line is {\"event\":{...},\"sig\":\"...\"} without white space"),
                attack("a line ends in a carriage return", approved("$", "\r"), "line 3: a line is"),
                attack("a line begins with a byte order mark", line(1, line -> "\ufeff" + line), "line 1: a line is"),
                attack("a line has a zero byte", approved("admin@", "\0admin@"), "line 3: a control character stands unescaped"),
                attack("a line has half a character", bytes(Bundle.EVENTS, text -> text.replaceFirst("admin@", "\u00c3admin@")), "line 3: it is not UTF-8"),
                attack("a line has a character in too many bytes", bytes(Bundle.EVENTS, text -> text.replaceFirst("admin@", "\u00c1\u00a1dmin@")), "line 3: it is not UTF-8"),
                attack("a line has a surrogate", bytes(Bundle.EVENTS, text -> text.replaceFirst("admin@", "\u00ed\u00a0\u0080dmin@")), "line 3: it is not UTF-8"),
                attack("a line is too long", approved("admin@", "a".repeat(70_000) + "@"), "line 3: it is longer than"),
                attack("a line is empty", lines(insert(3, "")), "line 3: it is empty"),
                attack("an empty line is last", lines(insert(31, "")), "line 31: it is empty"),
                attack("the last line feed is gone", bytes(Bundle.EVENTS, text -> text.substring(0, text.length() - 1)), "line 30: it is not ended by a line feed"));
    }

    static Stream<Attack> keys() {
        return Stream.of(
                attack("the log begins with another key", line(1, line -> strangers.get(0)), "line 1 (event 0 of stream log): it makes"),
                attack("the log begins without a key", line(1, line -> unsigned()), "line 2 (event 0 of stream a/default/a): it names " + source.key().key().keyId() + " as its key, but none is in force"),
                attack("the log is one line that says it has no key", lines(lines -> List.of(unsigned())), "after line 1: the log has no key, but " + source.key().key().keyId() + " was expected"),
                attack("the log begins with the neutral point, which anyone signs for", line(1, BundleAttackTest::neutral), "line 1 (event 0 of stream log): it makes"),
                attack("the log begins twice", lines(swap(1, 2)), "line 2 (event 0 of stream log): log.genesis stands before all other events"),
                attack("S of a signature has the order of the group added", line(3, line -> withSignature(line, withLargeS(signature(line)))), LINE_3 + OTHER_SIGNATURE),
                attack("R of a signature is a point in a second encoding", line(3, line -> withSignature(line, joined(IDENTITY_UNREDUCED, new byte[32]))), LINE_3 + OTHER_SIGNATURE),
                attack("R of a signature is of small order", line(3, line -> withSignature(line, joined(ORDER_8, new byte[32]))), LINE_3 + OTHER_SIGNATURE),
                attack("a signature is all zeros", line(3, line -> withSignature(line, new byte[64])), LINE_3 + OTHER_SIGNATURE),
                attack("the folder has the key of somebody else", bundle -> bundle.write(KEY, mallory.key() + "\n"), KEY + ": its key is " + mallory.key()),
                attack("the folder has a second key", bytes(KEY, text -> text + mallory.key() + "\n"), KEY + ": its key is " + source.key()));
    }

    static Stream<Attack> checkpoints() {
        byte[] id = source.key().id();
        return Stream.of(
                attack("the checkpoint is of another log", signedAnew(text -> text.replace(ORIGIN, "example.com/others")), "checkpoint: its log is example.com/others, but should be " + ORIGIN),
                attack("the checkpoint is of fewer events", signedAnew(text -> text.replace("\n30\n", "\n29\n")), "events.jsonl: it has more events than the 29 of the checkpoint"),
                attack("the checkpoint is of more events", signedAnew(text -> text.replace("\n30\n", "\n31\n")), "events.jsonl: its number of events is 30, but should be 31"),
                attack("the checkpoint has another root, although signed", signedAnew(text -> new Checkpoint(ORIGIN, 30, ROOT_OF_NOTHING).text()), "events.jsonl: its root is"),
                attack("the checkpoint has another root", note(text -> text.replace(checkpoint().root(), ROOT_OF_NOTHING)), "checkpoint: its signature is not of " + source.key()),
                attack("the checkpoint has an extension line", signedAnew(text -> text + "more\n"), "checkpoint: a checkpoint has three lines"),
                attack("the checkpoint has a blank line more", signedAnew(text -> text + "\n"), "checkpoint: a checkpoint has three lines"),
                attack("the checkpoint has a size with a zero before it", signedAnew(text -> text.replace("\n30\n", "\n030\n")), "checkpoint: a checkpoint has three lines"),
                attack("the checkpoint has a size with a sign", signedAnew(text -> text.replace("\n30\n", "\n+30\n")), "checkpoint: a checkpoint has three lines"),
                attack("the checkpoint has a size in the digits of another script", signedAnew(text -> text.replace("\n30\n", "\n\u0663\u0660\n")), "checkpoint: a checkpoint has three lines"),
                attack("the checkpoint has a size of 63 bits", signedAnew(text -> text.replace("\n30\n", "\n9223372036854775808\n")), "checkpoint: a checkpoint has three lines"),
                attack("the checkpoint has a root of 31 bytes", signedAnew(text -> text.replace(checkpoint().root(), Base64.getEncoder().encodeToString(new byte[31]))), "checkpoint: "),
                attack("the checkpoint has no signature", note(text -> text.substring(0, text.indexOf("\n\n") + 2)), "checkpoint: a note has 1 to 64 signatures"),
                attack("the checkpoint has no blank line", note(text -> text.replace("\n\n", "\n")), "checkpoint: a note has a blank line before its signatures"),
                attack("the checkpoint has the signature of another key", note(text -> noteOfStranger()), "checkpoint: it has no signature of " + source.key()),
                attack("the checkpoint has the signature of another key under the id of the right one", note(text -> checkpoint().text() + "\n" + signatureLine(ORIGIN, id, signatureOfStranger())), "checkpoint: its signature is not of " + source.key()),
                attack("the checkpoint has a good and a bad signature of one key", note(text -> text + signatureLine(ORIGIN, id, signatureOfStranger())), "checkpoint: its signature is not of " + source.key()),
                attack("the checkpoint is signed under another name", note(text -> text.replace("\u2014 " + ORIGIN, "\u2014 example.com/others")), "checkpoint: it has no signature of " + source.key()),
                attack("the checkpoint is signed under another key id", note(text -> checkpoint().text() + "\n" + signatureLine(ORIGIN, new byte[4], noteSignature())), "checkpoint: it has no signature of " + source.key()),
                attack("S of the checkpoint's signature has the order of the group added", note(text -> checkpoint().text() + "\n" + signatureLine(ORIGIN, id, withLargeS(noteSignature()))), "checkpoint: its signature is not of " + source.key()),
                attack("the checkpoint's signature is cut", note(text -> checkpoint().text() + "\n" + signatureLine(ORIGIN, id, Arrays.copyOf(noteSignature(), 63))), "checkpoint: its signature is not of " + source.key()),
                attack("the checkpoint has many signatures", note(text -> text + signatureLine("example.com/x", id, new byte[64]).repeat(64)), "checkpoint: a note has 1 to 64 signatures"),
                attack("the checkpoint goes on behind its signatures", note(text -> text + "more\n"), "checkpoint: below its blank line a note has signatures only"),
                attack("the checkpoint has carriage returns", note(text -> text.replace("\n", "\r\n")), "checkpoint: a note is made of lines without control characters"),
                attack("the checkpoint is not UTF-8", bytes(Bundle.CHECKPOINT, text -> text + "\u00c3"), "checkpoint: it is not UTF-8"));
    }

    static Stream<Attack> files() {
        return Stream.of(
                attack("a tile is gone", bundle -> bundle.delete(TILE), TILE + ": it is not there"),
                attack("a tile has another byte", bytes(TILE, text -> text.substring(0, 959) + (char) (text.charAt(959) ^ 1)), TILE + ": it does not have the hashes of the events"),
                attack("a tile is shorter", bytes(TILE, text -> text.substring(32)), TILE + ": it does not have the hashes of the events"),
                attack("a tile is longer", bytes(TILE, text -> text + "x".repeat(32)), TILE + ": it does not have the hashes of the events"),
                attack("a tile has nodes instead of leaves", bundle -> bundle.write(TILE, nodes(bundle.bytes(TILE))), TILE + ": it does not have the hashes of the events"),
                attack("a node stands in place of two events", bundle -> {
                    String node = new String(nodes(bundle.bytes(TILE)), 0, Hash.BYTES, ISO_8859_1);
                    bundle.change(Bundle.EVENTS, text -> node.replace("\n", "") + text.substring(text.indexOf('\n', text.indexOf('\n') + 1)));
                }, "line 1: "),
                attack("the events are gone", bundle -> bundle.delete(Bundle.EVENTS), "events.jsonl: it is not there"),
                attack("the checkpoint is gone", bundle -> bundle.delete(Bundle.CHECKPOINT), "checkpoint: it is not there"),
                attack("the checkpoint is empty", bundle -> bundle.write(Bundle.CHECKPOINT, ""), "checkpoint: a note is made of lines"),
                attack("the key is gone", bundle -> bundle.delete(KEY), KEY + ": it is not there"),
                attack("the events are a line of a gigabyte", bundle -> grow(bundle.file(Bundle.EVENTS)), "line 31: it is longer than"),
                attack("the checkpoint has a gigabyte", bundle -> grow(bundle.file(Bundle.CHECKPOINT)), "checkpoint: it is longer than 32768 bytes"),
                attack("the checkpoint is a link to nothing", bundle -> link(bundle, Bundle.CHECKPOINT, "nothing"), "checkpoint: it is not there"),
                attack("the checkpoint is a link to itself", bundle -> link(bundle, Bundle.CHECKPOINT, "checkpoint"), "checkpoint" + NO_FILE),
                attack("the checkpoint is a folder", bundle -> folder(bundle, Bundle.CHECKPOINT), "checkpoint" + NO_FILE),
                attack("the key is a folder", bundle -> folder(bundle, KEY), KEY + NO_FILE),
                attack("the events are a folder", bundle -> folder(bundle, Bundle.EVENTS), "events.jsonl" + NO_FILE),
                attack("a tile is a folder", bundle -> folder(bundle, TILE), TILE + NO_FILE));
    }

    static Stream<Attack> proofs() {
        return Stream.of(
                attack("a proof has another index", proof(2, proof -> new LogProof(proof.index() + 1, proof.hashes(), proof.note())), "0002.tlog-proof: leaf 2 is not in the tree of 30"),
                attack("a proof has an index beyond the tree", proof(2, proof -> new LogProof(30, proof.hashes(), proof.note())), "0002.tlog-proof: there is no leaf 30 in a tree of 30"),
                attack("a proof has an index of 63 bits", bytes("0002.tlog-proof", text -> text.replaceFirst("index 1", "index 9223372036854775808")), "0002.tlog-proof: a proof has an index"),
                attack("a proof lacks a hash", proof(2, proof -> new LogProof(2, proof.hashes().subList(1, 5), proof.note())), "0002.tlog-proof: such a proof has 5 hashes, but this has 4"),
                attack("a proof has a hash more", proof(2, proof -> new LogProof(2, Collections.nCopies(6, Hash.EMPTY_TREE), proof.note())), "0002.tlog-proof: such a proof has 5 hashes, but this has 6"),
                attack("a proof has many hashes", proof(2, proof -> new LogProof(2, Collections.nCopies(64, Hash.EMPTY_TREE), proof.note())), "0002.tlog-proof: a proof has an index and at most 63 hashes"),
                attack("a proof has other hashes", proof(2, proof -> new LogProof(2, Collections.nCopies(5, Hash.EMPTY_TREE), proof.note())), "0002.tlog-proof: leaf 2 is not in the tree of 30"),
                attack("a proof has no hashes, as for a log of one event", proof(2, proof -> new LogProof(0, List.of(), proof.note())), "0002.tlog-proof: such a proof has 5 hashes, but this has 0"),
                attack("a proof is for a tree of one event", bundle -> bundle.write("0001.tlog-proof", ofOne(bundle).toString()), "0001.tlog-proof: it is for another checkpoint than the one in the folder"),
                attack("a proof is that of another event", bundle -> bundle.write("0002.tlog-proof", bundle.bytes("0003.tlog-proof")), "0002.tlog-proof: leaf 2 is not in the tree of 30"),
                attack("two proofs change places", bundle -> {
                    byte[] second = bundle.bytes("0002.tlog-proof");
                    bundle.write("0002.tlog-proof", bundle.bytes("0003.tlog-proof"));
                    bundle.write("0003.tlog-proof", second);
                }, "0002.tlog-proof: leaf 2 is not in the tree of 30"),
                attack("a proof is a folder", bundle -> folder(bundle, "0002.tlog-proof"), "0002.tlog-proof" + NO_FILE),
                attack("a proof is gone", bundle -> bundle.delete("0002.tlog-proof"), "0002.tlog-proof: it is not there"),
                attack("the last proof is gone", bundle -> bundle.delete("0017.tlog-proof"), "0017.tlog-proof: it is not there"),
                attack("a proof is there without its event", lines(drop(17)), "events.jsonl: it has 16 events, but there are proofs of more"),
                attack("an event in the middle is gone with its proof", bundle -> without(bundle, 4), "line 4 (event 3 of stream a/default/a): it does not follow event 1"),
                attack("the event that tells the keys is gone with its proof", bundle -> without(bundle, 1), "0001.tlog-proof: it is not the proof of log.genesis as event 0"),
                attack("an event was never in the log, although signed", line(2, line -> twin.get(1)), "0002.tlog-proof: leaf 1 is not in the tree of 30"),
                attack("two events of different streams change places with their proofs", BundleAttackTest::backwards, "0003.tlog-proof: its event stands before the one on the line before"),
                attack("a proof has data more", bytes("0002.tlog-proof", text -> text.replace("index", "extra AAAA\nindex")), "0002.tlog-proof: a proof has an index, hashes, a blank line and a checkpoint"),
                attack("a proof is empty", bundle -> bundle.write("0002.tlog-proof", ""), "0002.tlog-proof: a proof has an index, hashes"),
                attack("no proof is left", bundle -> {
                    for (int line = 1; line <= 17; line++) {
                        bundle.delete(LogProof.fileOf(line));
                    }
                }, "events.jsonl: its number of events is 17, but should be 30"));
    }

    static Stream<Attack> remembered() {
        return Stream.of(
                attack("the log is shorter than it was", remembered(new Checkpoint(ORIGIN, 31, ROOT_OF_NOTHING)), "checkpoint: TRUNCATED: the log has 30 events, but it had 31"),
                attack("the log is as long as it was, and another", remembered(new Checkpoint(ORIGIN, 30, ROOT_OF_NOTHING)), "checkpoint: FORK: the first 30 events have the root"),
                attack("the log is longer than it was, and another", remembered(new Checkpoint(ORIGIN, 7, ROOT_OF_NOTHING)), "events.jsonl: FORK: the first 7 events have the root"),
                attack("the log was something before it was anything", remembered(new Checkpoint(ORIGIN, 0, checkpoint().root())), "events.jsonl: FORK: the first 0 events have the root"),
                attack("the remembered checkpoint is of another log", remembered(new Checkpoint("example.com/others", 7, ROOT_OF_NOTHING)), "seen: its log is example.com/others"),
                attack("the remembered checkpoint is of another key", bundle -> bundle.remember(noteOfStranger()), "the remembered checkpoint: it has no signature of"));
    }
    // spotless:on

    private static Checkpoint checkpoint() {
        try {
            return whole.checkpoint();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] noteSignature() {
        byte[] bytes =
                source.signer().sign(checkpoint().text()).signatures().get(0).bytes();
        return Arrays.copyOfRange(bytes, 4, bytes.length);
    }

    private static byte[] signatureOfStranger() {
        return mallory.keys()
                .sign(mallory.key().key().keyId(), checkpoint().text().getBytes(UTF_8));
    }

    private static String noteOfStranger() {
        return mallory.sign(checkpoint().text()).toString();
    }

    /** The first line of a log of the same name that has no key. */
    private static String unsigned() {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager.builder().store(store).logOrigin(ORIGIN).build().close();
        return "{\"event\":" + store.events(0, 1).events().get(0).canonical() + "}";
    }

    /** A first line that whoever verifies as most libraries do would take, whatever else it said. */
    private static String neutral(String line) {
        PublicJwk key = PublicJwk.of(IDENTITY);
        return withSignature(
                line.replace(source.key().key().jwk().x(), key.x())
                        .replace(source.key().key().keyId(), key.keyId()),
                joined(IDENTITY, new byte[32]));
    }

    /** The hashes above each two of a tile. */
    private static byte[] nodes(byte[] tile) {
        List<Hash> nodes = new ArrayList<>();
        for (int i = 0; i < tile.length / Hash.BYTES; i += 2) {
            nodes.add(Hash.node(Hash.at(tile, i), Hash.at(tile, i + 1)));
        }
        return Hash.bytes(nodes);
    }

    /** Proves, with the signature of the log, that the first event of the bundle is all of a log of one event. */
    private static LogProof ofOne(Bundle bundle) throws IOException {
        String leaf = EventLine.read(bundle.lines().get(0)).leafHash();
        var checkpoint = new Checkpoint(ORIGIN, 1, Hash.ofLeaf(leaf).toString());
        return new LogProof(
                0, List.of(), source.signer().sign(checkpoint.text()).toString());
    }

    /** The first events of two agents, each with a good proof, the later one first. */
    private static void backwards(Bundle bundle) throws IOException {
        byte[] tile = whole.bytes(TILE);
        var tree = new MerkleTree(ignored -> tile, 30);
        List<String> all = whole.lines();
        bundle.lines(lines -> List.of(all.get(0), all.get(6), all.get(1)));
        String note = bundle.text(Bundle.CHECKPOINT);
        bundle.write("0002.tlog-proof", new LogProof(6, tree.inclusion(6), note).toString());
        bundle.write("0003.tlog-proof", new LogProof(1, tree.inclusion(1), note).toString());
    }

    /** Takes out a line and its proof. */
    private static void without(Bundle bundle, int dropped) throws IOException {
        bundle.lines(drop(dropped));
        for (int line = dropped; line < 17; line++) {
            bundle.write(LogProof.fileOf(line), bundle.bytes(LogProof.fileOf(line + 1)));
        }
        bundle.delete("0017.tlog-proof");
    }

    /** Behind what is there the file goes on with zeros, which take no room on the disk. */
    private static void grow(Path file) throws IOException {
        try (var grown = new RandomAccessFile(file.toFile(), "rw")) {
            grown.setLength(1 << 30);
        }
    }

    private static void folder(Bundle bundle, String name) throws IOException {
        bundle.delete(name);
        Files.createDirectory(bundle.file(name));
    }

    private static void link(Bundle bundle, String name, String to) throws IOException {
        bundle.delete(name);
        Files.createSymbolicLink(bundle.file(name), Path.of(to));
    }

    // ---- the tests

    /** The command says what is wrong and where, in one line, and not how it failed. */
    private void refused(Bundle exported, Attack attack) throws IOException {
        Bundle bundle = exported.copied(folder.resolve("bundle"));
        attack.change().to(bundle);
        Bundle.Verdict verdict = bundle.verdict(source.key().toString(), "--part");
        assertThat(verdict.output()).contains(attack.verdict()).hasLineCount(1).doesNotContain("Exception", "\tat ");
        assertThat(verdict.code()).isEqualTo(1);
    }

    @Test
    void what_nobody_attacked_is_not_refused() throws IOException {
        for (Bundle exported : List.of(whole, trail)) {
            Bundle.Verdict verdict = exported.verdict(source.key().toString(), "--part");
            assertThat(verdict.code()).as(verdict.output()).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource({"events", "keys", "checkpoints", "files", "remembered"})
    void an_attack_on_a_log_is_refused_with_its_place(Attack attack) throws IOException {
        refused(whole, attack);
    }

    @ParameterizedTest
    @MethodSource("proofs")
    void an_attack_on_a_trail_is_refused_with_its_place(Attack attack) throws IOException {
        refused(trail, attack);
    }

    /** A key that was handed over together with the log is as little to be trusted. */
    @ParameterizedTest(name = "[{index}] {1}")
    @MethodSource("keysOfAuditors")
    void a_key_that_proves_nothing_is_refused(String key, String why) throws IOException {
        Bundle bundle = whole.copied(folder.resolve("bundle"));
        Bundle.Verdict verdict = bundle.verdict(key);
        assertThat(verdict.output())
                .contains("key.vkey: " + why)
                .hasLineCount(1)
                .doesNotContain("Exception");
        assertThat(verdict.code()).isEqualTo(1);
    }

    @Test
    void a_key_that_is_no_text_is_refused() throws IOException {
        Path key = Files.write(folder.resolve("noise.vkey"), new byte[] {(byte) 0xc3, '\n'});
        var output = new ByteArrayOutputStream();
        int code = Verify.run(
                new String[] {"verify", whole.folder().toString(), "--vkey", key.toString()},
                new PrintStream(output, true, UTF_8));
        assertThat(output.toString(UTF_8)).contains("noise.vkey is not UTF-8").hasLineCount(1);
        assertThat(code).isEqualTo(1);
    }

    /** A pipe into which nobody writes would keep a reader for ever. */
    @Test
    @Tag("host")
    void a_pipe_in_place_of_a_file_is_refused_and_nobody_waits_for_it() throws Exception {
        for (String name : List.of(Bundle.EVENTS, Bundle.CHECKPOINT, KEY, TILE)) {
            Bundle bundle = whole.copied(folder.resolve("bundle-" + name.replace('/', '-')));
            bundle.delete(name);
            Process made = new ProcessBuilder("mkfifo", bundle.file(name).toString()).start();
            assertThat(made.waitFor()).isZero();
            Bundle.Verdict verdict = assertTimeoutPreemptively(
                    Duration.ofMinutes(1), () -> bundle.verdict(source.key().toString()));
            assertThat(verdict).isEqualTo(new Bundle.Verdict(1, name + NO_FILE + "\n"));
        }
    }

    static Stream<Arguments> keysOfAuditors() {
        byte[] good = source.key().key().jwk().bytes();
        String noGoodPoint = "an Ed25519 public key must be a point of prime order";
        String right = source.key().toString();
        return Stream.of(
                Arguments.of(verifierKey(1, IDENTITY), noGoodPoint),
                Arguments.of(verifierKey(1, IDENTITY_UNREDUCED), noGoodPoint),
                Arguments.of(verifierKey(1, ORDER_8), noGoodPoint),
                Arguments.of(verifierKey(2, good), "its algorithm is not Ed25519"),
                Arguments.of(verifierKey(1, good).replace(ORIGIN, ORIGIN + "x"), "its id does not belong to its name"),
                Arguments.of(right.replaceFirst("\\+", "+0"), "a verifier key is NAME+8 hex digits+base64"),
                Arguments.of(right + "\n" + right, "a verifier key is NAME+8 hex digits+base64"),
                Arguments.of("", "a verifier key is NAME+8 hex digits+base64"));
    }

    private static String verifierKey(int algorithm, byte[] point) {
        byte[] typed = joined(new byte[] {(byte) algorithm}, point);
        byte[] id = Digests.sha256(joined((ORIGIN + "\n").getBytes(UTF_8), typed));
        return ORIGIN + "+" + HexFormat.of().formatHex(id, 0, 4) + "+"
                + Base64.getEncoder().encodeToString(typed);
    }

    @Test
    void a_rewrite_of_the_same_length_by_the_holder_of_the_key_is_caught_only_with_a_remembered_checkpoint()
            throws IOException {
        Bundle bundle = whole.copied(folder.resolve("bundle"));
        bundle.lines(lines -> twin);
        bundle.sealAnew(source.signer());
        assertThat(bundle.lines()).hasSameSizeAs(whole.lines()).isNotEqualTo(whole.lines());
        assertThat(bundle.verdict(source.key().toString()).code()).isZero();

        bundle.remember(whole.text(Bundle.CHECKPOINT));
        Bundle.Verdict verdict = bundle.verdict(source.key().toString());
        assertThat(verdict.output()).startsWith("checkpoint: FORK: the first 30 events have the root");
        assertThat(verdict.code()).isEqualTo(1);
    }

    @Test
    void each_attack_has_a_name_of_its_own() {
        assertThat(Stream.of(events(), keys(), checkpoints(), files(), proofs(), remembered())
                        .flatMap(attacks -> attacks)
                        .map(Attack::name))
                .doesNotHaveDuplicates();
    }
}
