package io.agentlifecycle.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.core.testing.RecordingListener;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.RandomDistribution;
import net.jqwik.api.Tag;
import net.jqwik.api.Tuple;
import net.jqwik.api.statistics.Statistics;
import org.jspecify.annotations.Nullable;

/**
 * Random lives of three agents, on two hosts with one store and one key, while the sealer and the store fail. What may
 * happen then is written down here anew, by hand, from what the log promises.
 */
@Tag("once")
class SealerModelTest {
    private static final int AGENTS = 3;
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final HoldReason UNPAID = HoldReason.of("unpaid");

    /** What takes power away, or only notes something. Whatever else is in a signed log is signed. */
    static final Set<String> MAY_WAIT = Set.of(
            "approval.expiring",
            "agent.rejected",
            "agent.withdrawn",
            "agent.request_expired",
            "agent.suspended",
            "agent.orphaned",
            "incident.reported",
            "agent.quarantined",
            "agent.recovery_started",
            "agent.recovery_failed",
            "agent.blocked",
            "agent.decommission_started",
            "agent.decommissioned",
            "hold.placed",
            "legal_hold.placed",
            "credential.revoked",
            "credential.delivered",
            "credential.rotation_failed",
            "api_key.revoked",
            "credential.aging",
            "credential.expired",
            "heartbeat.first",
            "heartbeat.missed",
            "heartbeat.resumed",
            "teardown.task_done",
            "teardown.task_failed",
            "access.refused",
            "action.stuck",
            "policy.changed",
            "clock.regression",
            "log.recovered",
            "log.upgraded",
            "log.repaired",
            "kill.engaged");

    /** Where an agent may be after a step in which nothing could be signed. */
    private static final Map<AgentState, Set<AgentState>> NO_FURTHER = Map.of(
            AgentState.PENDING_APPROVAL, Set.of(AgentState.DECOMMISSIONED),
            AgentState.PROVISIONED, Set.of(AgentState.DECOMMISSIONING, AgentState.DECOMMISSIONED),
            AgentState.ACTIVE,
                    Set.of(
                            AgentState.QUARANTINED,
                            AgentState.SUSPENDED,
                            AgentState.ORPHANED,
                            AgentState.DECOMMISSIONING,
                            AgentState.DECOMMISSIONED),
            AgentState.QUARANTINED, Set.of(AgentState.SUSPENDED, AgentState.DECOMMISSIONING, AgentState.DECOMMISSIONED),
            AgentState.SUSPENDED, Set.of(AgentState.DECOMMISSIONING, AgentState.DECOMMISSIONED),
            AgentState.ORPHANED, Set.of(AgentState.DECOMMISSIONING, AgentState.DECOMMISSIONED),
            AgentState.DECOMMISSIONING, Set.of(AgentState.DECOMMISSIONED),
            AgentState.DECOMMISSIONED, Set.of());

    private enum Verb {
        REQUEST(true),
        IMPORT(true),
        APPROVE(true),
        REJECT(false),
        WITHDRAW(false),
        ACTIVATE(true),
        HEARTBEAT(false),
        ROTATE(true),
        REVOKE(false),
        CHANGE_OWNER(true),
        SUSPEND(false),
        QUARANTINE(false),
        REPORT(false),
        RELEASE(true),
        RECOVER(true),
        RESUME(true),
        PLACE_HOLD(false),
        RELEASE_HOLD(true),
        MARK_ORPHANED(false),
        RECLAIM(true),
        DECOMMISSION(false),
        CHECK_AND_ROTATE(false),
        SWEEP(false),
        JUMP(false),
        FALL(false),
        REOPEN(false),
        SIGN_FROM_HERE(true),
        TASKS_FAIL(false),
        SEALER_FAILS(false),
        SEALER_FAILS_ONCE(false),
        SEALER_HEALS(false),
        STORE_FAILS(false);

        /** Whether it may be refused because the sealer fails. */
        private final boolean grants;

        Verb(boolean grants) {
            this.grants = grants;
        }
    }

    /** How the store fails for one step. */
    private enum Fault {
        THROWS,
        LOSES_A_RACE,
        LOSES_ALL_RACES,
        IS_BUSY,
        STORED_AND_FORGOT,
        STORED_AND_CANNOT_SAY,
        LOST
    }

