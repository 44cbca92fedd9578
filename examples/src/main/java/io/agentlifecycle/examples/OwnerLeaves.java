package io.agentlifecycle.examples;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.LifecyclePolicy.OwnerLoss;
import io.agentlifecycle.core.OwnerPlan;
import io.agentlifecycle.core.OwnerReport;
import io.agentlifecycle.core.OwnerReport.Result;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Somebody leaves who answers for forty agents. The host's directory says so; the plan names who gets which agent before anything
 * happens: a co-owner where there is one, the manager of whoever left as far as their limit goes, and nobody for the rest, which is
 * held. What was held is handed over by hand. All new owners get new credentials, and the log tells who did it.
 */
public final class OwnerLeaves {
    private static final Owner ALICE = Owner.of("alice@company.com");
    private static final Owner BOB = Owner.of("bob@company.com");
    private static final Owner TEAM = Owner.of("team:platform");
    private static final Actor ADMIN = Actor.human("admin@company.com");

    private final Map<Owner, OwnerStanding> people = new ConcurrentHashMap<>(Map.of(
            ALICE, OwnerStanding.active(),
            BOB, OwnerStanding.active().atMost(20),
            TEAM, OwnerStanding.active()));
    private final LifecycleManager manager;

    private OwnerLeaves(Path folder) {
        manager = LifecycleManager.builder()
                .storage(folder)
                .clock(MutableClock.at("2026-04-11T04:30:00Z"))
                .policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .ownerLoss(OwnerLoss.SUCCEED)
                        .build())
                .ownerDirectory(owner -> Optional.ofNullable(people.get(owner)))
                .credentialSink((agent, credential) -> {})
                .build();
    }

    /** Tells the story on standard output; takes no arguments. */
    public static void main(String[] args) throws IOException {
        try (var folder = new TemporaryFolder("owners")) {
            var story = new OwnerLeaves(folder.path());
            try (LifecycleManager manager = story.manager) {
                story.tell();
                System.out.println("verified: " + manager.verify().agents() + " agents");
            }
        }
    }

    private void tell() {
        for (int i = 1; i <= 40; i++) {
            AgentId agent = AgentId.of("agent:%02d".formatted(i));
            manager.requestProvisioning(ProvisioningRequest.builder("Report " + i)
                    .id(agent)
                    .owner(ALICE.toString())
                    .build());
            manager.activate(agent);
            if (i % 4 == 0) {
                manager.owners().addCoOwner(agent, TEAM, ADMIN);
            }
        }

        people.put(ALICE, OwnerStanding.of(OwnerStanding.Status.LEFT).succeededBy(BOB));
        OwnerPlan plan = manager.owners().lost();
        plan.steps().stream().limit(4).forEach(OwnerLeaves::print);
        System.out.println("... " + plan.steps().size() + " steps; nothing is done yet: Alice has " + count(ALICE));
        apply(plan);
        report();

        try {
            manager.owners().handOver(ALICE, BOB);
        } catch (PolicyViolationException e) {
            System.out.println("Bob gets no more: " + e.rule());
        }
        apply(manager.owners().handOver(ALICE, TEAM));
        report();

        SweepReport sweep = manager.sweeper().sweep();
        System.out.println(
                sweep.outcomes().size() + " agents got new credentials; those that are held get them when they go on");
        manager.ownershipHistory(AgentId.of("agent:01"))
                .forEach(period -> System.out.println(
                        "agent:01 belongs to %s, by %s".formatted(period.owner(), period.changedBy())));
        System.out.println("changes of owner in the log: " + ownersChanged());
    }

    private static void print(OwnerPlan.Step step) {
        System.out.println(
                step instanceof OwnerPlan.Succeed succeed
                        ? "%s: from %s to %s".formatted(step.agent(), step.from(), succeed.to())
                        : "%s of %s: held".formatted(step.agent(), step.from()));
    }

    private void apply(OwnerPlan plan) {
        OwnerReport report = manager.owners().apply(plan, ADMIN);
        System.out.println("done: %d, moved: %d, failed: %d"
                .formatted(
                        report.with(Result.DONE).size(),
                        report.with(Result.MOVED).size(),
                        report.with(Result.FAILED).size()));
    }

    private void report() {
        long held = manager.query(AgentQuery.all()).stream()
                .filter(agent -> agent.holds().get(HoldReason.OWNER_LOST).isPresent())
                .count();
        System.out.println(
                "Alice %d, Bob %d, the team %d; %d held".formatted(count(ALICE), count(BOB), count(TEAM), held));
    }

    private int count(Owner owner) {
        return manager.query(AgentQuery.all().owner(owner.toString())).size();
    }

    private long ownersChanged() {
        return manager.search(OwnerLeaves::isChange, 0, 1_000).events().size();
    }

    private static boolean isChange(AuditEvent event) {
        return event.kind() == EventKind.AGENT_OWNER_CHANGED && event.actor().equals(ADMIN);
    }
}
