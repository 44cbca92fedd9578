package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Whole lives of agents (register, approve, activate, 10 heartbeats, decommission) through the manager and its durable
 * store, against other ways to store the same records and events. The others are handed finished commits, and need not
 * decide, encode or chain anything; a heartbeat that our store does not write, they do not write, either.
 */
final class Peers implements Subject {
    private static final int CALLERS = 16;
    private static final int HEARTBEATS = 10;
    private static final int WARM_UP = 200;

    /** So many changes of a rewritten file stand for all. */
    private static final int REWRITES = 60;

    @FunctionalInterface
    private interface Opener {
        Peer open(Path directory) throws Exception;
    }

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        own(scratch.resolve("own-warm"), WARM_UP);
        peer(scratch.resolve("sqlite-warm"), SqlitePeer::new, lives(WARM_UP));
        peer(scratch.resolve("h2-warm"), directory -> new H2Peer(directory, CALLERS), lives(WARM_UP));
        List<Figure> figures = new ArrayList<>();
        for (int agents : scale.peerAgents()) {
            Lives lives = lives(agents);
            double own = own(scratch.resolve("own-" + agents), agents);
            double sqlite = peer(scratch.resolve("sqlite-" + agents), SqlitePeer::new, lives);
            double h2 = peer(scratch.resolve("h2-" + agents), directory -> new H2Peer(directory, CALLERS), lives);
            double rewrite = rewrite(scratch.resolve("rewrite-" + agents), lives.agents());
            Figures.note(
                    "%d lives of %d commits, %d callers: manager and JSON store %.2f s, SQLite %.2f s, H2 %.2f s,"
                            + " rewriting the file %.1f s (scaled up from %d changes at half of the agents)",
                    agents, lives.agents().get(0).size(), CALLERS, own, sqlite, h2, rewrite, REWRITES);
            figures.add(new Figure("peer-sqlite-" + agents, sqlite / own, 1));
            figures.add(new Figure("peer-h2-" + agents, h2 / own, 1));
            figures.add(new Figure("peer-rewrite-" + agents, rewrite / own, 1));
        }
        return figures;
    }

    private static double own(Path directory, int agents) throws Exception {
        try (LifecycleManager manager =
                LifecycleManager.builder().storage(directory).build()) {
            List<AgentId> ids = ids(agents);
            long start = System.nanoTime();
            Load.all(CALLERS, caller -> {
                for (int i = caller; i < agents; i += CALLERS) {
                    live(manager, ids.get(i));
                }
                return agents;
            });
            return Figures.seconds(start);
        }
    }

    private static void live(LifecycleManager manager, AgentId id) {
        manager.requestProvisioning(Fleet.request(id));
        manager.approve(id, Fleet.ADMIN);
        manager.activate(id);
        for (int i = 0; i < HEARTBEATS; i++) {
            manager.heartbeat(id);
        }
        manager.decommission(id, "Feature sunset", Fleet.ALICE);
    }

    private static List<AgentId> ids(int agents) {
        var random = new Random(agents);
        List<AgentId> ids = new ArrayList<>();
        for (int i = 0; i < agents; i++) {
            ids.add(AgentId.of(Fleet.randomId(random)));
        }
        return ids;
    }

    /**
     * What the manager commits.
     *
     * @param begin before there are agents
     * @param agents for each agent
     */
    private record Lives(List<Commit> begin, List<List<Commit>> agents) {}

    private static Lives lives(int agents) {
        List<List<Commit>> lives = new ArrayList<>();
        LifecycleStore store = LifecycleStore.inMemory();
        List<Commit> commits = new ArrayList<>();
        store.subscribe((seq, commit) -> commits.add(commit));
        try (LifecycleManager manager = LifecycleManager.builder().store(store).build()) {
            List<Commit> begin = List.copyOf(commits);
            commits.clear();
            for (AgentId id : ids(agents)) {
                live(manager, id);
                lives.add(List.copyOf(commits));
                commits.clear();
            }
            return new Lives(begin, lives);
        }
    }

    private static double peer(Path directory, Opener opener, Lives work) throws Exception {
        List<List<Commit>> lives = work.agents();
        try (Peer peer = opener.open(Files.createDirectory(directory))) {
            for (Commit commit : work.begin()) {
                peer.apply(0, commit);
            }
            long start = System.nanoTime();
            Load.all(CALLERS, caller -> {
                for (int i = caller; i < lives.size(); i += CALLERS) {
                    for (Commit commit : lives.get(i)) {
                        peer.apply(caller, commit);
                    }
                }
                return lives.size();
            });
            return Figures.seconds(start);
        }
    }

    /** The file grows with every agent, so its cost when half of them are there is that of the average change. */
    private static double rewrite(Path directory, List<List<Commit>> lives) throws Exception {
        try (var peer = new RewritePeer(Files.createDirectory(directory))) {
            int half = lives.size() / 2;
            lives.subList(0, half).forEach(life -> life.forEach(peer::remember));
            List<Commit> sample = lives.subList(half, lives.size()).stream()
                    .flatMap(List::stream)
                    .limit(REWRITES)
                    .toList();
            long start = System.nanoTime();
            for (Commit commit : sample) {
                peer.apply(0, commit);
            }
            int changes = lives.stream().mapToInt(List::size).sum();
            return Figures.seconds(start) / sample.size() * changes;
        }
    }
}
