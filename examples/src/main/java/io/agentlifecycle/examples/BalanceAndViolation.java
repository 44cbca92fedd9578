package io.agentlifecycle.examples;

import io.agentlifecycle.core.Activation;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;

/**
 * Why an agent is held decides who may let it go, as in Society AI: a deposit lifts what wants money, and never a violation,
 * which takes an admin. An agent that is held for both works again when both are lifted. One whose billing was cancelled is
 * held and not deleted, until somebody pays again or the time is up that the host gave.
 */
public final class BalanceAndViolation {
    private static final AgentId AGENT = AgentId.of("agent:poet");
    private static final Actor ACCOUNTS = Actor.service("accounts");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final Duration PATIENCE = Duration.ofDays(30);

    private final LifecycleManager manager;
    private final MutableClock clock;

    private BalanceAndViolation(LifecycleManager manager, MutableClock clock) {
        this.manager = manager;
        this.clock = clock;
    }

    /** Tells the story of one agent; takes no arguments. */
    public static void main(String[] args) {
        var clock = MutableClock.at("2026-04-11T04:30:00Z");
        var policy = LifecyclePolicy.builder().requireApproval(false).build();
        try (LifecycleManager manager =
                LifecycleManager.builder().policy(policy).clock(clock).build()) {
            manager.requestProvisioning(ProvisioningRequest.builder("Poet")
                    .id(AGENT)
                    .owner("alice@company.com")
                    .build());
            manager.activate(AGENT);
            new BalanceAndViolation(manager, clock).run();
        }
    }

    private void run() {
        tell("it works");
        manager.placeHold(AGENT, HoldReason.INSUFFICIENT_BALANCE, "0.00 left", ACCOUNTS);
        tell("its balance is used up");
        deposit();
        tell("a deposit");

        clock.advance(Duration.ofHours(1));
        manager.placeHold(AGENT, HoldReason.INSUFFICIENT_BALANCE, "0.00 left", ACCOUNTS);
        manager.placeHold(AGENT, HoldReason.POLICY_VIOLATION, "sent spam", ADMIN);
        tell("used up again, and a violation");
        deposit();
        tell("a deposit");
        lift(HoldReason.POLICY_VIOLATION, ReleaseAuthority.BILLING, ACCOUNTS);
        lift(HoldReason.POLICY_VIOLATION, ReleaseAuthority.OPERATOR, Actor.human("alice@company.com"));
        lift(HoldReason.POLICY_VIOLATION, ReleaseAuthority.ADMIN, ADMIN);
        tell("an admin has looked at it");

        clock.advance(Duration.ofHours(1));
        var until = clock.instant().plus(PATIENCE);
        manager.placeHold(AGENT, HoldReason.BILLING_CANCELLED, HoldTerms.of("kept until " + until), ACCOUNTS);
        tell("billing is cancelled");
        lift(HoldReason.BILLING_CANCELLED, ReleaseAuthority.OPERATOR, Actor.human("alice@company.com"));
        clock.advance(PATIENCE);
        manager.decommission(AGENT, "nobody paid again", ACCOUNTS);
        tell("nobody paid again");
    }

    /** What the accounts do with money that comes in: they lift what wants money, and know of nothing else. */
    private void deposit() {
        lift(HoldReason.INSUFFICIENT_BALANCE, ReleaseAuthority.BILLING, ACCOUNTS);
    }

    private void lift(HoldReason reason, ReleaseAuthority authority, Actor actor) {
        try {
            Activation lifted = manager.releaseHold(AGENT, reason, authority, actor);
            System.out.println("    " + actor + " lifts " + reason
                    + (lifted.credential().isPresent() ? ", which gives the agent a new credential" : ""));
        } catch (PolicyViolationException e) {
            System.out.println("    " + actor + " may not lift " + reason + ": rule " + e.rule());
        }
    }

    private void tell(String what) {
        Agent agent = manager.get(AGENT);
        boolean works = manager.guard().check(AGENT, Operation.INVOKE).allowed();
        System.out.println(clock.instant() + " " + what + ": " + agent.state() + " "
                + agent.holds().reasons() + (works ? ", let through" : ", not let through"));
    }
}
