package io.agentlifecycle.examples;

import io.agentlifecycle.core.Activation;
import io.agentlifecycle.core.CredentialRotator;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.OrphanDetector;
import io.agentlifecycle.core.OrphanFinding;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.RotationResult;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.Verification;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FleetSummary;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.util.List;

/**
 * The first steps with the library, from request to retirement, in the nine steps of the AgentMesh tutorial.
 *
 * <p>Time is simulated: the clock stands still until this program moves it. Only the drawn ids differ between two runs.
 */
public final class Tutorial {
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor BOB = Actor.human("bob@company.com");
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final Actor MALLORY = Actor.human("mallory@company.com");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final HoldReason BALANCE = HoldReason.of("insufficient_balance");

    private final MutableClock clock;
    private final LifecycleManager manager;

    private Tutorial(MutableClock clock, LifecycleManager manager) {
        this.clock = clock;
        this.manager = manager;
    }

    /** Runs the tutorial; takes no arguments. */
    public static void main(String[] args) {
        step(1, "Create a manager");
        // A host that lives in real time leaves the clock out and gets the system's.
        var clock = MutableClock.at("2026-04-11T04:30:00Z");
        LifecyclePolicy policy = LifecyclePolicy.builder()
                .requireApproval(true) // a person must let new agents in
                .requireOwner(true) // every agent needs someone who answers for it
                .heartbeatInterval(Duration.ofMinutes(5))
                .orphanThreshold(Duration.ofHours(24))
                .maxInactive(Duration.ofDays(90))
                .credentialPolicy(CredentialPolicy.DEFAULT
                        .withMaxCredentialTtl(Duration.ofHours(24)) // short-lived
                        .withRotationOverlap(Duration.ofMinutes(5)) // old and new are both good for so long
                        .withAutoRotate(true))
                .build();
        try (LifecycleManager manager =
                LifecycleManager.builder().policy(policy).clock(clock).build()) {
            say("It keeps everything in memory, and it is " + clock.instant() + ".");
            new Tutorial(clock, manager).run();
        }
    }

    private void run() {
        AgentId reviewer = request();
        AgentId notes = approve(reviewer);
        Token token = activate(reviewer, notes);
        heartbeats(reviewer, notes);
        rotate(reviewer, token);
        orphans(notes);
        holds(reviewer);
        decommission(reviewer);
        trail(reviewer);
    }

    private AgentId request() {
        step(2, "Ask for an agent");
        Agent agent = manager.requestProvisioning(ProvisioningRequest.builder("Code Review Agent")
                .owner("alice@company.com")
                .purpose("Automated PR review for the platform team")
                .agentType("langchain")
                .tag("team", "platform")
                .tag("env", "production")
                .requestedBy(ALICE)
                .build());
        show(agent);
        return agent.id();
    }

    private AgentId approve(AgentId reviewer) {
        step(3, "Approve, or reject");
        pass(Duration.ofMinutes(1));
        refused("Alice approves her own request", () -> manager.approve(reviewer, ALICE));
        show(manager.approve(reviewer, ADMIN));

        Agent unwanted = manager.requestProvisioning(ProvisioningRequest.builder("Deploy Everything Agent")
                .owner("mallory@company.com")
                .requestedBy(MALLORY)
                .build());
        show(manager.reject(unwanted.id(), "nobody needs an agent that deploys everything", ADMIN));
        refused("Mallory activates it all the same", () -> manager.activate(unwanted.id(), MALLORY));

        // A caller may choose the id; it is never given out again.
        Agent notes = manager.requestProvisioning(ProvisioningRequest.builder("Release Notes Agent")
                .id(AgentId.of("agent:release-notes"))
                .owner("alice@company.com")
                .requestedBy(ALICE)
                .build());
        show(manager.approve(notes.id(), ADMIN));
        return notes.id();
    }

    private Token activate(AgentId reviewer, AgentId notes) {
        step(4, "Activate with credentials");
        pass(Duration.ofMinutes(1));
        Activation activation = manager.activate(reviewer);
        show(activation.agent());
        showCredential(activation);
        manager.activate(notes);

        // The token goes to the agent and is stored nowhere, so keep it now or rotate later.
        Token token = activation.issued().token();
        say("Its token lets it through: " + isGood(token));
        return token;
    }

    private void heartbeats(AgentId reviewer, AgentId notes) {
        step(5, "Heartbeats");
        manager.heartbeat(notes); // once, and never again: it will become an orphan in step 7
        beatFor(Duration.ofHours(1), reviewer);
        Liveness liveness = manager.liveness(reviewer).orElseThrow();
        say("%d heartbeats, the last at %s".formatted(liveness.heartbeats(), liveness.lastSeen()));

        // The host decides when time does its work; nothing in the library runs by itself.
        show(manager.sweeper().sweep());
    }

    private void rotate(AgentId reviewer, Token first) {
        step(6, "Rotate credentials");
        beatFor(Duration.ofHours(13), reviewer);
        var rotator = new CredentialRotator(manager);
        say("After 14 hours, past half of their life:");
        show(rotator.checkAndRotate());
        say("And again:");
        show(rotator.checkAndRotate());

        say("The first token is still good: " + isGood(first));
        pass(Duration.ofMinutes(5));
        say("After the overlap it is good:  " + isGood(first));

        say("By hand:");
        showCredential(manager.rotateCredentials(reviewer));
    }

