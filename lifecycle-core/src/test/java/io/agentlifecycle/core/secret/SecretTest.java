package io.agentlifecycle.core.secret;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.agent.Profile;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.Token;
import java.io.ByteArrayOutputStream;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** References say where a secret is; the secret says nothing. */
class SecretTest {
    private static final String MARKER = "MARKER-4f1c";

    private static SecretValue secret(String text) {
        return SecretValue.of(text.toCharArray());
    }

    // ---- references

    @ParameterizedTest
    @ValueSource(
            strings = {
                "env:OPENAI_API_KEY",
                "env:_x",
                "file:/run/secrets/openai.key",
                "vault:secret/data/bot#api-key",
                "x-k8s:prod/bot-keys#openai"
            })
    void a_reference_has_a_scheme_and_a_name(String text) {
        SecretRef ref = SecretRef.of(text);
        assertThat(ref).hasToString(text);
        assertThat(ref.scheme() + ":" + ref.name()).isEqualTo(text);
        assertThat(SecretRef.of(text)).isEqualTo(ref);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "env:",
                "env:1X",
                "env:A B",
                "env:A=" + MARKER,
                "ENV:A",
                "file:relative",
                "file:/",
                "file://host/x",
                "file:/a/../" + MARKER,
                "file:/a/./b",
                "file:/..",
                "file:/a//b",
                "file:/a/",
                "vault:/a",
                "vault:a#",
                "vault:..#a",
                "x-:a",
                "x-A:b",
                "other:a",
                "sk-" + MARKER,
                "sk-proj-" + MARKER + "==",
                "admin:" + MARKER,
                "123456:" + MARKER,
                "Bearer " + MARKER,
                "https://user:" + MARKER + "@host/",
                "-----BEGIN PRIVATE KEY-----" + MARKER,
                "env:" + MARKER + "\n",
                "vault:\u00e4"
            })
    void what_is_none_is_refused_and_not_repeated_since_it_may_be_the_secret(String text) {
        assertThat(SecretRef.isRef(text)).isFalse();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SecretRef.of(text))
                .withMessageContaining("is this the secret itself?")
                .withMessageNotContaining(MARKER);
    }

    @Test
    void a_reference_has_at_most_256_characters() {
        assertThat(SecretRef.isRef("env:" + "A".repeat(252))).isTrue();
        assertThat(SecretRef.isRef("env:" + "A".repeat(253))).isFalse();
        assertThat(SecretRef.isRef("vault:" + "a/".repeat(500_000) + "a")).isFalse();
    }

    @Test
    void a_profile_says_where_the_secrets_of_its_agent_are() {
        ProvisioningRequest request = ProvisioningRequest.builder("bot")
                .tag("team", "platform")
                .secret("openai", SecretRef.of("env:OPENAI_API_KEY"))
                .secret("mail", SecretRef.of("vault:mail#password"))
                .build();
        assertThat(request.profile().secrets())
                .containsExactly(
                        Map.entry("mail", SecretRef.of("vault:mail#password")),
                        Map.entry("openai", SecretRef.of("env:OPENAI_API_KEY")));
        assertThat(request.profile().tags()).containsEntry("secret/openai", "env:OPENAI_API_KEY");
    }

    @Test
    void a_secret_in_the_place_of_its_reference_is_refused_before_it_is_anywhere() {
        var builder = ProvisioningRequest.builder("bot").tag("secret/openai", "sk-" + MARKER);
        assertThatIllegalArgumentException()
                .isThrownBy(builder::build)
                .withMessageContaining("tag secret/openai must name a secret by a reference")
                .withMessageNotContaining(MARKER);
        var nameless = ProvisioningRequest.builder("bot").tag("secret/", "env:A");
        assertThatIllegalArgumentException().isThrownBy(nameless::build);
    }

    /** Such tags had no meaning before, and a record that has one still opens. */
    @Test
    void a_profile_of_before_may_have_such_tags_that_are_no_references() {
        var profile = new Profile("bot", "", "autonomous", Map.of("secret/project", "apollo", "secret/a", "env:A"));
        assertThat(profile.secrets()).containsExactly(Map.entry("a", SecretRef.of("env:A")));
    }

    // ---- values

    @Test
    void a_secret_shows_itself_only_to_who_asks_and_not_after_it_was_closed() {
        char[] original = MARKER.toCharArray();
        SecretValue secret = SecretValue.of(original);
        Arrays.fill(original, 'x');
        assertThat(secret.reveal()).isEqualTo(MARKER.toCharArray());
        char[] copy = secret.reveal();
        Arrays.fill(copy, 'x');
        assertThat(secret.reveal()).isEqualTo(MARKER.toCharArray());
        assertThat(secret).hasToString("SecretValue[secret]");

        secret.close();
        secret.close();

        assertThatIllegalStateException().isThrownBy(secret::reveal).withMessageContaining("resolve it again");
    }

    @Test
    void closing_wipes_the_text() throws Exception {
        SecretValue secret = secret(MARKER);
        var field = SecretValue.class.getDeclaredField("text");
        field.setAccessible(true);
        secret.close();
        assertThat((char[]) field.get(secret)).containsOnly('\0');
    }

    @Test
    void secrets_are_equal_by_their_text_and_closed_ones_to_nothing_but_themselves() {
        SecretValue a = secret(MARKER);
        SecretValue b = secret(MARKER);
        assertThat(a).isEqualTo(b).hasSameHashCodeAs(b).hasSameHashCodeAs(secret("other"));
        assertThat(a).isNotEqualTo(secret(MARKER + "x")).isNotEqualTo(secret("MARKER-4f1d"));
        assertThat(a.equals(MARKER)).isFalse();
        b.close();
        assertThat(a).isNotEqualTo(b);
        a.close();
        assertThat(a).isNotEqualTo(b).isEqualTo(a);
    }

    @Test
    void a_secret_has_1_to_65536_characters() {
        assertThatIllegalArgumentException().isThrownBy(() -> SecretValue.of(new char[0]));
        assertThat(SecretValue.of(new char[65_536]).reveal()).hasSize(65_536);
        assertThatIllegalArgumentException().isThrownBy(() -> SecretValue.of(new char[65_537]));
    }

    @Test
    void nothing_writes_a_secret() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Json.object().put("key", Optional.of(secret(MARKER))))
                .withMessage("member key is a secret, which is not to be written");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Json.object().put("key", Optional.of(Token.of(MARKER))))
                .withMessageNotContaining(MARKER);
        assertThatThrownBy(() -> new ObjectOutputStream(new ByteArrayOutputStream()).writeObject(secret(MARKER)))
                .isInstanceOf(NotSerializableException.class);
        // what serialisers of hosts look for: getters, fields, components of records
        assertThat(SecretValue.class.isRecord()).isFalse();
        assertThat(SecretValue.class.getFields()).isEmpty();
        assertThat(Arrays.stream(SecretValue.class.getDeclaredMethods())
                        .filter(method -> Modifier.isPublic(method.getModifiers()))
                        .map(Method::getName))
                .containsExactlyInAnyOrder("of", "reveal", "close", "equals", "hashCode", "toString");
    }
}
