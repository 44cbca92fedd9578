package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.AgentImport;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.storage.json.AgentMeshReport.Finding;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * An import from AgentMesh: first all that could go wrong is looked for, then agents are taken in.
 *
 * <p>Each agent that is sound in itself is rehearsed: a manager in memory takes it in under the longest names that a log
 * and a tenant can have. So what the rules of core refuse, such as an event that would be too large, is found before
 * anything is stored, and the rehearsal tells how many bytes the agent needs in a commit.
 */
final class AgentMeshImport {
    private static final int MOST_IN_PART = 500;
    private static final int MOST_BYTES_IN_PART = 3 << 20;
    private static final int MOST_TOLD = 5;
    private static final int AROUND_A_RECORD = 1_024;
    private static final String LONGEST_ORIGIN = "o".repeat(128);
    private static final TenantId LONGEST_TENANT = TenantId.of("t".repeat(64));
    private static final InstantSource LONGEST_TIME =
            InstantSource.fixed(Instant.parse("9999-12-31T23:59:59.999999999Z"));

    /** An agent that can be taken in, and how many bytes it may need in a commit. */
    private record Candidate(AgentId id, AgentImport agent, long bytes) {}

    private final String source;
    private final boolean readable;
    private final List<Candidate> candidates = new ArrayList<>();
    private final List<AgentId> present = new ArrayList<>();
    private final List<Finding> rejected;
    private final List<Finding> mapped;

    private AgentMeshImport(String source, boolean readable, List<Finding> rejected, List<Finding> mapped) {
        this.source = source;
        this.readable = readable;
        this.rejected = rejected;
        this.mapped = mapped;
    }

    /** Looks at the whole file. */
    static AgentMeshImport read(LifecycleManager manager, Path file) {
        byte[] bytes = bytes(file);
        String source = "AgentMesh file, SHA-256 " + HexFormat.of().formatHex(Digests.sha256(bytes));
        List<Finding> rejected = new ArrayList<>();
        List<Finding> mapped = new ArrayList<>();
        Map<Integer, AgentImport> sound;
        try {
            sound = AgentMeshReader.read(bytes, rejected, mapped);
        } catch (AgentMeshReader.UnreadableException e) {
            return new AgentMeshImport(source, false, new ArrayList<>(List.of(e.finding())), List.of());
        }
        var result = new AgentMeshImport(source, true, rejected, mapped);
        result.rejectTwins(sound);
        result.choose(manager, sound);
        result.settle();
        return result;
    }

