package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.CredentialIssuer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The contract of {@link CredentialIssuer}. An issuer is right if a subclass that makes it has no failing test. */
public abstract class CredentialIssuerContract {
    private static final Instant NOW = Instant.parse("2026-04-11T04:30:00.123456789Z");

    /** For subclasses. */
    protected CredentialIssuerContract() {}

    /** An issuer that works. */
    protected abstract CredentialIssuer issuer() throws Exception;

    private static CredentialOrder order(int number) {
        return new CredentialOrder(
                new AgentKey(TenantId.of("acme"), AgentId.of("agent:" + number)),
                CredentialId.of("cred:%032x".formatted(number)),
                number + 1,
                NOW,
                NOW.plus(Duration.ofHours(1)),
                Set.of("read", "write"),
                Optional.empty(),
                Optional.empty());
    }

    @Test
    void a_credential_is_what_was_ordered_and_ends_no_later() throws Exception {
        CredentialOrder order = order(1);

        Credential made = issuer().issue(order).credential();

        assertThat(made.id()).isEqualTo(order.id());
        assertThat(made.generation()).isEqualTo(order.generation());
        assertThat(made.issuedAt()).isEqualTo(order.issuedAt());
        assertThat(made.expiresAt()).isBeforeOrEqualTo(order.expiresAt()).isAfter(order.issuedAt());
        assertThat(made.recorded()).isEqualTo(CredentialStatus.ACTIVE);
        assertThat(made.graceUntil()).isEmpty();
        assertThat(made.keyId().isPresent()).isNotEqualTo(made.secretSha256().isPresent());
    }

    @Test
    void a_token_shows_itself_to_nobody() throws Exception {
        IssuedCredential issued = issuer().issue(order(1));
        String text = issued.token().reveal();

        assertThat(text).isNotBlank();
        assertThat(issued.toString()).doesNotContain(text);
        assertThat(issued.credential().toString()).doesNotContain(text);
        assertThat(issuer().toString()).doesNotContain(text);
    }

    @Test
    void many_threads_get_tokens_of_their_own() throws Exception {
        CredentialIssuer issuer = issuer();

        Set<Token> tokens = new HashSet<>(IntStream.range(0, 200)
                .parallel()
                .mapToObj(i -> issuer.issue(order(i)).token())
                .toList());

        assertThat(tokens).hasSize(200);
    }

    @Test
    void a_token_is_made_again_as_it_was_or_not_at_all() throws Exception {
        CredentialIssuer issuer = issuer();
        IssuedCredential first = issuer.issue(order(1));
        issuer.issue(order(2));
        CredentialOrder listed = new CredentialOrder(
                order(1).agent(),
                first.credential().id(),
                first.credential().generation(),
                first.credential().issuedAt(),
                first.credential().expiresAt(),
                order(1).scope(),
                Optional.empty(),
                Optional.empty());

        issuer.reissue(listed, first.credential())
                .ifPresent(again -> assertThat(again.token()).isEqualTo(first.token()));
    }

    /** Else sweeps would replace it at once, again and again. */
    @Test
    void a_credential_that_was_just_made_is_of_a_key_that_counts() throws Exception {
        CredentialIssuer issuer = issuer();

        Credential made = issuer.issue(order(1)).credential();

        issuer.goodKeys()
                .ifPresent(good -> assertThat(made.keyId())
                        .hasValueSatisfying(key -> assertThat(good).contains(key)));
        issuer.knownKeys()
                .ifPresent(known -> assertThat(issuer.goodKeys())
                        .hasValueSatisfying(good -> assertThat(known).containsAll(good)));
    }
}
