package io.agentlifecycle.examples;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.credential.Token;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * How a host lets time do its work: the library starts no thread, so the host sweeps from one of its own. {@link #tick}
 * is one round, {@link #start} the loop around it; a host copies both. Safe for use by many threads.
 */
public final class HostSweeps {
    /** So that a round ends; what is left is done in the next one. */
    private static final int MOST_PASSES = 10;

    private final LifecycleManager manager;
    private final BiConsumer<AgentKey, Token> handOver;
    private final Consumer<String> log;

    /**
     * Sweeps for {@code manager}.
     *
     * @param handOver takes a new token to the agent that it belongs to
     * @param log takes what there is to tell
     */
    public HostSweeps(LifecycleManager manager, BiConsumer<AgentKey, Token> handOver, Consumer<String> log) {
        this.manager = requireNonNull(manager, "manager");
        this.handOver = requireNonNull(handOver, "handOver");
        this.log = requireNonNull(log, "log");
    }

    /** Runs three rounds in real time and ends; takes no arguments. */
    public static void main(String[] args) throws Exception {
        // Much shorter times than anyone would want, so that something happens while you watch.
        var policy = LifecyclePolicy.builder()
                .requireApproval(false)
                .heartbeatInterval(Duration.ofMillis(10))
                .missedHeartbeats(1)
                .orphanThreshold(Duration.ofMillis(10))
                .build();
        try (LifecycleManager manager =
                LifecycleManager.builder().policy(policy).build()) {
            AgentId agent = manager.requestProvisioning(ProvisioningRequest.builder("Silent Agent")
                            .id(AgentId.of("agent:silent"))
                            .owner("alice@company.com")
                            .requestedBy(Actor.human("alice@company.com"))
                            .build())
                    .id();
            manager.activate(agent);

            var sweeps = new HostSweeps(manager, (key, token) -> {}, System.out::println);
            ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor();
            try {
                sweeps.start(executor, Duration.ofMillis(50), 3).get(1, TimeUnit.MINUTES);
            } finally {
                executor.shutdown(); // no sweep begins any more once the manager is closed
            }
            System.out.println(agent + " is " + manager.get(agent).state());
            System.out.println("verified: " + manager.verify());
        }
    }

    /**
     * Runs {@link #tick} again and again, {@code every} so long after the last one ended, until it ran {@code rounds}
     * times or the future is cancelled. A host that runs for ever leaves out the counting.
     */
    public CompletableFuture<Void> start(ScheduledExecutorService executor, Duration every, int rounds) {
        var done = new CompletableFuture<Void>();
        Runnable round = new Runnable() {
            private int left = rounds;

            @Override
            public void run() {
                try {
                    tick();
                } catch (RuntimeException e) {
                    // What leaves this method ends the schedule for good, and nobody would hear of it. The next round
                    // tries again; a host also tells whoever is on call.
                    log.accept("the sweep failed and is tried again: " + e.getMessage());
                } catch (Error e) {
                    done.completeExceptionally(e); // this does end it, and whoever waits hears of it
                    throw e;
                }
                left--;
                if (left == 0) {
                    done.complete(null);
                }
            }
        };
        ScheduledFuture<?> schedule =
                executor.scheduleWithFixedDelay(round, every.toNanos(), every.toNanos(), TimeUnit.NANOSECONDS);
        done.whenComplete((nothing, error) -> schedule.cancel(false));
        return done;
    }

    /**
     * One round: does what is due, and replaces the credentials that are due for it.
     *
     * @throws io.agentlifecycle.core.error.StoreException if the store does not work
     */
    public void tick() {
        boolean more = true;
        for (int pass = 1; more && pass <= MOST_PASSES; pass++) {
            SweepReport report = manager.sweeper().sweep();
            log.accept("sweep: looked at %d agents".formatted(report.examined()));
            report.outcomes().forEach(this::look);
            more = report.more();
        }
        if (!manager.health().isGood()) {
            log.accept("someone should look: " + manager.health());
        }
    }

    private void look(SweepReport.Outcome outcome) {
        log.accept("  %s: %s %s".formatted(outcome.agent(), outcome.action(), outcome.result()));
        switch (outcome.result()) {
            case DUE_NO_SINK -> rotate(outcome.agent());
            case FAILED -> outcome.failure().ifPresent(e -> log.accept("    " + e.getMessage()));
            case DONE, MOVED, HELD_BACK -> {}
        }
    }

    /** One agent that cannot be served must not keep the others from it. */
    private void rotate(AgentKey agent) {
        try {
            var rotated = manager.forTenant(agent.tenant()).rotateCredentials(agent.id());
            handOver.accept(agent, rotated.issued().token());
            log.accept(
                    "    its new credential is " + rotated.issued().credential().id());
        } catch (RuntimeException e) {
            log.accept("    it could not be given a new credential: " + e.getMessage());
        }
    }
}
