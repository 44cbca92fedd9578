package io.agentlifecycle.examples;

import io.agentlifecycle.core.Approvals;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.approval.ApprovalStatus;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.util.Optional;

/**
 * Two people approve: the second finds that the capabilities changed since the first vote, so both look at it again. An agent that
 * reviews requests gives advice, which does not count.
 */
public final class TwoApprovals {
    private static final AgentId BOT = AgentId.of("agent:merge-bot");
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor BOB = Actor.human("bob@company.com").assured(IdentityAssurance.STRONG);
    private static final Actor CAROL = Actor.human("carol@company.com").assured(IdentityAssurance.AUTHENTICATED);
    private static final Actor REVIEWER = Actor.agent(AgentId.of("agent:reviewer"));

    private final LifecycleManager manager;
    private final Approvals approvals;
    private final MutableClock clock;

    private TwoApprovals(LifecycleManager manager, MutableClock clock) {
        this.manager = manager;
        this.approvals = manager.approvals();
        this.clock = clock;
    }

    /** Tells the story on standard output; takes no arguments. */
    public static void main(String[] args) {
        MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
        try (LifecycleManager manager = LifecycleManager.builder()
                .clock(clock)
                // The reviewer works elsewhere; here it may look at requests and say what it thinks of them.
                .access((actor, tenant, agent) -> Optional.of(actor.isSame(REVIEWER) ? Role.OPERATOR : Role.ADMIN))
                .policy(LifecyclePolicy.builder()
                        .approvalStages(Stage.people("security", 2))
                        .approvalTimeout(Duration.ofDays(3))
                        .approvalWarning(Duration.ofHours(12))
                        .build())
                .build()) {
            new TwoApprovals(manager, clock).tell();
            System.out.println("verified: " + manager.verify().events() + " events");
        }
    }

    private void tell() {
        manager.requestProvisioning(
                asked().capability("review").requestedBy(ALICE).build());
        approvals.advise(BOT, Ballot.deny("it has no tests"), REVIEWER);
        // What a person is asked to look at, and the digest of it, belong together: the host shows both.
        String seenByBob = approvals.status(BOT).shown();
        String seenByCarol = seenByBob;
        vote(Ballot.approve("reviews only").onSeeing(seenByBob), BOB);

        approvals.amend(BOT, asked().capability("review").capability("merge").build(), ALICE);
        System.out.println("amended: " + manager.get(BOT).entitlements().capabilities());
        vote(Ballot.approve("reviews only").onSeeing(seenByCarol), CAROL);

        String seenAgain = approvals.status(BOT).shown();
        vote(Ballot.approve("merging is fine, too").onSeeing(seenAgain), CAROL);
        vote(Ballot.approve("and again").onSeeing(seenAgain), Actor.human("Carol@Company.com"));
        clock.advance(Duration.ofHours(60));
        manager.sweeper().sweep();
        vote(Ballot.approve("agreed").onSeeing(seenAgain), BOB);

        manager.auditTrail(BOT).stream()
                .map(SealedEvent::event)
                .forEach(event -> System.out.println(event.kind().wire() + " by " + event.actor()));
    }

    private static ProvisioningRequest.Builder asked() {
        return ProvisioningRequest.builder("Merge Bot").id(BOT).owner("alice@company.com");
    }

    private void vote(Ballot ballot, Actor actor) {
        try {
            approvals.vote(BOT, ballot, actor);
            ApprovalStatus status = approvals.status(BOT);
            System.out.println("%s voted: %s, %d missing"
                    .formatted(
                            actor,
                            manager.get(BOT).state(),
                            status.stages().get(0).missing()));
        } catch (PolicyViolationException e) {
            System.out.println(actor + " was refused: " + e.rule());
        }
    }
}
