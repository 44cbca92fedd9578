package io.agentlifecycle.core.audit;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/** A small change of a text: replaces {@code length} characters at a place by others. */
record Edit(double place, int length, String replacement) {
    private static final List<String> TOKENS = List.of(
            "{", "}", "[", "]", ",", ":", "\"", "\\", "-", "0", "1", "e", ".", "null", "true", "\\u0000", " ",
            "\ud800");

    String apply(String text) {
        int from = (int) (place * text.length());
        int to = Math.min(text.length(), from + length);
        return text.substring(0, from) + replacement + text.substring(to);
    }

    static Arbitrary<List<Edit>> some() {
        Arbitrary<String> replacement =
                Arbitraries.oneOf(Arbitraries.of(TOKENS), Arbitraries.strings().ofMaxLength(2));
        return Combinators.combine(
                        Arbitraries.doubles().between(0, 1),
                        Arbitraries.integers().between(0, 2),
                        replacement)
                .as(Edit::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(3);
    }
}