    /** What must be seen to happen, or the search has not searched. */
    private enum Seen {
        GRANT_REFUSED,
        GRANT_REFUSED_HALF_SIGNED,
        TAKEN_UNSIGNED,
        TAKEN_HALF_SIGNED,
        RULES_SAID_NO,
        STORE_FAILED_TOO,
        DENIED_HERE,
        LOG_WAITS,
        RETIRED_WAITS,
        ENDORSED_BY_SWEEP,
        ENDORSED_BY_COMMAND,
        LOG_ENDORSED,
        RETIRED_ENDORSED,
        INTRODUCED,
        INTRODUCTION_REFUSED,
        OPENED_WHILE_FAILING,
        WAITED_AT_THE_END
    }

    /** One step: what, on which host, for which agent, and a number that picks among its forms. */
    private record Step(Verb verb, int host, int agent, int form) {}

    @Provide
    Arbitrary<List<Step>> lives() {
        Arbitrary<Verb> verbs = Arbitraries.frequency(
                Tuple.of(3, Verb.REQUEST),
                Tuple.of(2, Verb.IMPORT),
                Tuple.of(4, Verb.APPROVE),
                Tuple.of(1, Verb.REJECT),
                Tuple.of(1, Verb.WITHDRAW),
                Tuple.of(5, Verb.ACTIVATE),
                Tuple.of(5, Verb.HEARTBEAT),
                Tuple.of(3, Verb.ROTATE),
                Tuple.of(3, Verb.REVOKE),
                Tuple.of(2, Verb.CHANGE_OWNER),
                Tuple.of(4, Verb.SUSPEND),
                Tuple.of(3, Verb.QUARANTINE),
                Tuple.of(2, Verb.REPORT),
                Tuple.of(3, Verb.RELEASE),
                Tuple.of(2, Verb.RECOVER),
                Tuple.of(4, Verb.RESUME),
                Tuple.of(3, Verb.PLACE_HOLD),
                Tuple.of(3, Verb.RELEASE_HOLD),
                Tuple.of(2, Verb.MARK_ORPHANED),
                Tuple.of(3, Verb.RECLAIM),
                Tuple.of(2, Verb.DECOMMISSION),
                Tuple.of(3, Verb.CHECK_AND_ROTATE),
                Tuple.of(6, Verb.SWEEP),
                Tuple.of(5, Verb.JUMP),
                Tuple.of(1, Verb.FALL),
                Tuple.of(2, Verb.REOPEN),
                Tuple.of(2, Verb.SIGN_FROM_HERE),
                Tuple.of(1, Verb.TASKS_FAIL),
                Tuple.of(5, Verb.SEALER_FAILS),
                Tuple.of(20, Verb.SEALER_FAILS_ONCE),
                Tuple.of(6, Verb.SEALER_HEALS),
                Tuple.of(9, Verb.STORE_FAILS));
        return Combinators.combine(
                        verbs,
                        Arbitraries.integers().between(0, 1),
                        Arbitraries.integers().between(0, AGENTS - 1),
                        Arbitraries.integers().between(0, 11))
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(80)
                .withSizeDistribution(RandomDistribution.uniform());
    }

    @Property(tries = 250, edgeCases = EdgeCasesMode.NONE)
    void while_nothing_can_be_signed_nobody_gains_and_nothing_is_lost(
            @ForAll("lives") List<Step> steps, @ForAll boolean bornSigned) {
        var world = new World(bornSigned);
        for (int i = 0; i < steps.size(); i++) {
            world.take(steps.get(i));
            if (i % 8 == 7) {
                world.verified(steps.get(i));
            }
        }
        world.end();
        world.seen.forEach(Statistics.label("seen")::collect);
        Statistics.label("seen").coverage(all -> {
            for (Seen seen : Seen.values()) {
                all.check(seen).count(lives -> lives > 0);
            }
        });
    }

    /** Signs with a hash, which is quick; fails at those calls since the step began that it is told to fail at. */
    private static final class HashSealer implements AuditSealer {
        private static final PublicJwk KEY = PublicJwk.of(new byte[32]);

        private IntPredicate fails = call -> false;
        private int calls;
        private int failures;

        @Override
        public PublicJwk publicKey() {
            return KEY;
        }

        @Override
        public byte[] sign(String payloadType, String payload) {
            if (fails.test(calls++)) {
                failures++;
                throw new IllegalStateException("the key server is down");
            }
            return hash(KEY, payloadType, payload);
        }

        @Override
        public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
            return MessageDigest.isEqual(hash(key, payloadType, payload), signature);
        }

