package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class Ed25519CredentialIssuerTest {
    private static final Instant NOW = Instant.parse("2026-04-11T04:30:00.999999999Z");
    private static final long SECOND = NOW.getEpochSecond();
    private static final String THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    private static final CredentialOrder ORDER = new CredentialOrder(
            new AgentKey(TenantId.DEFAULT, AgentId.of("bot")),
            CredentialId.of("cred:" + "0123456789abcdef".repeat(2)),
            7,
            NOW,
            NOW.plus(Duration.ofHours(1)),
            Set.of("write", "read", "tools:search"),
            Optional.empty(),
            Optional.empty());

    private final InMemoryKeys keys = InMemoryKeys.create(Purpose.CREDENTIALS, MutableClock.at(NOW));
    private final String keyId = keys.publicKeys().get(0).keyId();
    private final Ed25519CredentialIssuer issuer = Ed25519CredentialIssuer.builder(keys)
            .issuer("https://issuer.example")
            .build();

    @Test
    void a_token_says_what_was_ordered_and_nothing_else() {
        IssuedCredential issued = issuer.issue(ORDER);

        assertThat(part(issued, 0)).isEqualTo("{\"alg\":\"Ed25519\",\"kid\":\"" + keyId + "\",\"typ\":\"agent+jwt\"}");
        assertThat(part(issued, 1))
                .isEqualTo(("{\"aud\":\"https://issuer.example\",\"exp\":%d,\"gen\":7,\"iat\":%d,"
                                + "\"iss\":\"https://issuer.example\","
                                + "\"jti\":\"cred:0123456789abcdef0123456789abcdef\",\"nbf\":%d,"
                                + "\"scope\":\"read tools:search write\",\"sub\":\"default/bot\"}")
                        .formatted(SECOND + 3600, SECOND, SECOND - 10));
        String text = issued.token().reveal();
        assertThat(Ed25519PublicKey.of(keys.publicKeys().get(0).jwk())
                        .verify(
                                text.substring(0, text.lastIndexOf('.')).getBytes(UTF_8),
                                Base64.getUrlDecoder().decode(text.substring(text.lastIndexOf('.') + 1))))
                .isTrue();
    }

    @Test
    void a_bound_token_names_its_key_and_one_for_somebody_else_its_audience() {
        var order = new CredentialOrder(
                new AgentKey(TenantId.of("acme"), AgentId.of("bot")),
                ORDER.id(),
                1,
                NOW,
                ORDER.expiresAt(),
                Set.of(),
                Optional.of("https://tools.example"),
                Optional.of(THUMBPRINT));

        String payload = part(issuer.issue(order), 1);

        assertThat(payload)
                .contains(
                        "\"cnf\":{\"jkt\":\"" + THUMBPRINT + "\"}",
                        "\"aud\":\"https://tools.example\"",
                        "\"sub\":\"acme/bot\"")
                .doesNotContain("scope");
    }

    @Test
    void the_old_name_of_the_algorithm_is_a_switch() {
        Ed25519CredentialIssuer legacy =
                Ed25519CredentialIssuer.builder(keys).legacyAlgorithmName().build();

        assertThat(part(legacy.issue(ORDER), 0)).contains("\"alg\":\"EdDSA\"");
        assertThat(legacy.jwks()).contains("\"alg\":\"EdDSA\"");
    }

    /** 1.5 s from .6 on is the next second, and 0.1 of the one after: the token has the whole seconds only. */
    @Test
    void a_token_begins_with_its_second_and_never_outlives_its_order() {
        Instant issuedAt = Instant.parse("2026-04-11T04:30:10.6Z");

        IssuedCredential issued = issuer.issue(order(issuedAt, issuedAt.plusMillis(1500)));

        assertThat(part(issued, 1))
                .contains("\"iat\":" + issuedAt.getEpochSecond(), "\"exp\":" + (issuedAt.getEpochSecond() + 2));
        Credential made = issued.credential();
        assertThat(made.id()).isEqualTo(ORDER.id());
        assertThat(made.generation()).isEqualTo(7);
        assertThat(made.issuedAt()).isEqualTo(issuedAt);
        assertThat(made.expiresAt()).isEqualTo("2026-04-11T04:30:12Z");
        assertThat(made.keyId()).contains(keyId);
        assertThat(made.secretSha256()).isEmpty();
    }

    @Test
    void an_order_that_ends_before_the_next_second_has_no_token() {
        assertThatThrownBy(() -> issuer.issue(order(NOW.minusMillis(500), NOW)))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("credential-life"));
        assertThatThrownBy(() -> issuer.issue(order(NOW, NOW))).hasMessageContaining("whole second");
    }

    @Test
    void no_token_lives_longer_than_a_sixth_of_the_life_of_a_key() {
        Ed25519CredentialIssuer strict = Ed25519CredentialIssuer.builder(keys)
                .keyLife(Duration.ofHours(6))
                .build();

        assertThat(strict.longestLife()).isEqualTo(Duration.ofHours(1));
        strict.issue(ORDER);
        assertThatThrownBy(() -> strict.issue(order(NOW, ORDER.expiresAt().plusNanos(1))))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("credential-life"))
                .hasMessageContaining("PT1H0.000000001S")
                .hasMessageContaining("maxCredentialTtl");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519CredentialIssuer.builder(keys).keyLife(Duration.ofMillis(5999)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519CredentialIssuer.builder(keys).keyLife(Duration.ofSeconds(Long.MAX_VALUE)));
    }

    @Test
    void what_a_token_cannot_say_is_refused() {
        refused("credential-scope", with(Set.of("*"), Optional.empty(), Optional.empty()));
        refused("credential-scope", with(Set.of("tools:*"), Optional.empty(), Optional.empty()));
        refused("credential-scope", with(Set.of("read write"), Optional.empty(), Optional.empty()));
        refused("credential-scope", with(Set.of(""), Optional.empty(), Optional.empty()));
        refused("credential-audience", with(Set.of(), Optional.of(""), Optional.empty()));
        refused("credential-audience", with(Set.of(), Optional.of("a\nb"), Optional.empty()));
        refused("credential-key", with(Set.of(), Optional.empty(), Optional.of("x")));
        refused("credential-key", with(Set.of(), Optional.empty(), Optional.of(THUMBPRINT.replaceFirst("k$", "l"))));
        refused("credential-time", order(Instant.EPOCH, Instant.EPOCH.plusSeconds(60)));
        refused("credential-time", order(NOW, Instant.MAX));
        Set<String> many = new TreeSet<>();
        for (int i = 0; i < 128; i++) {
            many.add("x".repeat(120) + i);
        }
        refused("credential-size", with(many, Optional.empty(), Optional.empty()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519CredentialIssuer.builder(keys).audience(""));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519CredentialIssuer.builder(keys).issuer(" "));
    }

    @Test
    void keys_for_something_else_are_refused_and_so_is_an_issuer_without_a_name() {
        var auditKeys = InMemoryKeys.create(Purpose.AUDIT, MutableClock.at(NOW));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519CredentialIssuer.create(auditKeys))
                .withMessageContaining("AUDIT");

        keys.destroy(keyId);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Ed25519CredentialIssuer.create(keys))
                .withMessageContaining("no key");
    }

    @Test
    void the_issuer_is_named_by_its_oldest_key_and_means_itself() {
        keys.generate();

        Ed25519CredentialIssuer unnamed = Ed25519CredentialIssuer.create(keys);

        assertThat(unnamed.issuer())
                .isEqualTo(Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()).didKey());
        assertThat(unnamed.audience()).isEqualTo(unnamed.issuer());
    }

    @Test
    void a_key_that_was_just_made_does_not_sign_while_there_is_another_and_signs_as_soon_as_there_is_none() {
        String second = keys.generate().keyId();
        assertThat(issuer.issue(ORDER).credential().keyId()).contains(keyId);

        keys.retire(keyId);
        assertThat(issuer.issue(ORDER).credential().keyId()).contains(second);

        keys.retire(second);
        refused("signing-key", ORDER);
    }

    @Test
    void a_token_can_be_made_again_while_its_key_signs() {
        IssuedCredential first = issuer.issue(ORDER);
        keys.generate();

        assertThat(issuer.reissue(ORDER, first.credential())).contains(first);
        assertThat(issuer.reissue(ORDER, first.credential()).orElseThrow().token())
                .isEqualTo(first.token());
        assertThat(issuer.reissue(order(NOW, first.credential().expiresAt()), first.credential()))
                .as("from what the record says")
                .contains(first);

        keys.retire(keyId);
        assertThat(issuer.reissue(ORDER, first.credential())).isEmpty();
        keys.destroy(keyId);
        assertThat(issuer.reissue(ORDER, first.credential())).isEmpty();
    }

    /** The key is retired between the choice and the signature. */
    @Test
    void a_key_that_is_retired_at_the_worst_moment_is_replaced_by_another() {
        String second = keys.generate().keyId();
        var listedOnce = new OpenKeys(keys) {
            private boolean retired;

            @Override
            public byte[] sign(String id, byte[] message) {
                if (!retired) {
                    retired = true;
                    keys.retire(id);
                }
                return super.sign(id, message);
            }
        };

        IssuedCredential issued = Ed25519CredentialIssuer.create(listedOnce).issue(ORDER);

        assertThat(issued.credential().keyId()).contains(second).isNotEqualTo(Optional.of(keyId));
    }

    @Test
    void the_key_set_lists_the_keys_whose_tokens_count() {
        String second = keys.generate().keyId();
        String third = keys.generate().keyId();
        keys.retire(second);

        Json.Obj set = (Json.Obj) CanonicalJson.read(issuer.jwks(), 10_000);

        assertThat(set.members()).containsOnlyKeys("keys");
        assertThat(((Json.Arr) set.get("keys").orElseThrow()).items()).containsExactly(jwk(keyId, 0), jwk(third, 2));
    }

    private Json jwk(String id, int index) {
        return Json.object()
                .put("alg", "Ed25519")
                .put("crv", "Ed25519")
                .put("kid", id)
                .put("kty", "OKP")
                .put("use", "sig")
                .put("x", keys.publicKeys().get(index).jwk().x())
                .build();
    }

    private void refused(String rule, CredentialOrder order) {
        assertThatThrownBy(() -> issuer.issue(order))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo(rule))
                .hasMessageContaining("agent bot");
    }

    private static CredentialOrder order(Instant issuedAt, Instant expiresAt) {
        return new CredentialOrder(
                ORDER.agent(), ORDER.id(), 7, issuedAt, expiresAt, ORDER.scope(), Optional.empty(), Optional.empty());
    }

    private static CredentialOrder with(Set<String> scope, Optional<String> audience, Optional<String> thumbprint) {
        return new CredentialOrder(ORDER.agent(), ORDER.id(), 7, NOW, ORDER.expiresAt(), scope, audience, thumbprint);
    }

    private static String part(IssuedCredential issued, int number) {
        return new String(Base64.getUrlDecoder().decode(issued.token().reveal().split("\\.")[number]), UTF_8);
    }
}
