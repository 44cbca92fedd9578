package io.agentlifecycle.examples;

import io.agentlifecycle.core.CredentialRotator;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.OrphanDetector;
import io.agentlifecycle.core.OrphanFinding;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FleetSummary;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.storage.json.AgentMeshReport;
import io.agentlifecycle.storage.json.FleetFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Moves a fleet of 500 agents in from AgentMesh, and finds out who is still there. Many agents of a fleet that was looked
 * after badly turn out to be silent at once, which looks like a network in the dark: the sweep holds those orphans back
 * until the host insists.
 *
 * <p>Time is simulated, and everything is in a folder that goes away at the end.
 */
public final class FleetImport {
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final int SIZE = 500;
    private static final int SHOWN = 5;

    /** How the agents of the fleet live on after the import. */
    private enum Habit {
        /** Sends heartbeats. */
        ALIVE,
        /** Sends one heartbeat, and then never again. */
        SILENT,
        /** Was forgotten when the fleet moved. */
        NEVER_HEARD,
        /** Is not to be heard from. */
        RESTS
    }

    private final MutableClock clock;
    private final LifecycleManager manager;

    private FleetImport(MutableClock clock, LifecycleManager manager) {
        this.clock = clock;
        this.manager = manager;
    }

    /** Takes no arguments. */
    public static void main(String[] args) throws IOException {
        var clock = MutableClock.at("2026-04-11T04:30:00Z");
        try (var folder = new TemporaryFolder("fleet")) {
            Path file = Files.writeString(folder.path().resolve("lifecycle.json"), fleet(clock.instant()));
            try (LifecycleManager manager = LifecycleManager.builder()
                    .storage(folder.path().resolve("store"))
                    .policy(LifecyclePolicy.builder()
                            .credentialPolicy(CredentialPolicy.DEFAULT.withMaxCredentialTtl(Duration.ofDays(7)))
                            .build())
                    .clock(clock)
                    .build()) {
                new FleetImport(clock, manager).run(file);
            }
        }
    }

    private void run(Path file) {
        List<AgentId> imported = take(file);
        say("");
        say("A day later");
        live(imported);
        SweepReport held = sweep();
        findings();
        insist(held);
        FleetSummary fleet = manager.summary();
        say("Fleet: %d agents %s".formatted(fleet.total(), fleet.byState()));
        say("Log verified: " + manager.verify());
    }

    private List<AgentId> take(Path file) {
        say("Import of " + SIZE + " agents");
        try {
            FleetFiles.importAgentMesh(manager, file, ADMIN);
        } catch (PolicyViolationException e) {
            say("All or nothing: refused");
        }
        // A person looks at these, and mends the file or does without them.
        AgentMeshReport report = FleetFiles.importAgentMesh(manager, file, ADMIN, FleetFiles.OnRejected.LEAVE_BEHIND);
        report.rejected().forEach(finding -> say("  left behind, " + finding));
        say("Imported: %d agents; %d values mean something else here, such as"
                .formatted(report.imported().size(), report.mapped().size()));
        report.mapped().stream().limit(1).forEach(finding -> say("  " + finding));
        say("From: " + report.source());

        // Credentials did not come along. Each result has a token, which the host hands to its agent.
        say("New credentials: "
                + new CredentialRotator(manager).checkAndRotate().size());
        return report.imported();
    }

    private void live(List<AgentId> imported) {
        for (AgentId agent : imported) {
            Habit habit = habit(agent);
            if (habit == Habit.ALIVE || habit == Habit.SILENT) {
                manager.heartbeat(agent);
            }
        }
        clock.advance(Duration.ofHours(24));
        imported.stream().filter(agent -> habit(agent) == Habit.ALIVE).forEach(manager::heartbeat);
    }

