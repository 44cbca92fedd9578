package io.agentlifecycle.core.error;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.secret.SecretRef;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ErrorsTest {
    private static final AgentKey KEY = new AgentKey(TenantId.DEFAULT, AgentId.of("agent:1"));

    @Test
    void the_codes_are_those_that_hosts_map_and_each_is_one_exceptions_own() {
        Map<String, LifecycleException> all = new LinkedHashMap<>();
        for (LifecycleException e : List.of(
                new AgentNotFoundException(KEY),
                new InvalidTransitionException(KEY, AgentState.ACTIVE, Command.APPROVE, Set.of()),
                new PolicyViolationException("rule", "no"),
                new AccessDeniedException("x", new Verdict.Denied("y", List.of(Verdict.Reason.EXPIRED))),
                new ContentionException("x", 16),
                new StoreException("x", null),
                new StoreFullException("x"),
                new StoreBusyException("x"),
                new StoreFailedException(StoreFailedException.Outcome.UNKNOWN, Optional.of("r-1"), "x", null),
                new AuditUnavailableException("x", "log", "key", new IllegalStateException()),
                new AuditTamperedException(List.of("x")),
                new RetryableBootstrapException(
                        KEY, RetryableBootstrapException.Step.LIMITS, new ContentionException("x", 16)),
                new SecretUnavailableException(SecretRef.of("env:KEY"), "is away", "wait"))) {
            all.put(e.code(), e);
        }

        assertThat(all.keySet())
                .containsExactly(
                        "agent-not-found",
                        "transition-refused",
                        "policy-violation",
                        "access-denied",
                        "contention",
                        "store-error",
                        "store-full",
                        "store-busy",
                        "store-failed",
                        "audit-unavailable",
                        "audit-tampered",
                        "bootstrap-incomplete",
                        "secret-unavailable");
        assertThat(all.values().stream().filter(RefusedException.class::isInstance))
                .as("those that would be refused again")
                .hasSize(4);
    }

    @Test
    void a_refused_command_says_who_what_where_and_what_would_be_allowed() {
        var some = new InvalidTransitionException(
                KEY,
                AgentState.PENDING_APPROVAL,
                Command.RESUME,
                EnumSet.of(Command.WITHDRAW, Command.APPROVE, Command.REJECT));
        var none = new InvalidTransitionException(KEY, AgentState.DECOMMISSIONED, Command.RESUME, Set.of());

        assertThat(some)
                .hasMessage("Invalid transition: cannot RESUME agent agent:1: it is PENDING_APPROVAL,"
                        + " which allows [APPROVE, REJECT, WITHDRAW]");
        assertThat(none).hasMessageEndingWith("it is DECOMMISSIONED, which allows nothing");
        assertThat(some.agent()).isEqualTo(KEY);
        assertThat(some.allowed()).containsExactlyInAnyOrder(Command.APPROVE, Command.REJECT, Command.WITHDRAW);
    }

    @Test
    void what_was_found_in_a_log_is_counted_and_listed() {
        var one = new AuditTamperedException(List.of("event 3 of stream log: gone"));
        var three = new AuditTamperedException(List.of("first", "second", "third"));

        assertThat(one)
                .hasMessage("the log does not verify: event 3 of stream log: gone;"
                        + " keep a copy of the store before doing anything else");
        assertThat(three).hasMessageContaining("first (and 2 more findings)");
        assertThat(three.findings()).containsExactly("first", "second", "third");
    }

    @Test
    void a_failed_store_says_whether_it_stored_and_how_to_look_it_up() {
        var unknown = new StoreFailedException(
                StoreFailedException.Outcome.UNKNOWN, Optional.of("r-1"), "nobody knows", null);

        assertThat(unknown.outcome()).isEqualTo(StoreFailedException.Outcome.UNKNOWN);
        assertThat(unknown.requestId()).contains("r-1");
        assertThat(new ContentionException("a command for agent agent:1", 16))
                .hasMessage("a command for agent agent:1 lost against other changes 16 times;"
                        + " nothing was changed, try again");
    }
}
