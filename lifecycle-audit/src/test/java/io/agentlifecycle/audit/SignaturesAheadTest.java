package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** A verifier with help says what one without says, to the letter, whatever its helpers do. */
class SignaturesAheadTest {
    private static final ExecutorService THREADS = Executors.newFixedThreadPool(2);
    private static final Executor NOBODY = task -> {};

    private final SignedLog log = new SignedLog("example.com/one").thirty();
    private final List<String> lines = log.lines();
    private final LogVerifier alone = log.rememberingVerifier();

    @AfterAll
    static void end() {
        THREADS.shutdownNow();
    }

    private static byte[] bytes(List<String> lines) {
        return String.join("", lines.stream().map(line -> line + "\n").toList()).getBytes(UTF_8);
    }

    /** Everything that can be seen of a verification: which events were shown, and how it ended. */
    private static List<String> seen(LogVerifier verifier, InputStream log) {
        List<String> seen = new ArrayList<>();
        try {
            seen.add(verifier.verify(log, (event, keys) -> seen.add(event.leafHash()))
                    .toString());
        } catch (IOException | AuditTamperedException e) {
            seen.add(e.toString());
        }
        return seen;
    }

    private static List<String> seen(LogVerifier verifier, byte[] log) {
        return seen(verifier, new ByteArrayInputStream(log));
    }

    /** The log, changed in one line in many ways. */
    private List<byte[]> changed(int at) {
        List<byte[]> all = new ArrayList<>();
        String line = lines.get(at);
        String other = lines.get((at + 5) % lines.size());
        for (String changed : List.of(
                other,
                line + "\n" + line,
                line.replaceFirst(",\"sig\":\"[^\"]*\"", ""),
                line.replaceFirst(",\"sig\":\"[^\"]*\"", "") + "\n" + other,
                line.replaceFirst("\"sig\":\"..", "\"sig\":\"AA"),
                line.replaceFirst("\"sig\":\"[^\"]*", "\"sig\":\"" + "A".repeat(86)),
                line.replaceFirst("\"sig\":\"[^\"]*", "\"sig\":\"" + "-".repeat(85) + "!"),
                line.replaceFirst("\"v\":1", "\"v\":2"),
                line.replaceFirst("\"n\":", "\"n\":1"),
                line.replaceFirst("\"prev\":\"...", "\"prev\":\"AAA"),
                line.replaceFirst("\"kid\":\"...", "\"kid\":\"AAA"),
                line.replaceFirst("\"kid\":\"[^\"]*", "\"kid\":\""),
                line.replaceFirst(",\"kid\":\"[^\"]*\"", ""),
                line.replaceFirst("\"id\":\"[^\"]*", "\"id\":\"x"),
                line.replaceFirst("\"ts\":\"2026", "\"ts\":\"2025"),
                line.replaceFirst("\"log\":\"", "\"log\":\"x"),
                line.replaceFirst("^\\{", "{ "),
                line.substring(0, line.length() / 2),
                "{\"event\":{},\"sig\":\"" + "A".repeat(86) + "\"}",
                line + "\r",
                line + "\0",
                line + "\u20ac".repeat(30_000),
                "")) {
            List<String> copy = new ArrayList<>(lines);
            copy.set(at, changed);
            all.add(bytes(copy));
        }
        List<String> dropped = new ArrayList<>(lines);
        dropped.remove(at);
        all.add(bytes(dropped));
        List<String> swapped = new ArrayList<>(lines);
        Collections.swap(swapped, at, (at + 1) % lines.size());
        all.add(bytes(swapped));
        byte[] before = bytes(lines.subList(0, at));
        for (int end : List.of(before.length, before.length + 1, before.length + line.length())) {
            all.add(Arrays.copyOf(bytes(lines), end));
        }
        byte[] noText = bytes(lines);
        noText[before.length + line.length() / 2] = (byte) 0xff;
        all.add(noText);
        return all;
    }

    @Test
    void with_help_and_without_a_verifier_says_the_same_to_a_log_that_was_changed_in_any_line() {
        int refused = 0;
        int variants = 0;
        for (int at = 0; at < lines.size(); at++) {
            for (byte[] changed : changed(at)) {
                List<String> expected = seen(alone, changed);

                assertThat(seen(alone.helpedBy(THREADS, 2), changed)).isEqualTo(expected);
                variants++;
                refused += expected.get(expected.size() - 1).contains("Tampered") ? 1 : 0;
            }
        }
        assertThat(variants).isEqualTo(30 * 29);
        // what is accepted is no change of that line, or a cut at the end of one
        assertThat(refused).isGreaterThan(30 * 25);
    }

