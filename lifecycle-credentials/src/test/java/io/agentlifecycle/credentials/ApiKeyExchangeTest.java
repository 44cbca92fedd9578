package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.credential.IssuedApiKey;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.AccessDeniedException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Signed tokens for API keys. */
class ApiKeyExchangeTest {
    private final Bench bench = new Bench();
    private final LifecycleManager manager = bench.manager;
    private final CredentialVerifier verifier = bench.cached();

    @AfterEach
    void close() {
        bench.close();
    }

    private Token exchange(IssuedApiKey key) {
        return manager.apiKeys().exchange(key.secret().reveal()).issued().token();
    }

    private boolean isGood(Token token) {
        return verifier.verify(token.reveal()).accepted();
    }

    @Test
    void a_key_gives_the_agents_own_short_lived_token_and_the_same_one_until_it_is_due() {
        IssuedCredential first = bench.activate("bot");
        IssuedApiKey key = manager.apiKeys().register(Bench.BOT, Duration.ofDays(90), Bench.ADMIN);

        assertThat(exchange(key)).isEqualTo(first.token());
        assertThat(exchange(key)).isEqualTo(first.token());
        bench.advance(Duration.ofHours(14));
        Token second = exchange(key);

        assertThat(isGood(second)).isTrue();
        assertThat(exchange(key)).isEqualTo(second).isNotEqualTo(first.token());
        bench.advance(Duration.ofMinutes(5));
        assertThat(isGood(first.token())).as("it was a rotation").isFalse();
        assertThat(isGood(second)).isTrue();
    }

    @Test
    void a_key_is_no_way_around_a_suspension_a_revocation_or_a_tainted_key() {
        bench.activate("bot");
        IssuedApiKey key = manager.apiKeys().register(Bench.BOT, Duration.ofDays(90), Bench.ADMIN);
        Token first = exchange(key);
        String old = bench.keyId();
        bench.keys.generate();
        bench.keys.retire(old);
        assertThat(isGood(first)).isFalse();
        Token second = exchange(key);
        assertThat(isGood(second)).as("of the key that counts").isTrue();

        manager.suspend(Bench.BOT, "maintenance", Bench.ADMIN);
        assertThatThrownBy(() -> exchange(key)).isInstanceOf(AccessDeniedException.class);
        manager.resume(Bench.BOT, Bench.ADMIN);
        assertThat(isGood(second)).isFalse();
        assertThat(isGood(exchange(key))).isTrue();
        manager.revokeCredentials(Bench.BOT, "leaked", Bench.ADMIN);
        assertThatThrownBy(() -> exchange(key)).isInstanceOf(AccessDeniedException.class);
    }

    @Test
    void it_works_as_the_readme_says() {
        IssuedCredential first = bench.activate("bot");
        AgentId agent = Bench.BOT;
        Actor admin = Bench.ADMIN;
        // snippet begins
        // once: show key.secret() to whoever runs the agent
        IssuedApiKey key = manager.apiKeys().register(agent, Duration.ofDays(90), admin);
        String apiKey = key.secret().reveal();

        // at the endpoint
        Token token = manager.apiKeys().exchange(apiKey).issued().token();
        // snippet ends
        assertThat(token).isEqualTo(first.token());
    }

    @Test
    void an_api_key_is_no_token() {
        bench.activate("bot");
        IssuedApiKey key = manager.apiKeys().register(Bench.BOT, Duration.ofDays(90), Bench.ADMIN);
        assertThat(isGood(key.secret())).isFalse();
        assertThat(verifier.introspect(key.secret().reveal())).isEqualTo("{\"active\":false}");
    }
}
