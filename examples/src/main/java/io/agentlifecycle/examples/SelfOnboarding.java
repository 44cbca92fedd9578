package io.agentlifecycle.examples;

import io.agentlifecycle.core.Bootstrap;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.SelfView;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.RetryableBootstrapException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.util.Optional;

/**
 * An agent brings itself in, as in BrainstormRouter: profile, limits, token. Before each of these the store fails once, the agent
 * calls again, and gets in with the limits of its first call. Then it works until its minute is full, and looks at itself.
 */
public final class SelfOnboarding {
    private static final AgentId BOT = AgentId.of("sales-bot-01");
    private static final Actor CALLER = Actor.service("key-of-sales");

    private final LifecycleManager manager;
    private final WorkingUntil store;
    private final MutableClock clock;

    private SelfOnboarding(LifecycleManager manager, WorkingUntil store, MutableClock clock) {
        this.manager = manager;
        this.store = store;
        this.clock = clock;
    }

    /** Tells the story on standard output; takes no arguments. */
    public static void main(String[] args) {
        var clock = MutableClock.at("2026-04-11T04:30:00Z");
        var store = new WorkingUntil(LifecycleStore.inMemory());
        try (LifecycleManager manager = LifecycleManager.builder()
                .clock(clock)
                .store(store)
                .transitions(TransitionTable.brainstormRouter())
                .policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .guard(GuardPolicy.brainstormRouter())
                        .credentialPolicy(CredentialPolicy.DEFAULT.withMaxCredentialTtl(Duration.ofHours(1)))
                        .build())
                .build()) {
            new SelfOnboarding(manager, store, clock).run();
            System.out.println("verified: " + manager.verify().events() + " events");
        }
    }

    private void run() {
        // Each call gets one step further than the one before it: what was done before a fault is done.
        for (int commits : new int[] {0, 1, 1}) {
            store.failAfter(commits);
            bootstrap(60);
        }
        store.heal();
        Bootstrap in = bootstrap(9_999).orElseThrow();

        manager.limitRate(BOT, RateLimit.perMinute(2), Actor.human("ops@company.com"));
        for (int i = 0; i < 3; i++) {
            call();
        }
        lookAtItself(in.agent().key(), in.issued().orElseThrow().credential().id());
        clock.advance(Duration.ofMinutes(1));
        call();
    }

    /** What a host answers: 200 with a token, or 503 and to call again. */
    private Optional<Bootstrap> bootstrap(int callsPerMinute) {
        var request = ProvisioningRequest.builder("Sales Bot")
                .id(BOT)
                .owner("team:sales")
                .requestedBy(CALLER)
                .build();
        var limits =
                new Limits(RateLimit.perMinute(callsPerMinute), manager.now().plus(Duration.ofDays(30)));
        try {
            Bootstrap done = manager.bootstrap(request, limits);
            System.out.println("200 a token until "
                    + done.issued().orElseThrow().credential().expiresAt() + ", "
                    + done.limits().rate() + " until " + done.limits().notAfter() + ", next " + done.nextSteps());
            return Optional.of(done);
        } catch (RetryableBootstrapException e) {
            boolean works = manager.guard().check(BOT, Operation.INVOKE).allowed();
            System.out.println("503 no token, it stopped at " + e.step() + (works ? "" : "; nothing is let through"));
            return Optional.empty();
        }
    }

    private void call() {
        try {
            manager.guard().require(BOT, Operation.INVOKE);
            System.out.println("200 a call");
        } catch (AccessDeniedException e) {
            Verdict.Denied denied = e.verdict();
            System.out.println(denied.httpStatus() + " " + denied.reasons() + ", again at "
                    + denied.retryAt().orElseThrow());
        }
    }

    /** What a host answers to whoever has shown a good token of the agent; its verifier says which credential that is. */
    private void lookAtItself(AgentKey agent, CredentialId credential) {
        SelfView self = manager.selfView(agent, credential);
        System.out.println("it sees: " + self.state() + ", " + self.rateLimit().orElseThrow() + ", "
                + self.callsLeft().orElseThrow() + " left, incidents " + self.incidents() + ", life until "
                + self.endsAt().orElseThrow());
    }

    /** A store that stops to commit where the story tells it to. */
    private static final class WorkingUntil extends ForwardingStore {
        private int left = Integer.MAX_VALUE;

        WorkingUntil(LifecycleStore to) {
            super(to);
        }

        void failAfter(int commits) {
            left = commits;
        }

        void heal() {
            left = Integer.MAX_VALUE;
        }

        @Override
        public CommitResult commit(Commit commit) {
            if (left-- <= 0) {
                throw new StoreException("the disk is gone", null);
            }
            return super.commit(commit);
        }
    }
}
