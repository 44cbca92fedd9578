package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.testing.MutableClock;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Threads that drive a fleet on a JSON store through all that can happen to it. */
class FleetLoadTest {
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final Actor ALICE = Actor.human("alice@company.com");

    /** Segments end and snapshots are made many times in a run. */
    private static final Limits LIMITS = new Limits(4 << 20, 200_000, 1_000_000, 1_000, 5);

    private static final LifecyclePolicy POLICY = LifecyclePolicy.builder()
            .allowSelfApproval(false)
            .heartbeatInterval(Duration.ofMinutes(5))
            .missedHeartbeats(2)
            .orphanThreshold(Duration.ofHours(1))
            .credentialPolicy(CredentialPolicy.DEFAULT.withRotationOverlap(Duration.ofMinutes(10)))
            .build();

    /** What a thread did, and how often it was let. */
    private enum Verb {
        PROVISION,
        APPROVE,
        ACTIVATE,
        SUSPEND,
        RESUME,
        ROTATE,
        CHANGE_OWNER,
        MARK_ORPHANED,
        RECLAIM,
        DECOMMISSION,
        HEARTBEAT,
        SWEEP,
        LOOK
    }

    private static final List<Verb> MIX = List.of(
            Verb.PROVISION,
            Verb.PROVISION,
            Verb.APPROVE,
            Verb.APPROVE,
            Verb.ACTIVATE,
            Verb.ACTIVATE,
            Verb.SUSPEND,
            Verb.RESUME,
            Verb.RESUME,
            Verb.ROTATE,
            Verb.CHANGE_OWNER,
            Verb.MARK_ORPHANED,
            Verb.RECLAIM,
            Verb.RECLAIM,
            Verb.HEARTBEAT,
            Verb.HEARTBEAT,
            Verb.HEARTBEAT,
            Verb.HEARTBEAT,
            Verb.LOOK);

    /** Keeps what it heard, and sees at once if it does not hear it in order. */
    private static final class Witness {
        private final List<Long> seqs = new ArrayList<>();
        private final List<StoredEvent> events = new ArrayList<>();
        private final Map<RecordKey, Long> versions = new HashMap<>();
        private final List<String> wrong = new ArrayList<>();

        /** Called by one thread at a time; a listener may not throw. */
        void hear(long seq, Commit commit) {
            if (!seqs.isEmpty() && seqs.get(seqs.size() - 1) >= seq) {
                wrong.add("commit %d after %d".formatted(seq, seqs.get(seqs.size() - 1)));
            }
            seqs.add(seq);
            events.addAll(commit.events());
            for (Mutation mutation : commit.mutations()) {
                long before = versions.getOrDefault(mutation.key(), 0L);
                long after = mutation instanceof Mutation.Put put ? put.next().version() : 0;
                if (after != 0 && after != before + 1) {
                    wrong.add("%s went from version %d to %d".formatted(mutation.key(), before, after));
                }
                versions.put(mutation.key(), after);
            }
        }
    }

    /** How much of it, and how long it may take: that is only there to end what would never end. */
    private record Load(int threads, int agents, int steps, int minutes) {}

    private static void drive(StorageIo io, Path directory, Load load) throws Exception {
        var clock = MutableClock.at(START);
        var witness = new Witness();
        Sample.Content before;
        try (JsonStore store = JsonStore.open(directory, io, LIMITS)) {
            store.subscribe(witness::hear);
            try (LifecycleManager manager = manager(store, clock)) {
                Map<Verb, Integer> done = together(manager, clock, load);
                assertThat(done).as("what was let through, at least once each").containsOnlyKeys(Verb.values());
                assertSound(manager);
            }
            before = Sample.content(store); // closing writes what was refused
            assertThat(witness.wrong).isEmpty();
            assertThat(witness.events).isEqualTo(before.events());
            before.records()
                    .forEach(record -> assertThat(witness.versions).containsEntry(record.key(), record.version()));
        }
        try (JsonStore again = JsonStore.open(directory, io, LIMITS);
                LifecycleManager manager = manager(again, clock)) {
            assertSound(manager);
            assertThat(Sample.content(again)).isEqualTo(before);
        }
    }

    private static LifecycleManager manager(JsonStore store, MutableClock clock) {
        return LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .policy(POLICY)
                .build();
    }

    /** The events tell what is stored, and nobody has two credentials. */
    private static void assertSound(LifecycleManager manager) {
        List<Agent> agents = manager.query(AgentQuery.all().includingRetired());
        assertThat(manager.verify().agents()).isEqualTo(agents.size());
        agents.forEach(FleetLoadTest::assertOneCredential);
        assertThat(manager.summary().total()).isEqualTo(agents.size());
    }

    private static void assertOneCredential(Agent agent) {
        List<CredentialStatus> statuses = Stream.of(
                        agent.credentials().current(), agent.credentials().retiring())
                .flatMap(Optional::stream)
                .map(Credential::recorded)
                .filter(CredentialStatus.ACTIVE::equals)
                .toList();
        assertThat(statuses).as("active credentials of %s", agent.id()).hasSizeLessThanOrEqualTo(1);
    }