    private void orphans(AgentId notes) {
        step(7, "Find orphans");
        // A sweep would mark it by itself; this is the way of a host that looks before it acts.
        pass(Duration.ofHours(11));
        var detector = new OrphanDetector(manager);
        for (OrphanFinding finding : detector.detect()) {
            say("%s: %s".formatted(finding.agent().name(), finding.reason()));
            finding.silentFor().ifPresent(silent -> say("  silent for %d hours".formatted(silent.toHours())));
        }
        say("Marked: " + detector.markOrphaned(notes));
        show(manager.get(notes));
        refused("The orphan goes on working", () -> manager.guard().require(notes, Operation.INVOKE));
        refused("Alice resumes it without anyone taking it", () -> manager.resume(notes, ALICE));

        Activation reclaimed = manager.reclaim(notes, "bob@company.com", BOB);
        show(reclaimed.agent());
        showCredential(reclaimed);
    }

    /** Not in the AgentMesh tutorial: what stops an agent for a while, and how its owner changes. */
    private void holds(AgentId reviewer) {
        say("");
        say("Between the steps: holds, and another owner");
        manager.suspend(reviewer, "maintenance", ADMIN);
        show(manager.placeHold(reviewer, BALANCE, "the budget of April is spent", Actor.service("billing")));
        refused("The suspended agent goes on working", () -> manager.guard().require(reviewer, Operation.INVOKE));
        refused("The admin resumes it while billing still holds it", () -> manager.resume(reviewer, ADMIN));
        show(manager.releaseHold(reviewer, BALANCE, Actor.service("billing")).agent());
        Activation resumed = manager.resume(reviewer, ADMIN);
        show(resumed.agent());
        showCredential(resumed);
        show(manager.changeOwner(reviewer, "carol@company.com", ADMIN));
    }

    private void decommission(AgentId reviewer) {
        step(8, "Decommission");
        pass(Duration.ofHours(1));
        Agent retired = manager.decommission(reviewer, "Feature sunset: migrating to a new agent", CAROL);
        show(retired);
        say("Credential: "
                + retired.credential().map(Credential::id).map(Object::toString).orElse("none"));
        say("Retired at: " + retired.decommissionedAt().orElseThrow());
        refused("Carol wants it back", () -> manager.activate(reviewer, CAROL));
    }

    private void trail(AgentId reviewer) {
        step(9, "The trail");
        for (SealedEvent sealed : manager.auditTrail(reviewer)) {
            AuditEvent event = sealed.event();
            String from = event.from().map(AgentState::wire).orElse("none");
            String to = event.to().map(AgentState::wire).orElse("none");
            say("[%s] %s".formatted(event.at(), event.kind().wire()));
            say("    %s: %s -> %s".formatted(event.actor(), from, to));
        }

        // Throws AuditTamperedException, which names what does not fit.
        Verification verified = manager.verify();
        say("Log verified: %d events in %d chains; the records of %d agents are what their events say; %d unsigned"
                .formatted(verified.events(), verified.streams(), verified.agents(), verified.unsigned()));

        FleetSummary fleet = manager.summary();
        say("Fleet: %d agents %s %s".formatted(fleet.total(), fleet.byState(), fleet.byOwner()));
    }

    // ---- time

    private void pass(Duration time) {
        clock.advance(time);
        say("  ... " + clock.instant());
    }

    /** So long an agent says every five minutes that it is alive. */
    private void beatFor(Duration time, AgentId agent) {
        var end = clock.instant().plus(time);
        while (clock.instant().isBefore(end)) {
            clock.advance(Duration.ofMinutes(5));
            manager.heartbeat(agent);
        }
        say("  ... " + clock.instant());
    }

    // ---- what is printed

    /** Who asks for something that the rules forbid gets an exception, and nothing has changed. */
    private static void refused(String what, Runnable command) {
        try {
            command.run();
        } catch (RefusedException e) {
            say("%s: refused (%s)".formatted(what, e.code()));
            say("  " + e.getMessage());
            return;
        }
        throw new IllegalStateException(what + ": this should have been refused");
    }

    private boolean isGood(Token token) {
        return manager.verifyOpaque(token.reveal()).allowed();
    }

    private static void show(Agent agent) {
        say("%s %s: %s, owner %s, held by %s"
                .formatted(
                        agent.name(),
                        agent.id(),
                        agent.state(),
                        agent.owner().map(Object::toString).orElse("nobody"),
                        agent.holds().reasons()));
    }

    private static void showCredential(Activation activation) {
        Credential credential = activation.issued().credential();
        say("  credential %s, good until %s".formatted(credential.id(), credential.expiresAt()));
    }

    private static void show(List<RotationResult> results) {
        for (RotationResult result : results) {
            // result.issued() has the new token: the host hands it to the agent
            say("  %s: %s, %s".formatted(result.agent(), result.outcome(), result.detail()));
        }
    }

    private static void show(SweepReport report) {
        say("Sweep at %s looked at %d agents".formatted(report.at(), report.examined()));
        for (SweepReport.Outcome outcome : report.outcomes()) {
            say("  %s: %s %s".formatted(outcome.agent(), outcome.action(), outcome.result()));
        }
    }

    private static void step(int number, String title) {
        say("");
        say("Step %d: %s".formatted(number, title));
    }

    private static void say(String line) {
        System.out.println(line);
    }
}
