package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KeySetTest {
    private static final InMemoryKeys KEYS =
            InMemoryKeys.create(Purpose.CREDENTIALS, MutableClock.at("2026-04-11T04:30:00Z"));
    private static final PublicJwk KEY = KEYS.publicKeys().get(0).jwk();
    private static final String SET = KeySet.write(KEYS.publicKeys(), "Ed25519");

    private static String member() {
        return SET.substring("{\"keys\":[".length(), SET.length() - 2);
    }

    private static String set(String... members) {
        return "{\"keys\":[" + String.join(",", members) + "]}";
    }

    /** One whose private half anyone has: the identity of the curve. */
    private static String unsound() {
        PublicJwk identity = PublicJwk.of(HexFormat.of().parseHex("01" + "00".repeat(31)));
        return member().replace(KEY.x(), identity.x()).replace(KEY.keyId(), identity.keyId());
    }

    static Stream<String> wrong() {
        return Stream.of(
                "",
                "[]",
                "null",
                "{}",
                "{}x",
                "{\"keys\":{}}",
                "{\"keys\":[1]}",
                SET + " {}",
                "\uFEFF" + SET,
                SET.replace("}]}", "}],\"more\":1}"),
                SET.replace("{\"keys\":[", "{\"keys\":[],\"keys\":["),
                set(member(), member()),
                set(member().replace("\"use\"", "\"d\":\"" + Digests.sha256("seed") + "\",\"use\"")),
                set(member().replace("\"use\"", "\"x5u\":\"https://evil.example\",\"use\"")),
                set(member().replace("\"sig\"", "\"enc\"")),
                set(member().replace("\"Ed25519\",\"crv\"", "\"HS256\",\"crv\"")),
                set(member().replace("\"OKP\"", "\"EC\"")),
                set(member().replace(KEY.keyId(), Digests.sha256("another"))),
                set(member().replace("\"kid\"", "\"kid2\"")),
                set(member().replace(KEY.x(), KEY.x() + "=")),
                set(member().replace(KEY.x(), KEY.x().substring(1))),
                set(unsound()),
                set() + " ".repeat(8 * 1024));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void whatever_an_issuer_does_not_write_is_refused_whole(String text) {
        assertThatThrownBy(() -> KeySet.read(text))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("key-set"));
    }

    @Test
    void what_an_issuer_writes_is_read_with_either_name_of_the_algorithm_and_in_any_order() {
        assertThat(KeySet.read(SET)).containsExactly(Map.entry(KEY.keyId(), KEY));
        assertThat(KeySet.read(KeySet.write(KEYS.publicKeys(), "EdDSA"))).hasSize(1);
        assertThat(KeySet.read(set(" " + member().replace(",", " , ")))).hasSize(1);
        assertThat(KeySet.read(KeySet.write(List.of(), "EdDSA"))).isEmpty();
    }
}
