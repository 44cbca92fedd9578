package io.agentlifecycle.core.access;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a capability is, and which one covers which. */
class CapabilityTest {
    @ParameterizedTest
    @CsvSource({
        "read, read, true",
        "read, Read, false",
        "read, reader, false",
        "read, read:a, false",
        "read, *, false",
        "read, read:*, false",
        "*, read, true",
        "*, read:a:b, true",
        "*, read:*, true",
        "*, *, true",
        "read:*, read:a, true",
        "read:*, read:a:b, true",
        "read:*, read, false",
        "read:*, reader:a, false",
        "read:*, read:*, true",
        "read:*, read:a:*, true",
        "read:*, *, false",
        "read:a:*, read:*, false",
        "read:a:*, read:ab, false",
        "a:b, a:b, true",
    })
    void one_covers_another_if_all_that_it_stands_for_is_granted(String granted, String wanted, boolean covers) {
        assertThat(Capability.covers(granted, wanted)).isEqualTo(covers);
        assertThat(Capability.covers(List.of("other", granted), wanted)).isEqualTo(covers);
    }

    @Test
    void an_empty_list_grants_nothing() {
        for (String wanted : List.of("read", "read:*", "*", "")) {
            assertThat(Capability.covers(Set.of(), wanted)).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "**", "a*", "*a", "a:*:b", ":**", "read:* ", "a b", "é", "*:*", "read:\n"})
    void what_is_no_capability_is_covered_by_nothing(String text) {
        assertThat(Capability.isName(text)).isFalse();
        assertThat(Capability.isWildcard(text)).isFalse();
        assertThat(Capability.covers(List.of("*", "a:*", text), text)).isFalse();
    }

    @Test
    void all_forms_have_at_most_128_characters() {
        assertThat(Capability.isName("a".repeat(128))).isTrue();
        assertThat(Capability.isName("a".repeat(129))).isFalse();
        assertThat(Capability.isWildcard("a".repeat(126) + ":*")).isTrue();
        assertThat(Capability.isWildcard("a".repeat(127) + ":*")).isFalse();
        assertThat(Capability.isWildcard(":*")).isFalse();
        assertThat(Capability.isName("*")).isFalse();
    }

    @Provide
    Arbitrary<String> capabilities() {
        Arbitrary<String> names =
                Arbitraries.of("a", "b", "ab").list().ofMinSize(1).ofMaxSize(3).map(parts -> String.join(":", parts));
        return Arbitraries.oneOf(names, names.map(name -> name + ":*"), Arbitraries.just("*"));
    }

    /** The meaning of "covers", by all names that can be made of these parts and one that nobody has named. */
    @Property
    void covering_is_inclusion(@ForAll("capabilities") String granted, @ForAll("capabilities") String wanted) {
        Collection<String> names = List.of(
                "a",
                "b",
                "ab",
                "zz",
                "a:a",
                "a:b",
                "a:ab",
                "a:zz",
                "b:a",
                "b:zz",
                "ab:a",
                "ab:zz",
                "a:a:a",
                "a:a:zz",
                "a:b:zz",
                "a:ab:zz",
                "b:a:zz",
                "b:b:zz",
                "b:ab:zz",
                "ab:a:zz",
                "ab:b:zz",
                "ab:ab:zz",
                "a:a:a:zz");
        boolean included = names.stream().filter(name -> stands(wanted, name)).allMatch(name -> stands(granted, name));

        if (Capability.covers(granted, wanted)) {
            assertThat(included).isTrue();
        }
        if (Capability.isName(wanted)) {
            assertThat(Capability.covers(granted, wanted)).isEqualTo(stands(granted, wanted));
        }
    }

    @Property
    void covering_is_reflexive_and_transitive(
            @ForAll("capabilities") String a, @ForAll("capabilities") String b, @ForAll("capabilities") String c) {
        assertThat(Capability.covers(a, a)).isTrue();
        if (Capability.covers(a, b) && Capability.covers(b, c)) {
            assertThat(Capability.covers(a, c)).isTrue();
        }
    }

    /** Told apart from the code: by the parts between colons. */
    private static boolean stands(String capability, String name) {
        List<String> wanted = List.of(capability.split(":"));
        List<String> parts = List.of(name.split(":"));
        if (!wanted.get(wanted.size() - 1).equals("*")) {
            return wanted.equals(parts);
        }
        List<String> prefix = wanted.subList(0, wanted.size() - 1);
        return parts.size() > prefix.size() && parts.subList(0, prefix.size()).equals(prefix);
    }
}
