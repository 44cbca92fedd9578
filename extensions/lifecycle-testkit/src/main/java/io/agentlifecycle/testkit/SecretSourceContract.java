package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.error.SecretUnavailableException;
import io.agentlifecycle.core.secret.SecretRef;
import io.agentlifecycle.core.secret.SecretValue;
import io.agentlifecycle.core.spi.SecretSource;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The contract of {@link SecretSource}. A source is right if a subclass that makes it has no failing test. */
public abstract class SecretSourceContract {
    /** For subclasses. */
    protected SecretSourceContract() {}

    /** A source that works. */
    protected abstract SecretSource source() throws Exception;

    /** A secret that it knows. */
    protected abstract SecretRef known();

    /** What that secret is. */
    protected abstract String text();

    /** Secrets that it does not know, and one of a scheme that is not its own. */
    protected abstract List<SecretRef> unknown();

    @Test
    void what_it_gives_is_the_secret_and_belongs_to_the_caller() throws Exception {
        SecretSource source = source();
        try (SecretValue second = source.resolve(known())) {
            source.resolve(known()).close();

            assertThat(second.reveal()).isEqualTo(text().toCharArray());
            try (SecretValue third = source.resolve(known())) {
                assertThat(third).isEqualTo(second);
            }
        }
    }

    @Test
    void what_it_does_not_know_is_unavailable_and_nothing_says_a_secret() throws Exception {
        SecretSource source = source();
        assertThat(unknown()).hasSizeGreaterThan(1);
        for (SecretRef ref : unknown()) {
            var refused = catchThrowableOfType(SecretUnavailableException.class, () -> source.resolve(ref));

            assertThat(refused).as("%s", ref).isNotNull();
            assertThat(refused.ref()).isEqualTo(ref);
            assertThat(refused).hasMessageContaining(ref.value());
            var trace = new StringWriter();
            refused.printStackTrace(new PrintWriter(trace));
            assertThat(trace.toString()).doesNotContain(text());
        }
    }
}
