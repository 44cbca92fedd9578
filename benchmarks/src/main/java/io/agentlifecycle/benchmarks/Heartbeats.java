package io.agentlifecycle.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a heartbeat costs, against the least that it could. */
final class Heartbeats implements Subject {
    private static final double MOST = 2.5;

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        List<Figure> figures = new ArrayList<>();
        double worst = 0;
        for (int agents : scale.heartbeatAgents()) {
            Jmh.Cost floor = Jmh.cost("heartbeatFloor", agents, scale, scratch);
            Jmh.Cost heartbeat = Jmh.cost("heartbeat", agents, scale, scratch);
            Figures.note(
                    "heartbeat, %d agents: %.1f ns, %.2f bytes allocated; map, clock and volatile write alone %.1f ns, %.2f bytes",
                    agents, heartbeat.nanos(), heartbeat.bytes(), floor.nanos(), floor.bytes());
            figures.add(new Figure("heartbeat-" + agents, floor.nanos() / heartbeat.nanos(), 1 / MOST));
            worst = Math.max(worst, Jmh.more(heartbeat, floor));
        }
        figures.add(new Figure("heartbeat-alloc", 1 / (1 + worst), 1));
        return figures;
    }
}
