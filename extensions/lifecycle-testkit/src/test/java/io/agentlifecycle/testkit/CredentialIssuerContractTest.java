package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.CredentialIssuer;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The contract bites: each issuer with a bug fails the test that is there to notice it. */
class CredentialIssuerContractTest {
    private static CredentialIssuerContract of(CredentialIssuer issuer) {
        return new CredentialIssuerContract() {
            @Override
            protected CredentialIssuer issuer() {
                return issuer;
            }
        };
    }

    private static IssuedCredential issued(CredentialOrder order, String token) {
        return new IssuedCredential(order.signedBy("key"), Token.of(token));
    }

    @Test
    void an_issuer_that_obeys_is_let_through() {
        CredentialIssuerContract contract = of(order -> issued(order, "token of " + order.id()));

        assertThatCode(contract::a_credential_is_what_was_ordered_and_ends_no_later)
                .doesNotThrowAnyException();
        assertThatCode(contract::a_token_shows_itself_to_nobody).doesNotThrowAnyException();
        assertThatCode(contract::many_threads_get_tokens_of_their_own).doesNotThrowAnyException();
        assertThatCode(contract::a_token_is_made_again_as_it_was_or_not_at_all).doesNotThrowAnyException();
        assertThatCode(contract::a_credential_that_was_just_made_is_of_a_key_that_counts)
                .doesNotThrowAnyException();
    }

    @Test
    void an_issuer_that_signs_with_a_key_of_which_it_says_that_it_does_not_count_is_noticed() {
        CredentialIssuerContract contract = of(new CredentialIssuer() {
            @Override
            public IssuedCredential issue(CredentialOrder order) {
                return issued(order, "token");
            }

            @Override
            public Optional<Set<String>> goodKeys() {
                return Optional.of(Set.of("another key"));
            }
        });

        assertThatThrownBy(contract::a_credential_that_was_just_made_is_of_a_key_that_counts)
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void an_issuer_that_gives_more_life_than_was_ordered_is_noticed() {
        CredentialIssuerContract contract = of(order -> issued(
                new CredentialOrder(
                        order.agent(),
                        order.id(),
                        order.generation(),
                        order.issuedAt(),
                        order.expiresAt().plus(Duration.ofSeconds(1)),
                        order.scope(),
                        order.audience(),
                        order.keyThumbprint()),
                "token"));

        assertThatThrownBy(contract::a_credential_is_what_was_ordered_and_ends_no_later)
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void an_issuer_with_one_token_for_all_is_noticed() {
        assertThatThrownBy(of(order -> issued(order, "token"))::many_threads_get_tokens_of_their_own)
                .isInstanceOf(AssertionError.class);
    }

    @Test
    void an_issuer_that_tells_its_tokens_is_noticed() {
        CredentialIssuerContract contract = of(new CredentialIssuer() {
            @Override
            public IssuedCredential issue(CredentialOrder order) {
                return issued(order, "token");
            }

            @Override
            public String toString() {
                return "the last one was token";
            }
        });

        assertThatThrownBy(contract::a_token_shows_itself_to_nobody).isInstanceOf(AssertionError.class);
    }

    @Test
    void an_issuer_that_makes_another_token_again_is_noticed() {
        var count = new AtomicInteger();
        CredentialIssuerContract contract = of(new CredentialIssuer() {
            @Override
            public IssuedCredential issue(CredentialOrder order) {
                return issued(order, "token " + count.incrementAndGet());
            }

            @Override
            public Optional<IssuedCredential> reissue(CredentialOrder order, Credential issued) {
                return Optional.of(issue(order));
            }
        });

        assertThatThrownBy(contract::a_token_is_made_again_as_it_was_or_not_at_all)
                .isInstanceOf(AssertionError.class);
    }
}