        private static byte[] hash(PublicJwk key, String payloadType, String payload) {
            try {
                return MessageDigest.getInstance("SHA-512")
                        .digest((key.x() + " " + payloadType + " " + payload).getBytes(UTF_8));
            } catch (NoSuchAlgorithmException e) {
                throw new AssertionError(e);
            }
        }
    }

    /** What an agent is and may do, as far as it can be seen; what is seen of it on a host stands at the host's place. */
    private record Power(
            AgentState state,
            Optional<Owner> owner,
            Set<String> capabilities,
            Set<String> holds,
            long generation,
            List<Boolean> denied,
            List<Boolean> admitted,
            List<Set<String>> goodTokens) {}

    /** All that can be seen. */
    private record View(Map<AgentId, Power> agents, List<Agent> records, int events) {}

    /** Two hosts, a store, a sealer and a clock. */
    private static final class World {
        private final LifecycleStore inner = LifecycleStore.inMemory();
        private final FaultStore store = new FaultStore(inner);
        private final HashSealer sealer = new HashSealer();
        private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
        private final Random random = new Random(11);
        private final RecordingListener heard = new RecordingListener();
        private final LifecycleManager[] hosts = new LifecycleManager[2];
        private final Map<AgentId, List<Token>> tokens = new HashMap<>();
        private final List<StoredEvent> before = new ArrayList<>();
        private final Set<String> stored = new HashSet<>();
        private int told;
        private @Nullable View last;
        private boolean signed;
        private boolean down;
        private int failAt = -1;
        private boolean tasksWork = true;
        private int policyVersion = 1;
        private @Nullable Fault fault;
        final Set<Seen> seen = EnumSet.noneOf(Seen.class);

        World(boolean bornSigned) {
            signed = bornSigned;
            hosts[0] = open(false);
            hosts[1] = open(false);
            for (int agent = 0; agent < AGENTS - 1; agent++) {
                hosts[0].requestProvisioning(request(id(agent)));
                hosts[0].approve(id(agent), ADMIN);
                is(hosts[0].activate(id(agent)));
            }
            look("at the start", new Step(Verb.ACTIVATE, 0, 0, 0), false);
        }

        private LifecycleManager open(boolean introduce) {
            var builder = LifecycleManager.builder()
                    .store(store)
                    .clock(clock)
                    .random(random)
                    .listener(heard)
                    .teardownTask(new FlakyTask("dns", () -> tasksWork))
                    .policy(LifecyclePolicy.builder()
                            .version(policyVersion)
                            .approvalTimeout(Duration.ofDays(1))
                            .heartbeatInterval(Duration.ofMinutes(30))
                            .missedHeartbeats(2)
                            .orphanThreshold(Duration.ofHours(3))
                            .maxInactive(Duration.ofDays(2))
                            .inactivityAction(LifecyclePolicy.InactivityAction.SUSPEND)
                            .credentialPolicy(
                                    new CredentialPolicy(Duration.ofHours(4), Duration.ofMinutes(10), true, true))
                            .build());
            if (signed || introduce) {
                builder.sealer(sealer);
            }
            return (introduce ? builder.signFromHere() : builder).build();
        }

        private static AgentId id(int agent) {
            return AgentId.of("a" + agent);
        }

        void take(Step step) {
            if (step.verb() == Verb.JUMP || step.verb() == Verb.FALL) {
                last = null;
            }
            switch (step.verb()) {
                case SEALER_FAILS -> down = true;
                case SEALER_FAILS_ONCE -> failAt = step.form() % 3;
                case SEALER_HEALS -> down = false;
                case STORE_FAILS -> fault = Fault.values()[step.form() % Fault.values().length];
                case TASKS_FAIL -> tasksWork = !tasksWork;
                case JUMP ->
                    clock.advance(List.of(
                                    Duration.ofNanos(1),
                                    Duration.ofMinutes(5),
                                    Duration.ofMinutes(61),
                                    Duration.ofMinutes(61),
                                    Duration.ofHours(3),
                                    Duration.ofDays(1))
                            .get(step.form() % 6));
                case FALL -> clock.advance(Duration.ofMinutes(-step.form()));
                default -> command(step);
            }
        }

        private void command(Step step) {
            boolean failing = signed && down;
            int fails = failAt;
            sealer.fails = call -> down || call == fails;
            sealer.calls = 0;
            sealer.failures = 0;
            Optional<Fault> failed = Optional.ofNullable(fault);
            failed.ifPresent(this::breakStore);
            failAt = -1;
            fault = null;

            View seenBefore = last == null ? view() : last;
            Optional<RuntimeException> thrown = outcome(() -> run(step));
            store.heal();
            boolean missed = sealer.failures > 0;
            boolean someSigned = sealer.failures < sealer.calls;
            sealer.fails = call -> false;
            if (step.verb() == Verb.REOPEN || step.verb() == Verb.SIGN_FROM_HERE) {
                reopenWhatIsClosed();
            }
            View seenAfter = view();
            last = seenAfter;

            String what = step + " with " + failed + ", sealer " + (failing ? "down" : "failing at " + fails);
            judge(step, what, thrown, missed, failed.isPresent());
            thrown.ifPresent(e -> noteRefusal(e, missed, someSigned));
            // that a recovery was tried is written down before it is
            if (step.verb() != Verb.RECOVER
                    && thrown.filter(e -> e instanceof AuditUnavailableException || e instanceof RefusedException)
                            .isPresent()) {
                boolean opens = step.verb() == Verb.REOPEN || step.verb() == Verb.SIGN_FROM_HERE;
                assertThat(opens ? seenAfter.records() : seenAfter)
                        .as(what)
                        .isEqualTo(opens ? seenBefore.records() : seenBefore);
            }
            // whoever reopens forgets denials; a check of the whole fleet is many commands, and a recovery two
            boolean single =
                    step.verb() != Verb.CHECK_AND_ROTATE && step.verb() != Verb.REOPEN && step.verb() != Verb.RECOVER;
            if (signed && step.verb() != Verb.SIGN_FROM_HERE && (failing || (missed && single))) {
                noGain(what, seenBefore, seenAfter, step.verb() == Verb.REOPEN);
            }
            look(what, step, missed && someSigned);
        }

        private static void judge(
                Step step, String what, Optional<RuntimeException> thrown, boolean missed, boolean storeFailed) {
            thrown.ifPresent(e -> {
                assertThat(e)
                        .as(what)
                        .isInstanceOfAny(
                                AuditUnavailableException.class,
                                RefusedException.class,
                                StoreException.class,
                                ContentionException.class);
                if (e instanceof AuditUnavailableException) {
                    assertThat(missed).as(what).isTrue();
                    assertThat(step.verb().grants).as(what).isTrue();
                }
                if (e instanceof StoreException || e instanceof ContentionException) {
                    assertThat(storeFailed).as(what).isTrue();
                }
            });
        }

        private void noteRefusal(RuntimeException e, boolean missed, boolean someSigned) {
            if (e instanceof AuditUnavailableException) {
                seen.add(someSigned ? Seen.GRANT_REFUSED_HALF_SIGNED : Seen.GRANT_REFUSED);
            } else if (e instanceof RefusedException && down) {
                seen.add(Seen.RULES_SAID_NO);
            } else if (missed) {
                seen.add(Seen.STORE_FAILED_TOO);
            }
        }

        private void breakStore(Fault wanted) {
            int[] losses = {0};
            store.commits = (commit, to) -> switch (wanted) {
                case THROWS -> throw new StoreException("the disk is gone", null);
                case LOSES_A_RACE -> losses[0]++ == 0 ? new CommitResult.Conflict(Map.of()) : to.commit(commit);
                case LOSES_ALL_RACES -> new CommitResult.Conflict(Map.of());
                case IS_BUSY -> new CommitResult.Rejected(CommitResult.Reason.BUSY, "too much to do");
                case STORED_AND_FORGOT, STORED_AND_CANNOT_SAY -> {
                    to.commit(commit);
                    yield new CommitResult.Unknown("the answer was lost");
                }
                case LOST -> new CommitResult.Unknown("the request was lost");
            };
            store.breakAt(call -> call == FaultStore.Call.FIND_COMMIT && wanted == Fault.STORED_AND_CANNOT_SAY);
        }

        private static Optional<RuntimeException> outcome(Runnable call) {
            try {
                call.run();
                return Optional.empty();
            } catch (RuntimeException e) {
                return Optional.of(e);
            }
        }

        private void run(Step step) {
            LifecycleManager host = hosts[step.host()];
            AgentId id = id(step.agent());
            String owner = "owner" + step.form() % 3 + "@company.com";
            HoldReason hold = step.form() % 2 == 0 ? HoldReason.OPERATOR : UNPAID;
            switch (step.verb()) {
                case REQUEST -> is(host.requestProvisioning(request(id)));
                case IMPORT ->
                    host.importAgents(
                            List.of(
                                    imported(id, AgentState.values()[step.form() % 8]),
                                    imported(AgentId.of(id + "-twin"), AgentState.ACTIVE)),
                            "elsewhere",
                            ADMIN);
                case APPROVE -> is(host.approve(id, ADMIN));
                case REJECT -> is(host.reject(id, "", ADMIN));
                case WITHDRAW -> is(host.withdraw(id, "", ALICE));
                case ACTIVATE -> is(host.activate(id));
                case HEARTBEAT -> host.heartbeat(id);
                case ROTATE -> is(host.rotateCredentials(id));
                case REVOKE -> is(host.revokeCredentials(id, "", ADMIN));
                case CHANGE_OWNER -> is(host.changeOwner(id, owner, ADMIN));
                case SUSPEND -> is(host.suspend(id, "", ADMIN));
                case QUARANTINE -> is(host.quarantines().quarantine(id, incident(step), ADMIN));
                case REPORT -> is(host.quarantines().report(id, incident(step), ADMIN));
                case RELEASE -> is(host.quarantines().release(id, ADMIN));
                case RECOVER -> {
                    if (host.quarantines().attemptRecovery(id, agent -> {}, ADMIN)
                            instanceof RecoveryResult.Recovered recovered) {
                        is(recovered.activation());
                    }
                }
                case RESUME -> is(host.resume(id, ADMIN));
                case PLACE_HOLD -> is(host.placeHold(id, hold, "", ADMIN));
                case RELEASE_HOLD -> is(host.releaseHold(id, hold, ADMIN));
                case MARK_ORPHANED -> host.markOrphaned(id, ADMIN);
                case RECLAIM -> is(host.reclaim(id, owner, ADMIN));
                case DECOMMISSION -> is(host.decommission(id, "", ADMIN));
                case CHECK_AND_ROTATE ->
                    new CredentialRotator(host)
                            .checkAndRotate()
                            .forEach(result -> result.issued()
                                    .ifPresent(issued -> given(result.agent().id(), issued)));
                case SWEEP -> host.sweeper().sweep();
                case REOPEN -> {
                    policyVersion += step.form() % 2;
                    host.close();
                    hosts[step.host()] = open(false);
                    if (signed && down) {
                        seen.add(Seen.OPENED_WHILE_FAILING);
                    }
                }
                case SIGN_FROM_HERE -> introduce();
                default -> throw new AssertionError(step);
            }
        }

        private static Incident incident(Step step) {
            Severity severity = Severity.values()[step.form() % 4];
            return new Incident(Incident.Kind.CRASH, severity, "it crashed");
        }

        private static ProvisioningRequest request(AgentId id) {
            return ProvisioningRequest.builder("Agent " + id)
                    .id(id)
                    .owner("bob@company.com")
                    .requestedBy(ALICE)
                    .capability("read")
                    .build();
        }

        private AgentImport imported(AgentId id, AgentState state) {
            AgentState taken = state == AgentState.DECOMMISSIONING ? AgentState.ACTIVE : state;
            return new AgentImport(request(id), taken, clock.instant().minusSeconds(60));
        }

        /** All hosts of an unsigned log stop before it gets its key. */
        private void introduce() {
            if (signed) {
                return;
            }
            hosts[0].close();
            hosts[1].close();
            try {
                hosts[0] = open(true);
            } catch (AuditUnavailableException e) {
                seen.add(Seen.INTRODUCTION_REFUSED);
                throw e;
            }
            signed = true;
            hosts[1] = open(false);
            seen.add(Seen.INTRODUCED);
        }

        /** Opening may have failed on either host, after the key was introduced or before. */
        private void reopenWhatIsClosed() {
            signed |= all().stream().anyMatch(event -> event.canonical().contains("\"kind\":\"log.key_introduced\""));
            for (int i = 0; i < hosts.length; i++) {
                if (outcome(hosts[i]::summary).isPresent()) {
                    hosts[i] = open(false);
                }
            }
        }

        /** What a command says that it made is what is stored. */
        private void is(Agent agent) {
            assertThat(inner.get(SweepFleet.record(agent.id())).map(AgentCodec::decode))
                    .map(AgentCodec.Stored::agent)
                    .contains(agent);
        }

        private void is(Activation activation) {
            is(activation.agent());
            activation.credential().ifPresent(issued -> {
                given(activation.agent().id(), issued);
                assertThat(activation.agent().credential())
                        .contains(activation.issued().credential());
            });
        }

        private void given(AgentId agent, IssuedCredential issued) {
            tokens.computeIfAbsent(agent, id -> new ArrayList<>()).add(issued.token());
        }

        private List<StoredEvent> all() {
            return inner.events(0, Integer.MAX_VALUE).events();
        }

        private View view() {
            Map<AgentId, Power> agents = new HashMap<>();
            List<Agent> records = hosts[0].query(AgentQuery.all().includingRetired());
            for (Agent agent : records) {
                agents.put(agent.id(), power(agent));
            }
            return new View(agents, records, all().size());
        }

        private Power power(Agent agent) {
            List<Boolean> denied = new ArrayList<>();
            List<Boolean> admitted = new ArrayList<>();
            List<Set<String>> good = new ArrayList<>();
            for (LifecycleManager host : hosts) {
                denied.add(host.health().denied().contains(agent.key()));
                admitted.add(host.guard().check(agent.id(), Operation.INVOKE).allowed());
                Set<String> usable = new TreeSet<>();
                for (Token token : tokens.getOrDefault(agent.id(), List.of())) {
                    if (host.verifyOpaque(token.reveal()).allowed()) {
                        usable.add(token.reveal());
                    }
                }
                good.add(usable);
            }
            Set<String> holds = new TreeSet<>();
            agent.holds().reasons().forEach(reason -> holds.add(reason.code()));
            return new Power(
                    agent.state(),
                    agent.owner(),
                    agent.entitlements().capabilities(),
                    holds,
                    agent.credentials().generation(),
                    denied,
                    admitted,
                    good);
        }

        private void noGain(String what, View was, View is, boolean forgetsDenials) {
            assertThat(is.agents().keySet()).as(what).isEqualTo(was.agents().keySet());
            was.agents().forEach((id, old) -> {
                Power now = is.agents().get(id);
                if (now.state() != old.state()) {
                    assertThat(NO_FURTHER.get(old.state())).as(what).contains(now.state());
                }
                assertThat(now.owner()).as(what).isEqualTo(old.owner());
                assertThat(now.capabilities()).as(what).isEqualTo(old.capabilities());
                assertThat(now.holds()).as(what).containsAll(old.holds());
                assertThat(now.generation()).as(what).isEqualTo(old.generation());
                for (int i = 0; i < hosts.length; i++) {
                    if (now.denied().get(i)) {
                        seen.add(Seen.DENIED_HERE);
                    }
                    // a denial ends when the command that could not be stored is repeated, or the host is opened anew
                    if (!old.denied().get(i) && !forgetsDenials) {
                        assertThat(old.admitted().get(i) || !now.admitted().get(i))
                                .as("%s: %s is admitted on host %d", what, id, i)
                                .isTrue();
                        assertThat(old.goodTokens().get(i))
                                .as(what)
                                .containsAll(now.goodTokens().get(i));
                    }
                }
            });
        }

        /** What a step added to the log. */
        private void look(String what, Step step, boolean halfSigned) {
            List<StoredEvent> all = all();
            assertThat(all.subList(0, before.size())).as(what).isEqualTo(before);
            all.subList(before.size(), all.size()).forEach(event -> stored.add(event.canonical()));
            List<SealedEvent> heardSoFar = heard.events();
            for (SealedEvent event : heardSoFar.subList(told, heardSoFar.size())) {
                assertThat(stored).as("%s: what listeners heard", what).contains(event.canonical());
            }
            told = heardSoFar.size();
            for (StoredEvent event : all.subList(before.size(), all.size())) {
                boolean retired = isRetired(event.stream());
                if (waits(event)) {
                    assertThat(MAY_WAIT).as("%s: %s", what, event.canonical()).contains(kind(event));
                    seen.add(halfSigned ? Seen.TAKEN_HALF_SIGNED : Seen.TAKEN_UNSIGNED);
                    if (event.stream().equals("log")) {
                        seen.add(Seen.LOG_WAITS);
                    }
                    if (retired) {
                        seen.add(Seen.RETIRED_WAITS);
                    }
                } else if (kind(event).equals("log.gap_endorsed")) {
                    assertThat(step.verb()).as(what).isIn(Verb.SWEEP, Verb.JUMP);
                    seen.add(Seen.ENDORSED_BY_SWEEP);
                    if (event.stream().equals("log")) {
                        seen.add(Seen.LOG_ENDORSED);
                    }
                    if (retired) {
                        seen.add(Seen.RETIRED_ENDORSED);
                    }
                } else if (event.signature().isPresent()
                        && event.n() > 0
                        && waits(inner.trail(event.stream(), event.n() - 1, 1).get(0))) {
                    seen.add(Seen.ENDORSED_BY_COMMAND);
                }
            }
            before.addAll(all.subList(before.size(), all.size()));
        }

        private boolean isRetired(String stream) {
            return stream.startsWith("a/")
                    && hosts[0].get(AgentId.of(stream.substring("a/default/".length())))
                            .state()
                            .isTerminal();
        }

        private static boolean waits(StoredEvent event) {
            return event.signature().isEmpty()
                    && event.canonical().contains(",\"kid\":\"" + HashSealer.KEY.keyId() + "\",\"kind\":");
        }

        private static String kind(StoredEvent event) {
            return SealedEvent.read(event.canonical(), event.signature())
                    .event()
                    .kind()
                    .wire();
        }

        /** What vouches for each event, from the raw log: a signature, or one that comes later in its stream. */
        private static List<Seal> seals(List<StoredEvent> events) {
            List<Seal> seals = new ArrayList<>();
            Set<String> signedLater = new HashSet<>();
            for (int i = events.size() - 1; i >= 0; i--) {
                StoredEvent event = events.get(i);
                if (event.signature().isPresent()) {
                    signedLater.add(event.stream());
                    seals.add(0, Seal.SIGNED);
                } else if (waits(event)) {
                    seals.add(0, signedLater.contains(event.stream()) ? Seal.ENDORSED_LATE : Seal.WAITING);
                } else {
                    seals.add(0, Seal.UNSIGNED);
                }
            }
            return seals;
        }

        Verification verified(Step last) {
            LifecycleManager host = hosts[last.host()];
            List<StoredEvent> all = all();
            List<Seal> expected = seals(all);
            assertThat(seals(() -> host.events(0, Integer.MAX_VALUE).events())).isEqualTo(expected);
            for (Agent agent : host.query(AgentQuery.all().includingRetired())) {
                String stream = "a/default/" + agent.id();
                List<Seal> trail = seals(inner.trail(stream, 0, Integer.MAX_VALUE));
                assertThat(seals(() -> host.auditTrail(agent.id()))).isEqualTo(trail);
                int from = last.form() % trail.size();
                int to = Math.min(from + 2, trail.size());
                assertThat(seals(() -> host.auditTrail(agent.id(), from, 2))).isEqualTo(trail.subList(from, to));
            }
            Map<Seal, Long> counts = new TreeMap<>();
            for (Seal seal : Seal.values()) {
                counts.put(seal, expected.stream().filter(seal::equals).count());
            }
            Verification found = host.verify();
            assertThat(Map.of(
                            Seal.SIGNED, found.signed(),
                            Seal.UNSIGNED, found.unsigned(),
                            Seal.WAITING, found.waiting(),
                            Seal.ENDORSED_LATE, found.endorsedLate(),
                            Seal.PRUNED, found.pruned()))
                    .isEqualTo(counts);
            assertThat(found.events()).isEqualTo(all.size());
            return found;
        }

        private static List<Seal> seals(Supplier<List<SealedEvent>> events) {
            return events.get().stream().map(SealedEvent::seal).toList();
        }

        /** Once the sealer works again, the sweeps of any one host vouch for all that waits. */
        void end() {
            var last = new Step(Verb.SWEEP, random.nextInt(2), 0, 0);
            Verification found = verified(last);
            if (found.waiting() > 0) {
                seen.add(Seen.WAITED_AT_THE_END);
            }
            clock.set(hosts[last.host()].engine().now());
            for (int i = 0; i < 3; i++) {
                clock.advance(Duration.ofMinutes(61));
                hosts[last.host()].sweeper().sweep();
            }
            look("at the end", last, false);
            assertThat(verified(last).waiting()).isZero();
            assertThat(hosts[last.host()].health().lastSealerFailure().isEmpty() || found.waiting() == 0)
                    .isTrue();
            hosts[0].close();
            hosts[1].close();
        }
    }
}
