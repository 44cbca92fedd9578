package io.agentlifecycle.core.audit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.DateTimeException;
import java.time.Instant;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InstantTextTest {
    @Property(tries = 20_000)
    void what_an_instant_writes_is_read_as_that_instant(@ForAll("instants") Instant instant) {
        assertThat(InstantText.read(instant.toString())).contains(instant);
    }

    @Property(tries = 20_000)
    void with_another_character_somewhere_it_is_what_the_formatter_says_or_nothing(
            @ForAll("instants") Instant instant, @ForAll @IntRange(max = 29) int at, @ForAll("characters") char c) {
        var changed = new StringBuilder(instant.toString());
        changed.setCharAt(at % changed.length(), c);

        assertThat(InstantText.read(changed.toString())).isEqualTo(canonical(changed.toString()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "Z",
                "2026-04-11T04:31:00",
                "2026-04-11T04:31Z",
                "2026-04-11T04:31:00.Z",
                "2026-04-11T04:31:00.5Z",
                "2026-04-11T04:31:00.000Z",
                "2026-04-11T04:31:00.500000Z",
                "2026-04-11T04:31:00.500000000Z",
                "2026-04-11T04:31:00.5000000000Z",
                "2026-04-11T04:31:00.-12Z",
                "2026-04-11T04:31:00+00:00",
                "2026-04-11T24:00:00Z",
                "2026-04-11T23:60:00Z",
                "2026-04-11T23:59:60Z",
                "2026-02-29T00:00:00Z",
                "2026-13-01T00:00:00Z",
                "2026-00-01T00:00:00Z",
                "2026-01-00T00:00:00Z",
                "+10000-01-01T00:00:00Z",
                "-0001-01-01T00:00:00Z",
                "٢٠٢٦-04-11T04:31:00Z",
                "2026-04-11t04:31:00z"
            })
    void all_else_is_left_to_the_formatter(String text) {
        assertThat(InstantText.read(text)).isEmpty();
    }

    @Provide
    Arbitrary<Instant> instants() {
        Arbitrary<Long> seconds = Arbitraries.longs()
                .between(
                        Instant.parse("0000-01-01T00:00:00Z").getEpochSecond(),
                        Instant.parse("9999-12-31T23:59:59Z").getEpochSecond());
        Arbitrary<Integer> nanos = Arbitraries.oneOf(
                Arbitraries.just(0),
                Arbitraries.integers().between(0, 999).map(milli -> milli * 1_000_000),
                Arbitraries.integers().between(0, 999_999).map(micro -> micro * 1_000),
                Arbitraries.integers().between(0, 999_999_999));
        return seconds.flatMap(second -> nanos.map(nano -> Instant.ofEpochSecond(second, nano)));
    }

    @Provide
    Arbitrary<Character> characters() {
        return Arbitraries.oneOf(Arbitraries.of('0', '1', '9', '-', ':', 'T', 'Z', '.', '+', ' '), Arbitraries.chars());
    }

    /** The time of which this is the one text. */
    private static Optional<Instant> canonical(String text) {
        try {
            Instant instant = Instant.parse(text);
            return instant.toString().equals(text) ? Optional.of(instant) : Optional.empty();
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }
}