    private static byte[] bytes(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(FleetFiles.MAX_AGENT_MESH_BYTES + 1);
            if (bytes.length > FleetFiles.MAX_AGENT_MESH_BYTES) {
                throw new StoreException(
                        "%s has more than the limit of %d bytes; split it"
                                .formatted(file, FleetFiles.MAX_AGENT_MESH_BYTES),
                        null);
            }
            return bytes;
        } catch (IOException e) {
            throw new StoreException("%s cannot be read: %s".formatted(file, e), e);
        }
    }

    /** Nobody can say which one of two agents with one id is the right one. */
    private void rejectTwins(Map<Integer, AgentImport> sound) {
        Map<AgentId, List<Integer>> places = new HashMap<>();
        sound.forEach((i, agent) ->
                places.computeIfAbsent(id(agent), id -> new ArrayList<>()).add(i));
        places.values().stream().filter(twins -> twins.size() > 1).forEach(twins -> {
            for (int i : twins) {
                int other = twins.get(0) == i ? twins.get(1) : twins.get(0);
                rejected.add(new Finding("/" + i + "/agent_id", "agent /" + other + " has the same id"));
                sound.remove(i);
            }
        });
    }

    private void choose(LifecycleManager manager, Map<Integer, AgentImport> sound) {
        try (var rehearsal = new Rehearsal(source)) {
            sound.forEach((i, agent) -> {
                Optional<Agent> found = manager.find(id(agent));
                if (found.isEmpty()) {
                    try {
                        candidates.add(new Candidate(id(agent), agent, rehearsal.bytes(agent)));
                    } catch (PolicyViolationException e) {
                        rejected.add(new Finding("/" + i, String.valueOf(e.getMessage())));
                    }
                } else if (found.get().activity().createdAt().equals(agent.createdAt())) {
                    present.add(id(agent));
                } else {
                    rejected.add(new Finding("/" + i + "/agent_id", "the id is taken by another agent"));
                }
            });
        }
    }

    /** Puts findings in the order of the file, and forgets what was said about agents that stay out. */
    private void settle() {
        rejected.sort(Comparator.comparingInt(finding -> position(finding.pointer())));
        Map<Integer, Boolean> out = new TreeMap<>();
        rejected.forEach(finding -> out.put(position(finding.pointer()), true));
        mapped.removeIf(finding -> out.containsKey(position(finding.pointer())));
    }

    private static int position(String pointer) {
        int end = pointer.indexOf('/', 1);
        return Integer.parseInt(pointer.substring(1, end < 0 ? pointer.length() : end));
    }

    AgentMeshReport report() {
        return new AgentMeshReport(
                source, candidates.stream().map(Candidate::id).toList(), present, rejected, mapped);
    }

    AgentMeshReport into(LifecycleManager manager, Actor actor, FleetFiles.OnRejected onRejected) {
        if (!readable || !rejected.isEmpty() && onRejected == FleetFiles.OnRejected.REFUSE) {
            throw refusal();
        }
        List<AgentImport> part = new ArrayList<>();
        long bytes = 0;
        for (Candidate candidate : candidates) {
            if (part.size() == MOST_IN_PART || bytes + candidate.bytes() > MOST_BYTES_IN_PART) {
                take(manager, part, actor);
                part.clear();
                bytes = 0;
            }
            part.add(candidate.agent());
            bytes += candidate.bytes();
        }
        take(manager, part, actor);
        return report();
    }

    /** In halves, if the store takes fewer in one commit. */
    private void take(LifecycleManager manager, List<AgentImport> part, Actor actor) {
        try {
            manager.importAgents(part, source, actor);
        } catch (PolicyViolationException e) {
            if (!e.rule().equals("import-size") || part.size() < 2) {
                throw e;
            }
            take(manager, part.subList(0, part.size() / 2), actor);
            take(manager, part.subList(part.size() / 2, part.size()), actor);
        }
    }

    private PolicyViolationException refusal() {
        List<String> first =
                rejected.stream().limit(MOST_TOLD).map(Finding::toString).toList();
        String more = rejected.size() > MOST_TOLD ? ", and " + (rejected.size() - MOST_TOLD) + " more" : "";
        return new PolicyViolationException(
                "import-rejected",
                "nothing was imported from the %s, because of %d findings: %s%s; checkAgentMesh(..) lists them all"
                        .formatted(source, rejected.size(), String.join("; ", first), more));
    }

    private static AgentId id(AgentImport agent) {
        return agent.request().id().orElseThrow();
    }

    /** Takes agents in where it does no harm. It begins anew from time to time, so that it does not grow. */
    private static final class Rehearsal implements AutoCloseable {
        private static final int MOST = 1_000;

        private final String source;
        private Optional<LifecycleManager> manager = Optional.empty();
        private LifecycleStore store = LifecycleStore.inMemory();
        private int taken;

        Rehearsal(String source) {
            this.source = source;
        }

        /**
         * How many bytes of a commit the agent needs, or a few more.
         *
         * @throws PolicyViolationException if core would not take it
         */
        long bytes(AgentImport agent) {
            stage().importAgents(List.of(agent), source, Actor.system("r".repeat(256)));
            var key = new AgentKey(LONGEST_TENANT, id(agent));
            StoredEvent event = store.trail(StreamPosition.streamOf(key), 0, 1).get(0);
            String body = store.get(RecordKey.agent(key)).orElseThrow().body();
            return utf8(event.canonical()) + utf8(body) + indexed(agent) + AROUND_A_RECORD;
        }

        /** The index repeats the tags. */
        private static long indexed(AgentImport agent) {
            return agent.request().profile().tags().entrySet().stream()
                    .mapToLong(tag -> utf8(tag.getKey()) + 2 * utf8(tag.getValue()) + 16)
                    .sum();
        }

        private static long utf8(String text) {
            return text.getBytes(UTF_8).length;
        }

        private LifecycleManager stage() {
            if (manager.isEmpty() || taken++ == MOST) {
                close();
                taken = 1;
                store = LifecycleStore.inMemory();
                manager = Optional.of(LifecycleManager.builder()
                        .store(store)
                        .clock(LONGEST_TIME)
                        .logOrigin(LONGEST_ORIGIN)
                        .build());
            }
            return manager.get().forTenant(LONGEST_TENANT);
        }

        @Override
        public void close() {
            manager.ifPresent(LifecycleManager::close);
            store.close();
        }
    }
}
