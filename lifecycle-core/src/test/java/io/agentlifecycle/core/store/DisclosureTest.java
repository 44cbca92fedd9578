package io.agentlifecycle.core.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DisclosureTest {
    private static final Instant NOON = Instant.parse("2026-04-11T12:00:00Z");

    private static Commit commit(Disclosure... disclosures) {
        return new Commit(
                new RequestId("r"),
                NOON,
                List.of(),
                List.of(),
                List.of(new StoredEvent("a", 3, "{}", Optional.empty())),
                List.of(disclosures));
    }

    @Test
    void nothing_shows_the_content() {
        var disclosure = new Disclosure("a", 3, "ann@example.org");

        assertThat(disclosure).hasToString("Disclosure[stream=a, n=3]");
        assertThat(commit(disclosure).toString()).contains("n=3").doesNotContain("ann");
    }

    @Test
    void the_content_may_have_64_kilobytes_and_no_more() {
        assertThat(new Disclosure("a", 0, "\u20ac".repeat(21_845) + "x").content())
                .hasSize(21_846);

        for (String tooLong : List.of("x".repeat(65_537), "\u20ac".repeat(21_845) + "xx")) {
            assertThatThrownBy(() -> new Disclosure("a", 0, tooLong))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("at most 65536")
                    .hasMessageNotContaining("xx");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "one\ntwo", "one\rtwo", "\u0000", "tab\there", "one\u2028two", "\ud83e"})
    void the_content_is_one_line_of_text(String content) {
        assertThatThrownBy(() -> new Disclosure("a", 0, content)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_commit_discloses_values_of_its_own_events_only() {
        assertThat(commit(new Disclosure("a", 3, "one"), new Disclosure("a", 3, "two"))
                        .disclosures())
                .hasSize(2);

        for (Disclosure other : List.of(new Disclosure("a", 2, "secret"), new Disclosure("b", 3, "secret"))) {
            assertThatThrownBy(() -> commit(other))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("event %d of stream %s", other.n(), other.stream())
                    .hasMessageNotContaining("secret");
        }
    }
}
