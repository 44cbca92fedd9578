package io.agentlifecycle.examples;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.RecoveryResult;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.RecoveryTask;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;

/**
 * kAI's quarantine and its recovery with three outcomes: an agent crashes too often, is quarantined by the policy, and its host
 * tries to restart it; that fails until no attempt is left, a person clears it, and the next time it works.
 */
public final class Recovery {
    private static final Actor WATCHER = Actor.service("watcher");
    private static final Actor ADMIN = Actor.human("admin@company.com");

    /** Of LOW three recoveries may fail, of MEDIUM two, of HIGH one. */
    private static final Incident CRASH = new Incident(Incident.Kind.CRASH, Severity.MEDIUM, "exit code 137");

    private final LifecycleManager manager;
    private final MutableClock clock;

    private Recovery(LifecycleManager manager, MutableClock clock) {
        this.manager = manager;
        this.clock = clock;
    }

    /** Tells the story on standard output; takes no arguments. */
    public static void main(String[] args) {
        MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
        try (LifecycleManager manager = LifecycleManager.builder()
                .clock(clock)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build()) {
            new Recovery(manager, clock).tell();
            System.out.println("verified: " + manager.verify().events() + " events");
        }
    }

    private void tell() {
        AgentId agent = manager.requestProvisioning(ProvisioningRequest.builder("Summarizer")
                        .id(AgentId.of("agent:summarizer"))
                        .owner("alice@company.com")
                        .requestedBy(Actor.human("alice@company.com"))
                        .build())
                .id();
        manager.activate(agent);
        crashUntilQuarantined(agent);

        // The host's own way to restart it: it may throw whatever it likes.
        attempt(agent, restarting -> {
            throw new IllegalStateException("the model does not load");
        });
        clock.advance(Duration.ofMinutes(1)); // trying sooner is refused, with the time to come back
        attempt(agent, restarting -> {
            throw new IllegalStateException("the model still does not load");
        });
        attempt(agent, restarting -> System.out.println("this is not run"));

        manager.quarantines().release(agent, ADMIN);
        System.out.println("an admin looked into it: " + manager.get(agent).state());
        crashUntilQuarantined(agent);
        attempt(agent, restarting -> System.out.println("restarting " + restarting.id()));

        manager.auditTrail(agent).stream()
                .map(SealedEvent::event)
                .filter(event -> event.kind().wire().contains("recover"))
                .forEach(event -> System.out.println(event.kind().wire() + " by " + event.actor()));
    }

    private void crashUntilQuarantined(AgentId agent) {
        int crashes = 0;
        while (manager.guard().check(agent, Operation.INVOKE).allowed()) {
            manager.quarantines().report(agent, CRASH, WATCHER);
            crashes++;
            clock.advance(Duration.ofSeconds(10));
        }
        System.out.println("%s after %d crashes".formatted(manager.get(agent).state(), crashes));
    }

    private void attempt(AgentId agent, RecoveryTask task) {
        RecoveryResult result = manager.quarantines().attemptRecovery(agent, task, WATCHER);
        Agent after = result.agent();
        if (result instanceof RecoveryResult.Recovered) {
            System.out.println("recovered: " + after.state());
        } else if (result instanceof RecoveryResult.Failed failed) {
            System.out.println("failed: " + failed.error() + ", next attempt "
                    + failed.retryAt().map(at -> "from " + at).orElse("none"));
        } else {
            System.out.println("exhausted: " + after.state() + ", a person has to decide");
        }
    }
}
