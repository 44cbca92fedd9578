package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A log that anybody changed in any way is refused, and the first bad event is named. */
class LogVerifierTest {
    private final SignedLog log = new SignedLog("example.com/one").thirty();
    private final List<String> lines = log.lines();
    private final LogVerifier verifier = log.rememberingVerifier();

    private static byte[] bytes(List<String> lines) {
        return (String.join("\n", lines) + "\n").getBytes(UTF_8);
    }

    private static LogVerification verify(LogVerifier verifier, byte[] bytes) {
        try {
            return verifier.verify(new ByteArrayInputStream(bytes));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** What the verifier says to the lines; empty if it accepts them. */
    private String finding(List<String> changed) {
        return finding(bytes(changed));
    }

    private String finding(byte[] changed) {
        AuditTamperedException thrown =
                catchThrowableOfType(AuditTamperedException.class, () -> verify(verifier, changed));
        return thrown == null ? "" : thrown.findings().get(0);
    }

    private List<String> changed(int at, String line) {
        List<String> changed = new ArrayList<>(lines);
        changed.set(at, line);
        return changed;
    }

    private SealedEvent event(int at) {
        return EventLine.read(lines.get(at));
    }

    private String place(int at) {
        return "line %d (event %d of stream %s): "
                .formatted(at + 1, event(at).event().position().n(), event(at).event().position().stream());
    }

    // ---- what is accepted

    @Test
    void the_log_as_it_was_written_verifies_without_its_store() {
        assertThat(lines).hasSize(30);

        LogVerification found = verify(log.verifier(), bytes(lines));

        assertThat(found.events())
                .isEqualTo(Map.of(
                        Seal.SIGNED,
                        28L,
                        Seal.ENDORSED_LATE,
                        2L,
                        Seal.WAITING,
                        0L,
                        Seal.UNSIGNED,
                        0L,
                        Seal.PRUNED,
                        0L));
        assertThat(found).isEqualTo(log.verifier().verify(lines));
        assertThat(found.heads().keySet()).containsExactlyInAnyOrder("log", "a/default/a", "a/default/b");
        assertThat(found.heads().get("a/default/a").next())
                .isEqualTo(log.manager.auditTrail(AgentId.of("a")).stream()
                        .reduce((first, second) -> second)
                        .orElseThrow()
                        .next());
        assertThat(log.manager.verify().signed()).isEqualTo(28);
    }

    @Test
    void one_trail_verifies_by_itself_for_who_knows_the_key() {
        List<String> trail = log.manager.auditTrail(AgentId.of("b")).stream()
                .map(EventLine::write)
                .toList();

        assertThat(log.verifier().verify(trail).events()).containsEntry(Seal.SIGNED, trail.size() - 2L);
    }

    @Test
    void a_log_without_any_event_has_nothing_wrong() {
        assertThat(verify(log.verifier(), new byte[0]).heads()).isEmpty();
    }

    @Test
    void events_that_wait_are_told_from_those_that_were_endorsed() {
        log.sealer.fail(true);
        log.manager.decommission(AgentId.of("b"), "sunset", SignedLog.ADMIN);

        assertThat(log.verifier().verify(log.lines()).events())
                .containsEntry(Seal.WAITING, 2L)
                .containsEntry(Seal.ENDORSED_LATE, 2L);
    }

    @Test
    void a_log_that_began_without_a_key_verifies_from_there_on() {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager.builder().store(store).build();
        var keys = JdkKeys.fresh();
        LifecycleManager manager = LifecycleManager.builder()
                .store(store)
                .sealer(Ed25519AuditSealer.create(keys))
                .signFromHere()
                .build();
        List<String> born =
                manager.events(0, 100).events().stream().map(EventLine::write).toList();
        var verifier =
                LogVerifier.of(Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));

        assertThat(verifier.verify(born).events())
                .containsEntry(Seal.UNSIGNED, 1L)
                .containsEntry(Seal.SIGNED, 1L);
        assertThatThrownBy(() -> verifier.verify(born.subList(0, 1)))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("the log has no key, but");
        assertThatThrownBy(() -> log.verifier().verify(born))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("line 2 (event 1 of stream log): it makes "
                        + keys.publicKeys().get(0).keyId() + " the key of the log, but "
                        + log.key().keyId() + " was expected");
    }

    // ---- what is not

    @Test
    void a_single_byte_that_is_changed_is_found_and_named() {
        // lines are of many lengths, so every third byte is every member somewhere; and one bit, another for each byte,
        // so
        // that digits, letters and structure all become their neighbours
        assertThat(missed((at, was) -> at % 3 == 0 ? IntStream.of(was ^ 1 << at % 7) : IntStream.empty()))
                .isEmpty();
        assertThat(bytes(lines).length).isGreaterThan(15_000);
    }

    @Test
    @Tag("deep")
    void every_single_byte_that_is_changed_is_found_and_named() {
        assertThat(missed((at, was) -> IntStream.concat(
                        IntStream.range(0, 8).map(bit -> was ^ 1 << bit),
                        "\"\\,:{}[]\n\r 019aAfz-_\0".chars().filter(value -> value != was))))
                .isEmpty();
    }

    /** What a byte is changed into. */
    private interface Changes {
        IntStream of(int at, byte was);
    }

    /** Which changes are not found, or found elsewhere. */
    private List<String> missed(Changes changes) {
        byte[] good = bytes(lines);
        int[] lineOf = new int[good.length];
        for (int i = 1; i < good.length; i++) {
            lineOf[i] = lineOf[i - 1] + (good[i - 1] == '\n' ? 1 : 0);
        }
        return IntStream.range(0, good.length)
                .parallel()
                .boxed()
                .flatMap(at -> changes.of(at, good[at]).mapToObj(value -> {
                    byte[] bad = good.clone();
                    bad[at] = (byte) value;
                    return missed(bad, lineOf[at], at);
                }))
                .filter(text -> !text.isEmpty())
                .toList();
    }

    /** For an event without a signature only the hash in the next one of its stream vouches, so that one is named. */
    private String missed(byte[] bad, int line, int at) {
        AuditTamperedException thrown = catchThrowableOfType(AuditTamperedException.class, () -> verify(verifier, bad));
        if (thrown == null) {
            return "the change of byte " + at + " was accepted";
        }
        int named = line;
        String stream = event(line).event().position().stream();
        String finding = thrown.findings().get(0);
        while (event(named).signature().isEmpty() && !finding.startsWith("line " + (named + 1))) {
            named++;
            assertThat(event(named).event().position().stream()).isEqualTo(stream);
        }
        return finding.startsWith("line " + (named + 1) + ":") || finding.startsWith("line " + (named + 1) + " ")
                ? ""
                : "byte %d of line %d: %s".formatted(at, line + 1, finding);
    }

    @Test
    void every_byte_that_is_left_out_or_doubled_is_found() {
        byte[] good = bytes(lines);

        List<Integer> accepted = new Random(5)
                .ints(1_000, 0, good.length)
                .parallel()
                .filter(i -> {
                    for (boolean doubled : List.of(true, false)) {
                        var bad = new ByteArrayOutputStream();
                        bad.write(good, 0, doubled ? i + 1 : i);
                        bad.write(good, doubled ? i : i + 1, good.length - (doubled ? i : i + 1));
                        if (catchThrowableOfType(
                                        AuditTamperedException.class, () -> verify(verifier, bad.toByteArray()))
                                == null) {
                            return true;
                        }
                    }
                    return false;
                })
                .boxed()
                .toList();

        assertThat(accepted).isEmpty();
    }

    @Test
    void an_event_that_is_dropped_shows_at_the_next_one_of_its_stream() {
        for (int at = 0; at < lines.size(); at++) {
            List<String> changed = new ArrayList<>(lines);
            changed.remove(at);
            String stream = event(at).event().position().stream();
            Optional<Integer> next = IntStream.range(at + 1, lines.size())
                    .filter(i -> event(i).event().position().stream().equals(stream))
                    .boxed()
                    .findFirst();
            if (next.isPresent()) {
                assertThat(finding(changed))
                        .startsWith(place(next.get()).replace("line " + (next.get() + 1), "line " + next.get()))
                        .contains("it does not follow event");
            } else {
                // what was cut off the end does not show in the lines, only to who knows where the stream ended
                assertThat(log.verifier().verify(changed).heads().get(stream))
                        .isNotEqualTo(log.verifier().verify(lines).heads().get(stream));
            }
        }
    }

    @Test
    void events_that_change_places_or_come_twice_are_found() {
        for (int at = 0; at < lines.size(); at++) {
            List<String> doubled = new ArrayList<>(lines);
            doubled.add(at + 1, lines.get(at));
            assertThat(finding(doubled)).startsWith("line " + (at + 2) + " ").contains("it does not follow");
            for (int other = at + 1; other < lines.size(); other++) {
                List<String> swapped = new ArrayList<>(lines);
                Collections.swap(swapped, at, other);
                boolean sameStream =
                        event(at).event().position().stream().equals(event(other).event().position().stream());
                if (sameStream) {
                    assertThat(finding(swapped)).startsWith("line " + (at + 1) + " ");
                }
            }
        }
    }

    @Test
    void an_event_of_another_stream_or_another_store_is_found() {
        SignedLog other = new SignedLog("example.com/two").thirty();
        SignedLog twin = new SignedLog(
                        new SignedLog.SigningKeys(JdkKeys.fresh()), LifecycleStore.inMemory(), "example.com/one", 2)
                .thirty();
        for (int at = 0; at < lines.size(); at++) {
            assertThat(finding(changed(at, other.lines().get(at))))
                    .startsWith("line " + (at + 1) + " ")
                    .containsAnyOf("another log, example.com/two", "was expected");
            assertThat(finding(changed(at, twin.lines().get(at)))).startsWith("line " + (at + 1) + " ");
            for (String line : lines) {
                if (!line.equals(lines.get(at))) {
                    assertThat(finding(changed(at, line))).isNotEmpty();
                }
            }
        }
    }

    @Test
    void the_same_log_under_the_same_key_in_another_store_lends_no_event() {
        var keys = new SignedLog.SigningKeys(JdkKeys.fresh());
        SignedLog one = new SignedLog(keys, LifecycleStore.inMemory(), "example.com/one", 1).thirty();
        SignedLog two = new SignedLog(keys, LifecycleStore.inMemory(), "example.com/one", 2).thirty();
        for (int at = 1; at < one.lines().size(); at++) {
            List<String> changed = new ArrayList<>(one.lines());
            changed.set(at, two.lines().get(at));
            AuditTamperedException thrown = catchThrowableOfType(
                    AuditTamperedException.class, () -> one.verifier().verify(changed));
            assertThat(thrown).as("line %d", at + 1).isNotNull();
        }
    }

    @Test
    void a_signature_that_is_missing_or_another_ones_is_found() {
        for (int at = 0; at < lines.size(); at++) {
            SealedEvent event = event(at);
            String other = event((at + 7) % 5).signature().orElseThrow();
            String swapped = EventLine.write(new SealedEvent(
                    event.event(),
                    event.canonical(),
                    event.leafHash(),
                    Optional.of(other),
                    false,
                    List.of(),
                    Set.of()));
            if (!swapped.equals(lines.get(at))) {
                assertThat(finding(changed(at, swapped)))
                        .isEqualTo(place(at) + "its signature is not that of key "
                                + log.key().keyId());
            }
            String stripped = "{\"event\":" + event.canonical() + "}";
            if (!event.event().kind().mayWait()) {
                assertThat(finding(changed(at, stripped)))
                        .isEqualTo(place(at) + event.event().kind().wire() + " is not signed, and must be");
            }
        }
    }

    @Test
    void the_log_of_another_key_is_refused_at_its_first_line() {
        var stranger = Ed25519PublicKey.of(JdkKeys.fresh().publicKeys().get(0).jwk());

        assertThatThrownBy(() -> LogVerifier.of(stranger).verify(lines))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("line 1 (event 0 of stream log): it makes "
                        + log.key().keyId() + " the key of the log, but " + stranger.keyId() + " was expected");
        assertThatThrownBy(() -> LogVerifier.of(stranger)
                        .verify(lines.stream()
                                .filter(line -> line.contains("a/default/a"))
                                .toList()))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("line 1 (event 0 of stream a/default/a): it names");
    }

    @Test
    void a_forged_endorsement_is_found() {
        int at = IntStream.range(0, lines.size())
                .filter(i -> event(i).event().kind() == EventKind.LOG_GAP_ENDORSED)
                .findFirst()
                .orElseThrow();
        List<String> changed = new ArrayList<>(lines);
        // whoever drops the two events that waited, and numbers the rest anew, lacks the key to sign it
        changed.set(at, lines.get(at).replace("\"details\":{\"n\":5}", "\"details\":{\"n\":6}"));
        assertThat(changed).isNotEqualTo(lines);
        assertThat(finding(changed)).startsWith(place(at));
    }

    // ---- hostile input

    @Test
    void lines_that_are_none_are_refused_with_a_reason_and_without_a_crash() {
        byte[] good = bytes(lines);
        String first = lines.get(0);
        assertThat(finding((first + "\n\n").getBytes(UTF_8))).isEqualTo("line 2: it is empty");
        assertThat(finding((first + "\r\n").getBytes(UTF_8))).startsWith("line 1: ");
        assertThat(finding(("\uFEFF" + first + "\n").getBytes(UTF_8))).startsWith("line 1: ");
        assertThat(finding(first.getBytes(UTF_8)))
                .isEqualTo("line 1: it is not ended by a line feed: the end is missing");
        assertThat(finding(java.util.Arrays.copyOf(good, good.length - 1))).startsWith("line 30: it is not ended");
        assertThat(finding(new byte[] {(byte) 0xc3, (byte) 0x28, '\n'})).isEqualTo("line 1: it is not UTF-8");
        for (String bad : List.of(
                "",
                "{}",
                "{\"event\":}",
                "{\"event\":{}}",
                "{\"event\":{},\"sig\":\"\"}",
                "{\"event\":" + "[".repeat(60_000) + "}",
                first.replace("{\"event\":", "{ \"event\":"),
                first.replace(",\"sig\":", ",\"sig\": "),
                first.replace(",\"sig\":", ",\"Sig\":"),
                first.replace("\"}", "=\"}"),
                first.replace("\"}", "\",\"x\":1}"),
                first + first,
                " " + first)) {
            assertThatThrownBy(() -> log.verifier().verify(List.of(bad)))
                    .as(bad.substring(0, Math.min(40, bad.length())))
                    .isInstanceOf(AuditTamperedException.class);
        }
    }

    @Test
    void a_line_without_end_costs_no_more_memory_than_the_longest_line() {
        var endless = new InputStream() {
            private long given;

            @Override
            public int read() {
                given++;
                return 'a';
            }

            @Override
            public int read(byte[] buffer, int offset, int length) {
                given += length;
                java.util.Arrays.fill(buffer, offset, offset + length, (byte) 'a');
                return length;
            }
        };

        assertThatThrownBy(() -> log.verifier().verify(endless))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("line 1: it is longer than " + EventLine.MAX_BYTES + " bytes");
        assertThat(endless.given).isLessThan(EventLine.MAX_BYTES + 10_000L);
    }

    @Test
    void noise_is_refused_and_nothing_else_is_thrown() {
        byte[] good = bytes(lines);
        List<String> missed = IntStream.range(0, 3_000)
                .parallel()
                .mapToObj(round -> {
                    Random random = new Random(round);
                    byte[] noise = good.clone();
                    int from = random.nextInt(noise.length);
                    int length = 1 + random.nextInt(Math.min(40, noise.length - from));
                    for (int i = from; i < from + length; i++) {
                        noise[i] = (byte) random.nextInt(256);
                    }
                    return java.util.Arrays.equals(noise, good) ? "line " : finding(noise);
                })
                .filter(finding -> !finding.startsWith("line "))
                .toList();

        assertThat(missed).isEmpty();
    }
}
