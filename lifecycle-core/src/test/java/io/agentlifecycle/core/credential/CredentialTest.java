package io.agentlifecycle.core.credential;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class CredentialTest {
    private static final Instant START = Instant.parse("2026-04-11T04:30:00Z");
    private static final Duration NANO = Duration.ofNanos(1);

    @Property
    void rotation_is_due_around_half_life_or_an_overlap_before_the_end(
            @ForAll long seed,
            @ForAll @LongRange(min = 1, max = 366 * 86_400L) long ttlSeconds,
            @ForAll @DoubleRange(min = 0, max = 0.99) double overlapShare) {
        Duration ttl = Duration.ofSeconds(ttlSeconds);
        Duration overlap = Duration.ofMillis((long) (ttl.toMillis() * overlapShare));
        var policy = new CredentialPolicy(ttl, overlap, true, true);
        Credential credential = credential(id(new Random(seed)), ttl);

        Instant due = credential.rotateAt(policy);

        Duration half = ttl.dividedBy(2);
        Instant latest = START.plus(ttl).minus(overlap);
        assertThat(due).isBeforeOrEqualTo(latest);
        assertThat(due).isBetween(START, START.plus(half.multipliedBy(11).dividedBy(10)));
        if (due.isBefore(latest)) {
            assertThat(due).isAfterOrEqualTo(START.plus(half.multipliedBy(9).dividedBy(10)));
        }
        assertThat(credential(credential.id(), ttl).rotateAt(policy))
                .as("the same at every host")
                .isEqualTo(due);
    }

    @Test
    void credentials_issued_together_are_due_spread_over_a_tenth_of_half_life_to_either_side() {
        Random random = new Random(7);
        Duration ttl = Duration.ofHours(24);
        Instant first = START.plus(Duration.ofMinutes(720 - 72));
        int[] perBucket = new int[12];
        for (int i = 0; i < 12_000; i++) {
            Instant due = credential(id(random), ttl).rotateAt(CredentialPolicy.DEFAULT);
            perBucket[(int) (Duration.between(first, due).toMinutes() / 12)]++;
        }

        assertThat(Arrays.stream(perBucket))
                .as("of 12,000, in each twelfth of the 144 minutes")
                .allSatisfy(count -> assertThat(count).isBetween(850, 1150));
    }

    @Test
    void the_jitter_is_the_same_for_ever() {
        var id = CredentialId.of("cred:00112233445566778899aabbccddeeff");

        assertThat(credential(id, Duration.ofHours(24)).rotateAt(CredentialPolicy.DEFAULT))
                .as("what other hosts and later versions compute")
                .isEqualTo(Instant.parse("2026-04-11T16:24:57.691293732Z"));
    }

    @Test
    void an_end_counts_from_its_instant() {
        Credential current = credential(id(new Random(1)), Duration.ofHours(1));
        Instant end = START.plus(Duration.ofHours(1));

        assertThat(current.status(end.minus(NANO))).isEqualTo(CredentialStatus.ACTIVE);
        assertThat(current.status(end)).isEqualTo(CredentialStatus.EXPIRED);
        assertThat(current.isExpired(end.minus(NANO))).isFalse();
        assertThat(current.isExpired(end)).isTrue();

        Credential retiring = current.retiring(START.plusSeconds(60));
        assertThat(retiring.status(START.plusSeconds(60).minus(NANO))).isEqualTo(CredentialStatus.RETIRING);
        assertThat(retiring.status(START.plusSeconds(60))).isEqualTo(CredentialStatus.RETIRED);
        assertThat(retiring.status(end)).isEqualTo(CredentialStatus.EXPIRED);
        assertThat(current.retiring(end.plusSeconds(1)).graceUntil()).contains(end);
    }

    @Test
    void what_was_revoked_or_has_expired_stays_so() {
        Credential current = credential(id(new Random(1)), Duration.ofHours(1));
        for (CredentialStatus ended : new CredentialStatus[] {CredentialStatus.REVOKED, CredentialStatus.EXPIRED}) {
            assertThat(current.recorded(ended).status(START)).isEqualTo(ended);
            assertThat(current.recorded(ended).status(START.plus(Duration.ofDays(9))))
                    .isEqualTo(ended);
            assertThat(ended.isUsable()).isFalse();
        }
    }

    @Test
    void an_agent_lists_at_most_two_and_the_newest_is_of_the_last_generation() {
        Random random = new Random(3);
        Credential first = credential(id(random), Duration.ofHours(1));
        Credential second = generation(2, random);
        Credential third = generation(3, random);

        Credentials two = Credentials.NONE.issue(first).rotate(second, Optional.of(START.plusSeconds(60)));
        assertThat(two.find(first.id())).isPresent();
        assertThat(two.find(second.id())).contains(second);
        Credentials three = two.rotate(third, Optional.of(START.plusSeconds(90)));
        assertThat(three.find(first.id())).isEmpty();
        assertThat(three.retiring().map(Credential::id)).contains(second.id());
        assertThat(three.usable(START)).contains(third);

        Credentials revoked = three.revokeAll();
        assertThat(revoked.isRevoked()).isTrue();
        assertThat(revoked.usable(START)).isEmpty();
        assertThat(revoked.retiring()).isEmpty();
        assertThat(revoked.rotate(generation(4, random), Optional.of(START.plusSeconds(60)))
                        .retiring())
                .as("a revoked one gets no overlap")
                .isEmpty();
        assertThat(three.expireCurrent().isRevoked()).isFalse();
        assertThatThrownBy(() -> new Credentials(
                        Optional.of(first),
                        Optional.empty(),
                        2,
                        false,
                        Optional.empty(),
                        Optional.empty(),
                        List.of(),
                        false))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Credentials.NONE.awaitingDelivery()).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void one_that_never_arrived_is_replaced_and_the_one_that_the_agent_has_stays() {
        Random random = new Random(3);
        Credential first = credential(id(random), Duration.ofHours(1));
        Instant end = START.plusSeconds(60);
        Credentials two = Credentials.NONE
                .issue(first)
                .rotate(generation(2, random), Optional.of(end))
                .awaitingDelivery();

        Credentials three = two.rotate(generation(3, random), Optional.of(START.plusSeconds(900)));

        assertThat(three.retiring()).as("its end is moved no further").contains(first.retiring(end));
        assertThat(three.undelivered()).isFalse();
        assertThat(two.held(START).map(Credential::id)).contains(first.id());
        assertThat(three.held(START).map(Credential::id))
                .isEqualTo(three.current().map(Credential::id));
        Instant sooner = START.plusSeconds(30);
        assertThat(two.delivered(Optional.of(sooner)).retiring()).contains(first.retiring(sooner));
        assertThat(two.delivered(Optional.of(sooner)).undelivered()).isFalse();
        assertThat(two.delivered(Optional.empty()).retiring()).isEmpty();
        assertThat(two.revokeAll().undelivered()).isFalse();
    }

    @Test
    void a_failure_is_forgotten_with_what_failed() {
        Random random = new Random(3);
        Credentials failed = Credentials.NONE
                .issue(credential(id(random), Duration.ofHours(1)))
                .awaitingDelivery()
                .failed(new Credentials.Retry(1, START));

        assertThat(failed.undelivered()).isTrue();
        assertThat(failed.expireCurrent().retry()).isEqualTo(failed.retry());
        assertThat(failed.expireCurrent().undelivered()).isTrue();
        assertThat(failed.delivered(Optional.empty()).retry()).isEmpty();
        assertThat(failed.revokeAll().retry()).isEmpty();
        assertThat(failed.issue(generation(2, random)).retry()).isEmpty();
        assertThat(failed.rotate(generation(2, random), Optional.empty()).retry())
                .isEmpty();
    }

    @Test
    void the_wait_after_a_failure_grows_by_half_and_has_an_end() {
        CredentialPolicy day = CredentialPolicy.DEFAULT;
        List<Duration> waits = IntStream.rangeClosed(1, 20)
                .mapToObj(attempt -> day.retryAfter("a", attempt))
                .toList();
        Duration expected = Duration.ofSeconds(30);
        for (Duration wait : waits) {
            assertThat(wait)
                    .isBetween(
                            expected.multipliedBy(9).dividedBy(10),
                            expected.multipliedBy(11).dividedBy(10));
            expected = expected.multipliedBy(3).dividedBy(2);
            if (expected.compareTo(Duration.ofMinutes(8)) > 0) {
                expected = Duration.ofMinutes(8);
            }
        }
        assertThat(day.retryAfter("a", 1)).isEqualTo(day.retryAfter("a", 1)).isNotEqualTo(day.retryAfter("b", 1));
        CredentialPolicy minute = day.withRotationOverlap(Duration.ZERO).withMaxCredentialTtl(Duration.ofSeconds(80));
        assertThat(minute.retryAfter("a", 20)).isBetween(Duration.ofSeconds(9), Duration.ofSeconds(11));
    }

    @Test
    void a_token_prints_nothing_and_compares_by_its_text() {
        Token token = Token.of("cred:1.secret");

        assertThat(token).hasToString("Token[secret]");
        assertThat(token.reveal()).isEqualTo("cred:1.secret");
        assertThat(token).isEqualTo(Token.of("cred:1.secret")).hasSameHashCodeAs(Token.of("cred:1.secret"));
        assertThat(token).isNotEqualTo(Token.of("cred:1.secreu")).isNotEqualTo("cred:1.secret");
    }

    @Test
    void an_id_and_a_life_have_their_forms() {
        assertThatThrownBy(() -> CredentialId.of("cred:00"))
                .as("it may be half of a token")
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("00");
        assertThatThrownBy(() -> credential(id(new Random(1)), Duration.ofSeconds(-1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a credential must not end before it begins");
    }

    private static Credential generation(long generation, Random random) {
        return new Credential(
                id(random),
                generation,
                START,
                START.plus(Duration.ofHours(1)),
                CredentialStatus.ACTIVE,
                Optional.empty(),
                Optional.empty(),
                Optional.empty());
    }

    private static Credential credential(CredentialId id, Duration ttl) {
        return new Credential(
                id,
                1,
                START,
                START.plus(ttl),
                CredentialStatus.ACTIVE,
                Optional.empty(),
                Optional.of("key-1"),
                Optional.empty());
    }

    private static CredentialId id(Random random) {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        return CredentialId.of("cred:" + HexFormat.of().formatHex(bytes));
    }
}