    /** Wherever one batch of lines ends and the next one begins, and wherever the bad line is. */
    @Test
    void it_makes_no_difference_how_many_lines_are_looked_at_together() {
        for (int at = 0; at < lines.size(); at++) {
            List<String> copy = new ArrayList<>(lines);
            copy.set(at, lines.get(at).replaceFirst("\"id\":\"0", "\"id\":\"1"));
            List<String> good = seen(alone, bytes(lines.subList(0, at + 1)));
            List<String> bad = seen(alone, bytes(copy));
            for (int together : List.of(1, 2, 3, 7, at + 1, Math.max(1, at), lines.size())) {
                LogVerifier helped = alone.helpedBy(THREADS, 2, together);

                assertThat(seen(helped, bytes(lines.subList(0, at + 1)))).isEqualTo(good);
                assertThat(seen(helped, bytes(copy))).isEqualTo(bad);
            }
        }
    }

    @Test
    void lines_from_memory_are_checked_in_the_same_way() {
        LogVerifier helped = log.verifier().helpedBy(THREADS, 2);
        List<String> bad = new ArrayList<>(lines);
        bad.set(20, lines.get(20).replaceFirst("\"id\":\"0", "\"id\":\"1"));

        assertThat(helped.verify(lines)).isEqualTo(log.verifier().verify(lines));
        assertThatThrownBy(() -> helped.verify(bad))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("line 21");
    }

