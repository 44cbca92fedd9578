package io.agentlifecycle.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the guard costs for an agent that may act, against the least that it could. */
final class Guards implements Subject {
    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        List<Figure> figures = new ArrayList<>();
        for (int agents : scale.heartbeatAgents()) {
            Jmh.Cost floor = Jmh.cost("guardFloor", agents, scale, scratch);
            Jmh.Cost guard = Jmh.cost("guard", agents, scale, scratch);
            Figures.note(
                    "guard, %d agents: %.1f ns, %.2f bytes allocated; map, clock and four volatile reads alone %.1f ns, %.2f bytes",
                    agents, guard.nanos(), guard.bytes(), floor.nanos(), floor.bytes());
            figures.add(new Figure("guard-" + agents, floor.nanos() / guard.nanos(), 0.4));
        }
        Jmh.Cost alone = Jmh.cost("guard", 1_000, true, scale, scratch);
        Figures.note("guard with a clock that stands: %.2f bytes allocated", alone.bytes());
        figures.add(new Figure("guard-alloc", 1 / (1 + Math.round(alone.bytes())), 1));
        return figures;
    }
}
