package io.agentlifecycle.examples;

import io.agentlifecycle.audit.Ed25519AuditSealer;
import io.agentlifecycle.audit.EventLine;
import io.agentlifecycle.audit.LogVerification;
import io.agentlifecycle.audit.LogVerifier;
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
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.CredentialVerifier;
import io.agentlifecycle.credentials.Ed25519CredentialIssuer;
import io.agentlifecycle.credentials.TokenClaims;
import io.agentlifecycle.credentials.TokenVerdict;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.PemKeys;
import io.agentlifecycle.storage.json.JsonStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The first steps with the library, from request to retirement, in the nine steps of the AgentMesh tutorial.
 *
 * <p>Time is simulated: the clock stands still until this program moves it. Only the drawn ids differ between two runs.
 *
 * <p>With a folder as its argument it keeps everything there. It may be killed at any moment: started again with the same
 * folder, it looks at what is stored and goes on from there.
 */
public final class Tutorial {
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor BOB = Actor.human("bob@company.com");
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final Actor MALLORY = Actor.human("mallory@company.com");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final HoldReason BALANCE = HoldReason.INSUFFICIENT_BALANCE;

    private final MutableClock clock;
    private final LifecycleManager manager;
    private final CredentialVerifier verifier;
    private final Ed25519PublicKey auditKey;

    private Tutorial(
            MutableClock clock, LifecycleManager manager, CredentialVerifier verifier, Ed25519PublicKey auditKey) {
        this.clock = clock;
        this.manager = manager;
        this.verifier = verifier;
        this.auditKey = auditKey;
    }

    /** Runs the tutorial in the folder given, or in a fresh one that goes away at the end. */
    public static void main(String[] args) throws IOException {
        if (args.length > 0) {
            start(Path.of(args[0]));
            say("All of this is kept in " + args[0] + ".");
        } else {
            try (var folder = new TemporaryFolder("tutorial")) {
                start(folder.path());
            }
        }
    }

    private static void start(Path folder) throws IOException {
        step(1, "Create a manager");
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
        // A host that lives in real time just says storage(folder), and leaves the clock out. Simulated time has to go
        // on from where it stood when the store was last written to.
        try (JsonStore store = JsonStore.open(folder.resolve("store"))) {
            var clock =
                    MutableClock.at(store.describe().clockHighWater().orElse(Instant.parse("2026-04-11T04:30:00Z")));
            // A real passphrase comes from where the host keeps its secrets; the key files are encrypted with it.
            SigningKeyStore auditKeys =
                    PemKeys.openOrCreate(folder.resolve("audit-keys"), Purpose.AUDIT, "tutorial"::toCharArray, clock);
            SigningKeyStore credentialKeys = PemKeys.openOrCreate(
                    folder.resolve("credential-keys"), Purpose.CREDENTIALS, "tutorial"::toCharArray, clock);
            var issuer = Ed25519CredentialIssuer.create(credentialKeys);
            try (LifecycleManager manager = LifecycleManager.builder()
                    .policy(policy)
                    .store(store)
                    .credentials(issuer)
                    .sealer(Ed25519AuditSealer.create(auditKeys))
                    .clock(clock)
                    .build()) {
                say("It keeps everything in a folder of JSON files, signs its log, and it is " + clock.instant() + ".");
                var publicKey =
                        Ed25519PublicKey.of(auditKeys.publicKeys().get(0).jwk());
                new Tutorial(clock, manager, CredentialVerifier.create(manager, issuer), publicKey).run();
            }
        }
    }

