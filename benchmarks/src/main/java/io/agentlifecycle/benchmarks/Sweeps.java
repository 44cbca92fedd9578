package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.OrphanDetector;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a sweep costs when little is due in a big fleet. */
final class Sweeps implements Subject {
    private static final int DUE = 1_000;
    private static final int ROUNDS = 20;
    private static final Duration STEP = Duration.ofSeconds(10);
    private static final double IDLE_SECONDS = 50e-6;

    @Override
    public List<Figure> measure(Scale scale, Path scratch) {
        var clock = MutableClock.at("2026-04-11T04:30:00Z");
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager.builder().store(store).clock(clock).build().close();
        Instant start = clock.instant();
        Instant never = start.plus(Duration.ofMinutes(10));
        // 1,000 agents come up at each step, and are found to have nothing to do: what is left is the sweep itself,
        // without a commit
        Fleet.active(clock)
                .withoutEvents()
                .fill(
                        store,
                        scale.sweepAgents(),
                        i -> Optional.of(i < DUE * ROUNDS ? start.plus(STEP.multipliedBy(i / DUE + 1)) : never));
        try (LifecycleManager manager =
                LifecycleManager.builder().store(store).clock(clock).build()) {
            List<Double> idle = new ArrayList<>();
            for (int i = 0; i < 5_000; i++) {
                idle.add(sweep(manager, 0));
            }
            List<Double> busy = new ArrayList<>();
            for (int i = 0; i < ROUNDS; i++) {
                clock.advance(STEP);
                busy.add(sweep(manager, DUE));
            }
            List<Double> scans = new ArrayList<>();
            for (int i = 0; i < (scale.isQuick() ? 1 : 3); i++) {
                long scan = System.nanoTime();
                new OrphanDetector(manager).detect();
                scans.add(Figures.seconds(scan));
            }
            double idleSeconds = Load.median(idle.subList(idle.size() / 2, idle.size()));
            double busySeconds = Load.median(busy.subList(busy.size() / 2, busy.size()));
            Figures.note(
                    "sweep of %d agents: none due %.2f us, %d due %.2f ms, all agents looked at %.0f ms",
                    scale.sweepAgents(), idleSeconds * 1e6, DUE, busySeconds * 1e3, Load.median(scans) * 1e3);
            return List.of(
                    new Figure("sweep-0-due", IDLE_SECONDS / idleSeconds, 1),
                    new Figure("sweep-0-due-scan", Load.median(scans) / idleSeconds, 1_000),
                    new Figure("sweep-1000-due", Load.median(scans) / busySeconds, 20));
        }
    }

    private static double sweep(LifecycleManager manager, int due) {
        long start = System.nanoTime();
        SweepReport report = manager.sweeper().sweep();
        double seconds = Figures.seconds(start);
        if (report.examined() != due || !report.outcomes().isEmpty()) {
            throw new IllegalStateException(
                    "this sweep was to look at %d agents and do nothing, but looked at %d and did %d things"
                            .formatted(due, report.examined(), report.outcomes().size()));
        }
        return seconds;
    }
}
