package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.storage.json.JsonStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a host pays for signed events: agents are suspended and resumed through the manager, and each event is signed and on
 * the disk when the call returns.
 */
final class AuditCommits implements Subject {
    private static final int CALLERS = 8;

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        Duration time = scale.round().dividedBy(2); // there are many subjects
        warmUp(time);
        List<Double> unsigned = new ArrayList<>();
        List<Double> signed = new ArrayList<>();
        List<Double> raw = new ArrayList<>();
        List<Double> alone = new ArrayList<>();
        int line;
        try (JsonStore store = JsonStore.open(scratch.resolve("unsigned"));
                LifecycleManager manager = LifecycleManager.builder()
                        .storage(scratch.resolve("signed"))
                        .sealer(Commits.sealer())
                        .build()) {
            List<Replay> callers = Replay.callers(CALLERS, store, Fleet.suspendAndResume(Optional.empty()), 1);
            Load.Work command = EngineCommits.suspendAndResume(manager, CALLERS);
            line = Commits.lineBytes(scratch.resolve("signed"), command);
            for (int i = 0; i <= scale.rounds(); i++) {
                double stored = Load.perSecond(
                        CALLERS, time, caller -> callers.get(caller).run());
                double commanded = Load.perSecond(CALLERS, time, command);
                if (i > 0) { // the first round is for the compiler
                    unsigned.add(stored);
                    signed.add(commanded);
                    raw.add(Commits.raw(scratch.resolve("raw-" + i), line, time));
                    alone.add(Load.perSecond(1, time, command));
                }
            }
        }
        Figures.note(
                "8 callers: the store alone, unsigned, %.0f commits/s, signed suspend and resume %.0f/s;"
                        + " 1 caller: raw append and fsync of %d bytes %.0f/s, signed suspend and resume %.0f/s",
                Load.median(unsigned), Load.median(signed), line, Load.median(raw), Load.median(alone));
        return List.of(
                new Figure("audit-commits-8", Load.median(signed) / Load.median(unsigned), 0.5),
                new Figure("audit-commits-1", Load.median(alone) / Load.median(raw), 0.6));
    }

    /** Where nobody waits for a disk the compiler sees in a moment what it would else see in a minute. */
    private static void warmUp(Duration time) throws Exception {
        try (LifecycleManager manager =
                LifecycleManager.builder().sealer(Commits.sealer()).build()) {
            Load.perSecond(CALLERS, time, EngineCommits.suspendAndResume(manager, CALLERS));
        }
    }
}