    private void run() {
        AgentId reviewer = request();
        AgentId notes = approve(reviewer);
        Optional<Token> token = activate(reviewer, notes);
        heartbeats(reviewer, notes);
        Optional<Token> newest = rotate(reviewer, token);
        orphans(notes);
        holds(reviewer, newest);
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
                .capability("pull-requests:review") // what its tokens say that it may do
                .requestedBy(ALICE)
                .idempotencyKey("code-review") // asking again gives the same agent
                .build());
        show(agent);
        return agent.id();
    }

    private AgentId approve(AgentId reviewer) {
        step(3, "Approve, or reject");
        passUntil("2026-04-11T04:31:00Z");
        once(reviewer, EventKind.AGENT_APPROVED, () -> {
            refused("Alice approves her own request", () -> manager.approve(reviewer, ALICE));
            show(manager.approve(reviewer, ADMIN));
        });

        AgentId unwanted = manager.requestProvisioning(ProvisioningRequest.builder("Deploy Everything Agent")
                        .owner("mallory@company.com")
                        .requestedBy(MALLORY)
                        .idempotencyKey("deploy-everything")
                        .build())
                .id();
        once(
                unwanted,
                EventKind.AGENT_REJECTED,
                () -> show(manager.reject(unwanted, "nobody needs an agent that deploys everything", ADMIN)));
        refused("Mallory activates it all the same", () -> manager.activate(unwanted, MALLORY));

        // A caller may choose the id; it is never given out again.
        AgentId notes = AgentId.of("agent:release-notes");
        if (manager.find(notes).isEmpty()) {
            manager.requestProvisioning(ProvisioningRequest.builder("Release Notes Agent")
                    .id(notes)
                    .owner("alice@company.com")
                    .requestedBy(ALICE)
                    .build());
        }
        once(notes, EventKind.AGENT_APPROVED, () -> show(manager.approve(notes, ADMIN)));
        return notes;
    }

    private Optional<Token> activate(AgentId reviewer, AgentId notes) {
        step(4, "Activate with credentials");
        passUntil("2026-04-11T04:32:00Z");
        Optional<Token> token = Optional.empty();
        if (!happened(reviewer, EventKind.AGENT_ACTIVATED)) {
            Activation activation = manager.activate(reviewer);
            show(activation.agent());
            showCredential(activation);

            // The token goes to the agent and is stored nowhere, so keep it now or rotate later.
            token = Optional.of(activation.issued().token());
            if (verifier.verify(activation.issued().token().reveal()) instanceof TokenVerdict.Accepted accepted) {
                TokenClaims claims = accepted.claims();
                say("Its token is signed and says: %s may %s until %s, credential number %d"
                        .formatted(claims.agent(), claims.scope(), claims.expiresAt(), claims.generation()));
            }
        } else {
            say("  done before; whoever lost the token rotates the credential");
        }
        once(notes, EventKind.AGENT_ACTIVATED, () -> manager.activate(notes));
        return token;
    }

    private void heartbeats(AgentId reviewer, AgentId notes) {
        step(5, "Heartbeats");
        if (isPast("2026-04-11T05:32:00Z")) {
            say("  done before");
            return;
        }
        // once, and never again: it will become an orphan in step 7
        once(notes, EventKind.HEARTBEAT_FIRST, () -> manager.heartbeat(notes));
        beatUntil("2026-04-11T05:32:00Z", reviewer);
        manager.liveness(reviewer)
                .ifPresent(liveness ->
                        say("%d heartbeats, the last at %s".formatted(liveness.heartbeats(), liveness.lastSeen())));

        // The host decides when time does its work; nothing in the library runs by itself.
        show(manager.sweeper().sweep());
    }

    private Optional<Token> rotate(AgentId reviewer, Optional<Token> first) {
        step(6, "Rotate credentials");
        if (!isPast("2026-04-11T18:32:00Z")) {
            beatUntil("2026-04-11T18:32:00Z", reviewer);
            var rotator = new CredentialRotator(manager);
            say("After 14 hours, past half of their life:");
            show(rotator.checkAndRotate());
            say("And again:");
            show(rotator.checkAndRotate());
            first.ifPresent(token -> say("The first token is still good: " + isGood(token)));
        }
        passUntil("2026-04-11T18:37:00Z");
        first.ifPresent(token -> say("After the overlap it is good:  " + isGood(token)));

        if (manager.get(reviewer).credentials().generation() == 2) {
            say("By hand:");
            Activation rotated = manager.rotateCredentials(reviewer);
            showCredential(rotated);
            return Optional.of(rotated.issued().token());
        }
        say("  done before");
        return Optional.empty();
    }

    private void orphans(AgentId notes) {
        step(7, "Find orphans");
        // A sweep would mark it by itself; this is the way of a host that looks before it acts.
        passUntil("2026-04-12T05:37:00Z");
        var detector = new OrphanDetector(manager);
        once(notes, EventKind.AGENT_ORPHANED, () -> {
            for (OrphanFinding finding : detector.detect()) {
                say("%s: %s".formatted(finding.agent().name(), finding.reason()));
                finding.silentFor().ifPresent(silent -> say("  silent for %d hours".formatted(silent.toHours())));
            }
            say("Marked: " + detector.markOrphaned(notes));
            show(manager.get(notes));
        });
        once(notes, EventKind.AGENT_RECLAIMED, () -> {
            refused("The orphan goes on working", () -> manager.guard().require(notes, Operation.INVOKE));
            refused("Alice resumes it without anyone taking it", () -> manager.resume(notes, ALICE));

            Activation reclaimed = manager.reclaim(notes, "bob@company.com", BOB);
            show(reclaimed.agent());
            showCredential(reclaimed);
        });
    }

    /** Not in the AgentMesh tutorial: what stops an agent for a while, and how its owner changes. */
    private void holds(AgentId reviewer, Optional<Token> token) {
        say("");
        say("Between the steps: holds, and another owner");
        Actor billing = Actor.service("billing");
        once(reviewer, EventKind.AGENT_SUSPENDED, () -> {
            token.ifPresent(newest -> say("Its newest token is good: " + isGood(newest)));
            manager.suspend(reviewer, "maintenance", ADMIN);
            token.ifPresent(newest -> say("The moment it is suspended it is good: " + isGood(newest)));
        });
        once(
                reviewer,
                EventKind.HOLD_PLACED,
                () -> show(manager.placeHold(reviewer, BALANCE, "the budget of April is spent", billing)));
        once(reviewer, EventKind.HOLD_RELEASED, () -> {
            refused("The suspended agent goes on working", () -> manager.guard().require(reviewer, Operation.INVOKE));
            refused("The admin resumes it while billing still holds it", () -> manager.resume(reviewer, ADMIN));
            show(manager.releaseHold(reviewer, BALANCE, ReleaseAuthority.BILLING, billing)
                    .agent());
        });
        once(reviewer, EventKind.AGENT_RESUMED, () -> {
            Activation resumed = manager.resume(reviewer, ADMIN);
            show(resumed.agent());
            showCredential(resumed);
        });
        once(
                reviewer,
                EventKind.AGENT_OWNER_CHANGED,
                () -> show(manager.changeOwner(reviewer, "carol@company.com", ADMIN)));
    }

    private void decommission(AgentId reviewer) {
        step(8, "Decommission");
        passUntil("2026-04-12T06:37:00Z");
        once(
                reviewer,
                EventKind.AGENT_DECOMMISSIONED,
                () -> manager.decommission(reviewer, "Feature sunset: migrating to a new agent", CAROL));
        Agent retired = manager.get(reviewer);
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
        say(
                "Log verified: %d events in %d chains, %d of them signed; the records of %d agents are what their events say"
                        .formatted(verified.events(), verified.streams(), verified.signed(), verified.agents()));

        // Whoever has the lines and the public key can check them, without the store and without this library:
        // docs/audit-format.md says how.
        List<String> lines =
                manager.auditTrail(reviewer).stream().map(EventLine::write).toList();
        LogVerification checked = LogVerifier.of(auditKey).verify(lines);
        say("Its trail, checked by itself: %d lines, %d signatures"
                .formatted(lines.size(), checked.events().get(Seal.SIGNED)));

        FleetSummary fleet = manager.summary();
        say("Fleet: %d agents %s %s".formatted(fleet.total(), fleet.byState(), fleet.byOwner()));
    }

    // ---- going on after a crash

    /** What is stored cannot be done twice, and what is not stored was not done. */
    private void once(AgentId agent, EventKind kind, Runnable command) {
        if (happened(agent, kind)) {
            say("  done before: %s of %s".formatted(kind.wire(), agent));
        } else {
            command.run();
        }
    }

    private boolean happened(AgentId agent, EventKind kind) {
        return manager.auditTrail(agent).stream()
                .anyMatch(event -> event.event().kind() == kind);
    }

    // ---- time

    private boolean isPast(String time) {
        return clock.instant().isAfter(Instant.parse(time));
    }

    private void passUntil(String time) {
        Instant end = Instant.parse(time);
        if (clock.instant().isBefore(end)) {
            clock.set(end);
            say("  ... " + end);
        }
    }

    /** Until then an agent says every five minutes that it is alive. */
    private void beatUntil(String time, AgentId agent) {
        Instant end = Instant.parse(time);
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
        return verifier.verify(token.reveal()).accepted();
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
