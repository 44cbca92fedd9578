package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.storage.json.JsonStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What the engine makes of the store: 64 callers suspend and resume, each its own agent, and every event is signed. */
final class EngineCommits implements Subject {
    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        List<Commit> shapes = Commits.templates();
        List<Double> bare = new ArrayList<>();
        List<Double> engine = new ArrayList<>();
        try (JsonStore store = JsonStore.open(scratch.resolve("bare"));
                LifecycleManager manager = LifecycleManager.builder()
                        .storage(scratch.resolve("engine"))
                        .sealer(Commits.sealer())
                        .build()) {
            List<Replay> callers = Replay.callers(Commits.CALLERS, store, shapes, 1);
            List<AgentId> agents = agents(manager);
            Load.Work command = caller -> {
                manager.suspend(agents.get(caller), "maintenance", Fleet.ADMIN);
                manager.resume(agents.get(caller), Fleet.ADMIN);
                return 2;
            };
            for (int i = 0; i <= scale.rounds(); i++) {
                double stored = Load.perSecond(
                        Commits.CALLERS,
                        scale.round(),
                        caller -> callers.get(caller).run());
                double commanded = Load.perSecond(Commits.CALLERS, scale.round(), command);
                if (i > 0) { // the first round is for the compiler
                    bare.add(stored);
                    engine.add(commanded);
                }
            }
        }
        Figures.note(
                "64 callers: the store alone %.0f commits/s, signed suspend and resume %.0f commits/s",
                Load.median(bare), Load.median(engine));
        return List.of(new Figure("engine-64-callers", Load.median(engine) / Load.median(bare), 0.35));
    }

    private static List<AgentId> agents(LifecycleManager manager) {
        var random = new Random(7);
        List<AgentId> agents = new ArrayList<>();
        for (int i = 0; i < Commits.CALLERS; i++) {
            AgentId id = AgentId.of(Fleet.randomId(random));
            manager.requestProvisioning(Fleet.request(id));
            manager.approve(id, Fleet.ADMIN);
            manager.activate(id);
            agents.add(id);
        }
        return agents;
    }
}