    private SweepReport sweep() {
        SweepReport report = manager.sweeper().sweep();
        say("The sweep looked at %d agents: %s"
                .formatted(report.examined(), counted(report.outcomes(), o -> o.action() + " " + o.result())));
        say("Too many at once, so it made no orphans of tenant " + report.massSilence());
        return report;
    }

    private void findings() {
        List<OrphanFinding> findings = new OrphanDetector(manager).detect();
        say("Found %d agents that nobody looks after: %s"
                .formatted(
                        findings.size(),
                        counted(findings, finding -> finding.reasons().toString())));
        findings.stream()
                .limit(SHOWN)
                .forEach(finding -> say("  %s: %s".formatted(finding.agent().id(), finding.reason())));
    }

    /** The host knows that its network is well, so these agents are really gone. */
    private void insist(SweepReport held) {
        SweepReport report = manager.sweeper().apply(held.heldBack());
        say("Insisted: " + counted(report.outcomes(), o -> o.action() + " " + o.result()));
    }

    private static <T> Map<String, Long> counted(List<T> items, Function<T, String> name) {
        return items.stream().collect(Collectors.groupingBy(name, TreeMap::new, Collectors.counting()));
    }

    // ---- the fleet

    /** A file as AgentMesh writes it. */
    static String fleet(Instant now) {
        List<String> agents = new ArrayList<>();
        for (int i = 0; i < SIZE; i++) {
            agents.add(agent(i, now.minus(Duration.ofDays(1 + i % 90)), now));
        }
        return "[\n" + String.join(",\n", agents) + "\n]";
    }

    private static String agent(int i, Instant created, Instant now) {
        boolean heard = habit(i) != Habit.NEVER_HEARD;
        String lastHeard = heard ? '"' + now.minusSeconds(60L + i).toString() + '"' : "null";
        return """
                  {
                    "agent_id": "%s",
                    "name": "Worker %d",
                    "owner": "%s",
                    "purpose": "Part %d of the platform",
                    "agent_type": "%s",
                    "state": "%s",
                    "credential_id": null,
                    "credential_issued_at": null,
                    "credential_expires_at": null,
                    "last_heartbeat": %s,
                    "heartbeat_count": %d,
                    "created_at": "%s",
                    "updated_at": "%s",
                    "decommissioned_at": null,
                    "tags": {
                      "team": "team-%d"
                    },
                    "events": []
                  }""".formatted(
                        id(i),
                        i,
                        i % 25 == 3 ? "" : "owner" + i % 40 + "@company.com",
                        i % 9,
                        i % 3 == 0 ? "langchain" : "autonomous",
                        state(i),
                        lastHeard,
                        heard ? 12 : 0,
                        created,
                        now,
                        i % 7);
    }

    private static String id(int i) {
        // one agent has no id that could stand in a trail
        return i == 77 ? "did:web:company.com/77" : "agent:%012x".formatted(i);
    }

    private static String state(int i) {
        // AgentMesh was killed while it retired these
        if (i == 78 || i == 79) {
            return "decommissioning";
        }
        return switch (i % 50) {
            case 0, 1, 2, 3 -> AgentState.DECOMMISSIONED.wire();
            case 4, 5, 6 -> AgentState.SUSPENDED.wire();
            case 7 -> AgentState.PROVISIONED.wire();
            case 8 -> AgentState.PENDING_APPROVAL.wire();
            case 9 -> AgentState.ORPHANED.wire();
            case 10 -> "rotating_credentials";
            default -> AgentState.ACTIVE.wire();
        };
    }

    private static Habit habit(AgentId agent) {
        return habit(Integer.parseInt(agent.value().substring("agent:".length()), 16));
    }

    private static Habit habit(int i) {
        int kind = i % 50;
        if (kind < 10) {
            return Habit.RESTS;
        }
        return kind < 34 ? Habit.ALIVE : kind < 46 ? Habit.SILENT : Habit.NEVER_HEARD;
    }

    private static void say(String line) {
        System.out.println(line);
    }
}