    @Test
    void a_bad_line_is_named_even_if_those_after_it_cannot_be_read() {
        var broken = new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("the disk is gone");
            }
        };
        List<String> bad = new ArrayList<>(lines.subList(0, 20));
        bad.set(10, lines.get(10).replaceFirst("\"id\":\"0", "\"id\":\"1"));
        for (LogVerifier verifier : List.of(
                log.verifier(),
                log.verifier().helpedBy(THREADS, 2),
                log.verifier().helpedBy(THREADS, 1, 3))) {
            assertThat(seen(
                            verifier,
                            new SequenceInputStream(new ByteArrayInputStream(bytes(lines.subList(0, 20))), broken)))
                    .hasSize(21)
                    .last()
                    .asString()
                    .contains("the disk is gone");
            assertThat(seen(verifier, new SequenceInputStream(new ByteArrayInputStream(bytes(bad)), broken)))
                    .hasSize(11)
                    .last()
                    .asString()
                    .contains("line 11 ");
        }
    }

    @Test
    void signatures_are_checked_on_two_threads_at_the_same_time() {
        var two = new CountDownLatch(2);
        var met = new AtomicBoolean(true);
        SignatureVerifier real = new Dsse();
        LogVerifier.of(log.key(), (key, type, payload, signature) -> {
                    two.countDown();
                    try {
                        met.compareAndSet(true, two.await(30, TimeUnit.SECONDS));
                    } catch (InterruptedException e) {
                        met.set(false);
                    }
                    return real.verify(key, type, payload, signature);
                })
                .helpedBy(THREADS, 1)
                .verify(lines);

        assertThat(met).isTrue();
    }

    @Test
    void a_helper_that_never_comes_or_comes_too_late_makes_no_difference() {
        List<Runnable> late = new ArrayList<>();
        List<String> expected = seen(alone, bytes(lines));

        assertThat(seen(log.verifier().helpedBy(NOBODY, 3), bytes(lines))).isEqualTo(expected);
        assertThat(seen(log.verifier().helpedBy(late::add, 3, 4), bytes(lines))).isEqualTo(expected);
        // eight batches, but nobody who has not come yet is called again
        assertThat(late).hasSize(3);
        var checks = new AtomicInteger();
        late.clear();
        LogVerifier.of(log.key(), (key, type, payload, signature) -> {
                    checks.incrementAndGet();
                    return true;
                })
                .helpedBy(late::add, 1)
                .verify(lines);
        late.forEach(Runnable::run);
        assertThat(checks).hasValue(28);
    }

    @Test
    void an_executor_in_the_callers_thread_will_do() {
        assertThat(seen(log.verifier().helpedBy(Runnable::run, 2, 4), bytes(lines)))
                .isEqualTo(seen(log.verifier(), bytes(lines)));
    }

    @Test
    void an_executor_that_refuses_is_heard() {
        assertThatThrownBy(() -> log.verifier()
                        .helpedBy(
                                task -> {
                                    throw new RejectedExecutionException("closed");
                                },
                                1)
                        .verify(lines))
                .isInstanceOf(RejectedExecutionException.class);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> log.verifier().helpedBy(THREADS, 0))
                .withMessage("a verifier has 1 to 1024 helpers, not 0");
    }

    @Test
    void long_lines_are_not_read_far_ahead() {
        byte[] line = ("x".repeat(65_000) + "\n").getBytes(UTF_8);
        var endless = new InputStream() {
            private long given;

            @Override
            public int read() {
                return line[(int) (given++ % line.length)];
            }
        };

        assertThatThrownBy(() -> log.verifier().helpedBy(THREADS, 2).verify(endless))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("line 1: ");
        assertThat(endless.given).isBetween(1_000_000L, 1_200_000L);
    }

    // ---- what is taken for known

    /** Remembers what it was asked, and answers as it is told. */
    private static final class Asked implements SignatureVerifier {
        private final List<PublicJwk> keys = Collections.synchronizedList(new ArrayList<>());
        private boolean answer = true;

        @Override
        public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
            keys.add(key);
            return answer;
        }

        int times() {
            return keys.size();
        }
    }

    @Test
    void an_answer_counts_only_for_the_same_key_type_payload_and_signature() {
        var asked = new Asked();
        var ahead = new SignaturesAhead(asked, log.key().jwk(), NOBODY, 1);
        EventLine.Parts parts = EventLine.split(lines.get(0));
        byte[] signature = Digests.fromBase64Url(parts.signature().orElseThrow());
        byte[] another = signature.clone();
        another[0]++;
        PublicJwk stranger = JdkKeys.fresh().publicKeys().get(0).jwk();

        ahead.expect(lines.subList(0, 1));
        ahead.expect(lines.subList(1, 2));
        assertThat(asked.times()).isEqualTo(1);
        asked.answer = false;

        assertThat(ahead.verify(log.key().jwk(), AuditEvent.PAYLOAD_TYPE, parts.canonical(), signature))
                .isTrue();
        assertThat(asked.times()).isEqualTo(1);
        assertThat(ahead.verify(stranger, AuditEvent.PAYLOAD_TYPE, parts.canonical(), signature))
                .isFalse();
        assertThat(ahead.verify(log.key().jwk(), "text/plain", parts.canonical(), signature))
                .isFalse();
        assertThat(ahead.verify(log.key().jwk(), AuditEvent.PAYLOAD_TYPE, parts.canonical() + " ", signature))
                .isFalse();
        assertThat(ahead.verify(log.key().jwk(), AuditEvent.PAYLOAD_TYPE, parts.canonical(), another))
                .isFalse();
        assertThat(asked.times()).isEqualTo(5);

        ahead.expect(List.of());
        assertThat(ahead.verify(log.key().jwk(), AuditEvent.PAYLOAD_TYPE, parts.canonical(), signature))
                .as("what was said about lines before is forgotten")
                .isFalse();
    }

    @Test
    void a_key_is_looked_for_from_the_first_event_on_that_it_signed() {
        var asked = new Asked();
        Ed25519PublicKey first =
                Ed25519PublicKey.of(JdkKeys.fresh().publicKeys().get(0).jwk());
        var ahead = new SignaturesAhead(asked, first.jwk(), NOBODY, 1);

        expectThree(ahead);
        assertThat(asked.times()).as("nothing is known of this key yet").isZero();

        asked.answer = false;
        verify(ahead, lines.get(0));
        expectThree(ahead);
        assertThat(asked.times()).as("it did not sign that").isEqualTo(1);

        asked.answer = true;
        verify(ahead, lines.get(0));
        expectThree(ahead);
        assertThat(asked.keys).hasSize(5).allMatch(log.key().jwk()::equals);
        lines.subList(0, 3).forEach(line -> verify(ahead, line));
        assertThat(asked.times()).isEqualTo(5);
    }

    private void expectThree(SignaturesAhead ahead) {
        ahead.expect(lines.subList(0, 3));
        ahead.expect(List.of());
    }

    private void verify(SignaturesAhead ahead, String line) {
        EventLine.Parts parts = EventLine.split(line);
        ahead.verify(
                log.key().jwk(),
                AuditEvent.PAYLOAD_TYPE,
                parts.canonical(),
                Digests.fromBase64Url(parts.signature().orElseThrow()));
    }
}