    private static Map<Verb, Integer> together(LifecycleManager manager, MutableClock clock, Load load)
            throws Exception {
        var crowd = new Crowd();
        List<FutureTask<Map<Verb, Integer>>> threads = new ArrayList<>();
        for (int i = 0; i < load.threads(); i++) {
            int number = i;
            threads.add(crowd.start(() -> run(manager, clock, load, number)));
        }
        Map<Verb, Integer> done = new EnumMap<>(Verb.class);
        for (FutureTask<Map<Verb, Integer>> thread : threads) {
            try {
                thread.get(load.minutes(), TimeUnit.MINUTES)
                        .forEach((verb, times) -> done.merge(verb, times, Integer::sum));
            } catch (TimeoutException e) {
                long[] dead = ManagementFactory.getThreadMXBean().findDeadlockedThreads();
                throw new AssertionError(
                        "a thread did not come back; deadlocked: " + (dead == null ? 0 : dead.length), e);
            }
        }
        return done;
    }

    private static Map<Verb, Integer> run(LifecycleManager manager, MutableClock clock, Load load, int number) {
        var random = new Random(number);
        Map<Verb, Integer> done = new EnumMap<>(Verb.class);
        Map<AgentId, Long> seen = new HashMap<>();
        for (int i = 0; i < load.steps(); i++) {
            AgentId agent = AgentId.of("agent:" + random.nextInt(load.agents()));
            Verb verb = MIX.get(random.nextInt(MIX.size()));
            if (i % 60 == 59) {
                verb = number % 2 == 0 ? Verb.SWEEP : verb;
                clock.advance(Duration.ofMinutes(1));
            } else if (random.nextInt(200) == 0) {
                verb = Verb.DECOMMISSION;
            }
            try {
                step(manager, agent, verb, number + "-" + i, seen);
                done.merge(verb, 1, Integer::sum);
            } catch (RefusedException e) {
                // someone else was first, or it is not its turn: nothing was stored
            } catch (ContentionException e) {
                // many others were first
            }
        }
        return done;
    }

    private static void step(
            LifecycleManager manager, AgentId agent, Verb verb, String unique, Map<AgentId, Long> seen) {
        switch (verb) {
            case PROVISION ->
                manager.requestProvisioning(ProvisioningRequest.builder("Agent " + agent)
                        .id(agent)
                        .owner("bob@company.com")
                        .requestedBy(ALICE)
                        .build());
            case APPROVE -> manager.approve(agent, ADMIN);
            case ACTIVATE -> manager.activate(agent);
            case SUSPEND -> manager.suspend(agent, "", ADMIN);
            case RESUME -> manager.resume(agent, ADMIN);
            case ROTATE -> manager.rotateCredentials(agent, ADMIN);
            case CHANGE_OWNER -> manager.changeOwner(agent, "owner-" + unique, ADMIN);
            case MARK_ORPHANED -> manager.markOrphaned(agent, ADMIN);
            case RECLAIM -> manager.reclaim(agent, "owner-" + unique, ADMIN);
            case DECOMMISSION -> manager.decommission(agent, "its time is over", ADMIN);
            case HEARTBEAT -> manager.heartbeat(agent);
            case SWEEP -> manager.sweeper().sweep();
            case LOOK -> {
                Agent found = manager.get(agent);
                assertOneCredential(found);
                assertThat(found.version())
                        .as("the version of %s, seen by one thread", agent)
                        .isGreaterThanOrEqualTo(seen.getOrDefault(agent, 0L));
                seen.put(agent, found.version());
                if (found.state() != AgentState.DECOMMISSIONED) {
                    assertThat(manager.auditTrail(agent, 0, 1)).hasSize(1);
                }
            }
        }
    }

    @Test
    void eight_threads_on_fifty_agents_leave_a_sound_fleet() throws Exception {
        drive(new MemoryIo(), Sample.DIRECTORY, new Load(8, 50, 2_000, 3));
    }

    @Test
    void eight_threads_on_fifty_agents_leave_a_sound_fleet_on_the_disk(@TempDir Path temporary) throws Exception {
        drive(new FileIo(), temporary.resolve("store"), new Load(8, 50, 500, 3));
    }

    @Test
    @Tag("deep")
    void thirty_two_threads_on_a_thousand_agents_leave_a_sound_fleet() throws Exception {
        drive(new MemoryIo(), Sample.DIRECTORY, new Load(32, 1_000, 30_000, 30));
    }

    @Test
    @Tag("deep")
    void thirty_two_threads_on_a_thousand_agents_leave_a_sound_fleet_on_the_disk(@TempDir Path temporary)
            throws Exception {
        drive(new FileIo(), temporary.resolve("store"), new Load(32, 1_000, 5_000, 30));
    }
}
