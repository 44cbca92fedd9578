package io.agentlifecycle.core.hold;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HoldsTest {
    private static final HoldReason BILLING = HoldReason.of("billing");

    @Test
    void releasing_one_hold_leaves_the_other() {
        Holds both = Holds.of(List.of(hold(HoldReason.OPERATOR), hold(BILLING)));

        Holds left = both.release(BILLING).orElseThrow();

        assertThat(left.isEmpty()).isFalse();
        assertThat(left.reasons()).containsExactly(HoldReason.OPERATOR);
        assertThat(left.release(BILLING)).as("it is gone").isEmpty();
        assertThat(left.release(HoldReason.OPERATOR)).contains(Holds.NONE);
        assertThat(both.reasons()).as("nothing changes what is").containsExactly(BILLING, HoldReason.OPERATOR);
    }

    @Test
    void a_reason_holds_once() {
        Holds holds = Holds.of(List.of(hold(BILLING)));

        assertThat(holds.place(hold(BILLING))).isEmpty();
        assertThatThrownBy(() -> Holds.of(List.of(hold(BILLING), hold(BILLING))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("two holds with reason billing");
    }

    /** Small numbers place a hold, negative ones release it; a set of reasons must come to the same. */
    @Property
    void holds_are_a_set_by_reason(@ForAll List<@IntRange(min = -5, max = 5) Integer> steps) {
        Holds holds = Holds.NONE;
        Set<HoldReason> model = new TreeSet<>();
        for (int step : steps) {
            HoldReason reason = HoldReason.of("r" + Math.abs(step));
            Optional<Holds> next = step > 0 ? holds.place(hold(reason)) : holds.release(reason);
            boolean changes = step > 0 ? model.add(reason) : model.remove(reason);
            assertThat(next.isPresent()).isEqualTo(changes);
            holds = next.orElse(holds);
            assertThat(holds.reasons()).containsExactlyElementsOf(model);
            assertThat(holds.isEmpty()).isEqualTo(model.isEmpty());
            assertThat(holds).isEqualTo(Holds.of(holds.all())).hasSameHashCodeAs(Holds.of(holds.all()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Billing", "1st", "_x", "a-b", "a b", "\u00fc"})
    void a_reason_has_a_form(String code) {
        assertThatThrownBy(() -> HoldReason.of(code))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("hold reason must be 1-64 of a-z 0-9 _ and begin with a letter but was \"" + code + "\"");
        assertThat(HoldReason.of("a" + "1".repeat(63)).code()).hasSize(64);
    }

    private static Hold hold(HoldReason reason) {
        return new Hold(
                reason,
                "why",
                Actor.SYSTEM,
                Instant.parse("2026-04-11T04:30:00Z"),
                reason.authority(),
                Optional.empty());
    }
}
