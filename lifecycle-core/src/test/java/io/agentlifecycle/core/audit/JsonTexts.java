package io.agentlifecycle.core.audit;

import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;

/** Values of the audit profile, drawn at random. */
final class JsonTexts {
    private JsonTexts() {}

    /** Any well-formed string; half of the characters are of ASCII, where the escapes are. */
    static Arbitrary<String> strings() {
        Arbitrary<Integer> ascii = Arbitraries.integers().between(0, 0x7F);
        Arbitrary<Integer> any = Arbitraries.integers()
                .between(0, Character.MAX_CODE_POINT)
                .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE);
        return Arbitraries.oneOf(ascii, any)
                .array(int[].class)
                .ofMaxSize(12)
                .map(points -> new String(points, 0, points.length));
    }

    /** Any value that nests no deeper than the profile allows. */
    static Arbitrary<Json> values() {
        return values(4);
    }

    private static Arbitrary<Json> values(int depth) {
        Arbitrary<Json> scalar = Arbitraries.oneOf(
                strings().map(Json::of),
                Arbitraries.longs().between(-Json.MAX_INTEGER, Json.MAX_INTEGER).map(Json::of),
                Arbitraries.of(true, false).map(Json::of),
                Arbitraries.just(Json.NULL));
        if (depth == 0) {
            return scalar;
        }
        Arbitrary<Json> inner = values(depth - 1);
        return Arbitraries.oneOf(
                scalar,
                inner.list().ofMaxSize(4).map(Json.Arr::new),
                Arbitraries.maps(strings(), inner).ofMaxSize(4).map(members -> {
                    Map<String, Json> sorted = new TreeMap<>(members);
                    return new Json.Obj(sorted);
                }));
    }
}
