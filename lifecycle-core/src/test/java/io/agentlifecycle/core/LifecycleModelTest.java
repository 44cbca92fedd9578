package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleModel.ModelAgent;
import io.agentlifecycle.core.LifecycleModel.Settings;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Tally;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Quarantine;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
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

/** Random lives of several agents in two tenants, step by step beside {@link LifecycleModel}. */
@Tag("once")
class LifecycleModelTest {
    static final Instant CREATED_ELSEWHERE = Instant.parse("2025-06-01T00:00:00Z");

    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final Actor CHIEF = Actor.human("chief@company.com");
    private static final int AGENTS = 4;

    private static final List<Settings> SETTINGS = List.of(
            settings(true, true, "REPORT", Duration.ofHours(24), Duration.ofHours(24), true, true, true),
            settings(false, true, "SUSPEND", Duration.ofHours(2), Duration.ofMinutes(10), false, true, false),
            settings(false, false, "DECOMMISSION", Duration.ofHours(1), Duration.ofHours(3), true, false, true));

    private static final List<Duration> JUMPS = List.of(
            Duration.ofNanos(1),
            Duration.ofMinutes(5),
            Duration.ofMinutes(10),
            Duration.ofMinutes(31),
            Duration.ofMinutes(11),
            Duration.ofMinutes(12),
            Duration.ofMinutes(17),
            Duration.ofMinutes(26),
            Duration.ofHours(1),
            Duration.ofHours(12),
            Duration.ofDays(8));

    private static final List<Duration> FALLS =
            List.of(Duration.ofNanos(-1), Duration.ofSeconds(-1), Duration.ofMinutes(-7), Duration.ofHours(-1));

    /** Every kind of event that the verbs below can lead to; a search that misses one has not searched. */
    private static final Set<EventKind> SAID = EnumSet.complementOf(EnumSet.of(
            EventKind.LOG_GENESIS,
            EventKind.LOG_KEY_INTRODUCED,
            EventKind.LOG_KEY_RETIRED,
            EventKind.LOG_GAP_ENDORSED,
            EventKind.TRAIL_PRUNED,
            EventKind.CREDENTIAL_DELIVERED,
            EventKind.CREDENTIAL_ROTATION_FAILED,
            EventKind.CREDENTIAL_REISSUED,
            EventKind.VOTE_CAST,
            EventKind.APPROVAL_EXPIRING,
            EventKind.AGENT_AMENDED,
            EventKind.AGENT_LIMITS_SET,
            EventKind.AGENT_CO_OWNER_ADDED,
            EventKind.AGENT_CO_OWNER_REMOVED,
            EventKind.AGENT_KEY_ROTATED,
            EventKind.API_KEY_REGISTERED,
            EventKind.API_KEY_REVOKED,
            EventKind.LOG_RECOVERED,
            EventKind.LOG_UPGRADED,
            EventKind.LOG_REPAIRED,
            EventKind.POLICY_CHANGED,
            EventKind.CLOCK_REGRESSION,
            EventKind.KILL_ENGAGED,
            EventKind.KILL_RELEASED,
            EventKind.ACCESS_REFUSED,
            EventKind.ACTION_STUCK,
            EventKind.TEARDOWN_TASK_DONE,
            EventKind.TEARDOWN_TASK_FAILED));

    /** What can happen to an agent after its end. */
    private static final Set<EventKind> LEGAL = EnumSet.of(
            EventKind.LEGAL_HOLD_PLACED,
            EventKind.LEGAL_HOLD_RELEASED,
            EventKind.PERSONAL_DATA_ERASED,
            EventKind.AGENT_BLOCKED);

    private enum Verb {
        REQUEST,
        IMPORT,
        APPROVE,
        REJECT,
        WITHDRAW,
        ACTIVATE,
        HEARTBEAT,
        ROTATE,
        REVOKE,
        CHANGE_OWNER,
        SUSPEND,
        RESUME,
        PLACE_HOLD,
        RELEASE_HOLD,
        PLACE_LEGAL_HOLD,
        RELEASE_LEGAL_HOLD,
        ERASE,
        QUARANTINE,
        REPORT,
        RELEASE,
        RECOVER,
        BLOCK,
        RENEW,
        MARK_ORPHANED,
        RECLAIM,
        DECOMMISSION,
        SWEEP,
        CHECK_AND_ROTATE,
        JUMP,
        FALL,
        TO_EDGE,
        REOPEN
    }

    /** One step: what, for which agent, and a number that picks among its forms. */
    private record Step(Verb verb, int agent, int form) {}

    private static Settings settings(
            boolean approval,
            boolean owner,
            String inactive,
            Duration ttl,
            Duration orphanAfter,
            boolean autoRotate,
            boolean revokeAtEnd,
            boolean fourEyes) {
        return new Settings(
                approval,
                owner,
                Duration.ofDays(30),
                Duration.ofMinutes(5),
                2,
                orphanAfter,
                Duration.ofDays(7),
                Duration.ofHours(1),
                inactive,
                ttl,
                Duration.ofMinutes(5),
                autoRotate,
                revokeAtEnd,
                fourEyes);
    }

    private static LifecyclePolicy policy(Settings s) {
        return LifecyclePolicy.builder()
                .id("policy-" + s.inactive())
                .requireApproval(s.approval())
                .requireOwner(s.owner())
                .approvalTimeout(s.approvalTimeout())
                .heartbeatInterval(s.interval())
                .missedHeartbeats(s.missed())
                .orphanThreshold(s.orphanAfter())
                .maxInactive(s.inactiveAfter())
                .inactivityGrace(s.inactiveGrace())
                .fourEyes(s.fourEyes())
                .inactivityAction(LifecyclePolicy.InactivityAction.valueOf(s.inactive()))
                .credentialPolicy(new CredentialPolicy(s.ttl(), s.overlap(), s.autoRotate(), s.revokeAtEnd()))
                .build();
    }

    @Provide
    Arbitrary<List<Step>> lives() {
        // verbs that open doors come more often, or most steps would be refused
        Arbitrary<Verb> verbs = Arbitraries.frequency(
                Tuple.of(6, Verb.REQUEST),
                Tuple.of(3, Verb.IMPORT),
                Tuple.of(6, Verb.APPROVE),
                Tuple.of(1, Verb.REJECT),
                Tuple.of(1, Verb.WITHDRAW),
                Tuple.of(9, Verb.ACTIVATE),
                Tuple.of(16, Verb.HEARTBEAT),
                Tuple.of(3, Verb.ROTATE),
                Tuple.of(2, Verb.REVOKE),
                Tuple.of(2, Verb.CHANGE_OWNER),
                Tuple.of(3, Verb.SUSPEND),
                Tuple.of(3, Verb.RESUME),
                Tuple.of(3, Verb.PLACE_HOLD),
                Tuple.of(4, Verb.RELEASE_HOLD),
                Tuple.of(2, Verb.PLACE_LEGAL_HOLD),
                Tuple.of(2, Verb.RELEASE_LEGAL_HOLD),
                Tuple.of(2, Verb.ERASE),
                Tuple.of(2, Verb.QUARANTINE),
                Tuple.of(5, Verb.REPORT),
                Tuple.of(5, Verb.RELEASE),
                Tuple.of(6, Verb.RECOVER),
                Tuple.of(1, Verb.BLOCK),
                Tuple.of(5, Verb.RENEW),
                Tuple.of(2, Verb.MARK_ORPHANED),
                Tuple.of(4, Verb.RECLAIM),
                Tuple.of(1, Verb.DECOMMISSION),
                Tuple.of(9, Verb.SWEEP),
                Tuple.of(3, Verb.CHECK_AND_ROTATE),
                Tuple.of(7, Verb.JUMP),
                Tuple.of(1, Verb.FALL),
                Tuple.of(5, Verb.TO_EDGE),
                Tuple.of(2, Verb.REOPEN));
        return Combinators.combine(
                        verbs,
                        Arbitraries.integers().between(0, AGENTS - 1),
                        Arbitraries.integers().between(0, 11))
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(150)
                .withSizeDistribution(RandomDistribution.uniform());
    }

    @Property(tries = 1000, edgeCases = EdgeCasesMode.NONE)
    void the_library_and_a_plain_model_agree_after_every_step(@ForAll("lives") List<Step> steps) {
        var pair = new Pair(LifecycleStore.inMemory());
        for (Step step : steps) {
            pair.take(step);
            pair.compare("after " + step);
        }
        pair.end();
        Set<EventKind> said = EnumSet.noneOf(EventKind.class);
        pair.model.agents.values().forEach(agent -> said.addAll(agent.trail));
        said.forEach(Statistics.label("kinds of events")::collect);
        Statistics.label("kinds of events")
                .coverage(all -> SAID.forEach(kind -> all.check(kind).count(lives -> lives > 0)));
    }

    /** The library and the model, side by side. */
    private static final class Pair {
        private final LifecycleStore store;
        private final MutableClock clock = MutableClock.at(START);
        private final Random random = new Random(7);
        private final Map<String, List<Token>> tokens = new HashMap<>();
        private final Map<String, List<EventKind>> trails = new HashMap<>();
        private final LifecycleModel model = new LifecycleModel(START, SETTINGS.get(0));
        private LifecycleManager manager;
        private int refusals;

        Pair(LifecycleStore store) {
            this.store = store;
            this.manager = open();
        }

        private LifecycleManager open() {
            return LifecycleManager.builder()
                    .store(store)
                    .policy(policy(model.settings()))
                    .clock(clock)
                    .random(random)
                    .personalData(PersonalData.DISCLOSABLE)
                    .build();
        }

        private static AgentKey key(int agent) {
            return new AgentKey(agent % 2 == 0 ? TenantId.DEFAULT : TenantId.of("acme"), AgentId.of("a" + agent));
        }

        private LifecycleManager at(AgentKey key) {
            return key.tenant().equals(TenantId.DEFAULT) ? manager : manager.forTenant(key.tenant());
        }

        void take(Step step) {
            AgentKey key = key(step.agent());
            String name = key.toString();
            AgentId id = key.id();
            LifecycleManager m = at(key);
            int form = step.form();
            String owner = "owner" + form % 3 + "@company.com";
            HoldReason hold = List.of(
                            HoldReason.OPERATOR, HoldReason.of("unpaid"), HoldReason.INACTIVE, HoldReason.QUARANTINE)
                    .get(form % 4);
            Incident incident = new Incident(
                    List.of(Incident.Kind.CRASH, Incident.Kind.SECURITY_VIOLATION, Incident.Kind.ANOMALY)
                            .get(form % 3),
                    Severity.values()[form / 3],
                    "what happened");
            boolean admin = form >= 6;
            int who = form / 3 % 2;
            Actor releaser = who == 0 ? ADMIN : CHIEF;
            ReleaseAuthority authority = admin ? ReleaseAuthority.ADMIN : ReleaseAuthority.OPERATOR;
            switch (step.verb()) {
                case REQUEST -> {
                    String named = form % 5 == 0 ? null : owner;
                    Duration life = form == 11 ? Duration.ZERO : form % 4 == 3 ? Duration.ofHours(form * 6L) : null;
                    Instant now = model.now();
                    String digest = form % 3 == 0 ? Digests.sha256("a manifest") : null;
                    same(step, model.request(name, named, life, digest), () -> {
                        var request = ProvisioningRequest.builder("Agent " + id)
                                .id(id)
                                .requestedBy(ALICE);
                        if (named != null) {
                            request.owner(named);
                        }
                        if (digest != null) {
                            request.manifestDigest(digest);
                        }
                        if (life != null) {
                            request.notAfter(now.plus(life));
                        }
                        m.requestProvisioning(request.build());
                    });
                }
                case IMPORT -> {
                    AgentState state = List.of(
                                    AgentState.PENDING_APPROVAL,
                                    AgentState.PROVISIONED,
                                    AgentState.SUSPENDED,
                                    AgentState.ORPHANED,
                                    AgentState.QUARANTINED,
                                    AgentState.DECOMMISSIONED,
                                    AgentState.ACTIVE)
                            .get(Math.min(form, 6));
                    same(
                            step,
                            model.imported(name, state),
                            () -> m.importAgents(
                                    List.of(new AgentImport(
                                            ProvisioningRequest.builder("Agent " + id)
                                                    .id(id)
                                                    .owner("import@company.com")
                                                    .requestedBy(ALICE)
                                                    .build(),
                                            state,
                                            CREATED_ELSEWHERE)),
                                    "elsewhere",
                                    Actor.human("importer@company.com")));
                }
                case APPROVE -> {
                    boolean self = form == 0;
                    boolean human = form != 1;
                    Actor by = self ? ALICE : human ? ADMIN : Actor.service("ci");
                    same(step, model.approve(name, human, self), () -> m.approve(id, by));
                }
                case REJECT ->
                    same(step, model.turnDown(name, EventKind.AGENT_REJECTED), () -> m.reject(id, "", ADMIN));
                case WITHDRAW ->
                    same(step, model.turnDown(name, EventKind.AGENT_WITHDRAWN), () -> m.withdraw(id, "", ALICE));
                case ACTIVATE -> giving(step, model.activate(name), false, () -> m.activate(id, ADMIN));
                case HEARTBEAT -> same(step, model.heartbeat(name), () -> m.heartbeat(id));
                case ROTATE -> giving(step, model.rotate(name), true, () -> m.rotateCredentials(id, ADMIN));
                case REVOKE -> same(step, model.revoke(name), () -> m.revokeCredentials(id, "", ADMIN));
                case CHANGE_OWNER -> same(step, model.changeOwner(name, owner), () -> m.changeOwner(id, owner, ADMIN));
                case SUSPEND -> same(step, model.suspend(name), () -> m.suspend(id, "", ADMIN));
                case RESUME -> giving(step, model.resume(name), false, () -> m.resume(id, ADMIN));
                case PLACE_HOLD ->
                    same(step, model.placeHold(name, hold.code()), () -> m.placeHold(id, hold, "", ADMIN));
                case RELEASE_HOLD ->
                    giving(
                            step,
                            model.releaseHold(name, hold.code(), admin, who),
                            false,
                            () -> m.releaseHold(id, hold, authority, releaser));
                case PLACE_LEGAL_HOLD ->
                    same(
                            step,
                            model.placeLegalHold(name, "case " + form % 2),
                            () -> m.placeLegalHold(id, "case " + form % 2, ADMIN));
                case RELEASE_LEGAL_HOLD ->
                    same(
                            step,
                            model.releaseLegalHold(name, "case " + form % 2),
                            () -> m.releaseLegalHold(id, "case " + form % 2, ADMIN));
                case ERASE -> same(step, model.erase(name), () -> m.erasePersonalData(id, "", ADMIN));
                case QUARANTINE ->
                    same(
                            step,
                            model.quarantine(name, incident.kind(), incident.severity()),
                            () -> m.quarantines().quarantine(id, incident, ADMIN));
                case REPORT ->
                    same(
                            step,
                            model.report(name, incident.kind(), incident.severity()),
                            () -> m.quarantines().report(id, incident, ADMIN));
                case RELEASE ->
                    giving(
                            step,
                            model.release(name, admin, who),
                            false,
                            () -> m.quarantines().release(id, authority, releaser));
                case RECOVER -> recover(step, form % 2 == 0, admin);
                case BLOCK ->
                    same(step, model.block(name), () -> m.quarantines().block(id, "", ADMIN));
                case RENEW -> {
                    Instant later = model.now().plus(Duration.ofHours(form * 20L));
                    same(step, model.renew(name, later), () -> m.renew(id, later, ADMIN));
                }
                case MARK_ORPHANED -> {
                    String expected = model.markOrphaned(name);
                    List<String> actual = new ArrayList<>();
                    String refused =
                            outcome(() -> actual.add(m.markOrphaned(id, ADMIN).name()));
                    assertThat(actual.isEmpty() ? refused : actual.get(0))
                            .as("%s", step)
                            .isEqualTo(expected);
                }
                case RECLAIM -> giving(step, model.reclaim(name, owner), false, () -> m.reclaim(id, owner, ADMIN));
                case DECOMMISSION -> same(step, model.decommission(name), () -> m.decommission(id, "", ADMIN));
                case SWEEP -> {
                    SweepReport report = manager.sweeper().sweep();
                    assertThat(report.with(SweepReport.Result.FAILED)).isEmpty();
                    assertThat(report.with(SweepReport.Result.HELD_BACK)).isEmpty();
                    model.sweep();
                    lookForRefusals();
                }
                case CHECK_AND_ROTATE -> checkAndRotate(m, key.tenant());
                case JUMP -> move(JUMPS.get(form % JUMPS.size()));
                case FALL -> move(FALLS.get(form % FALLS.size()));
                case TO_EDGE ->
                    model.nextEdge()
                            .ifPresent(edge ->
                                    move(Duration.between(model.clock, edge).plusNanos(form % 3 - 1)));
                case REOPEN -> {
                    manager.close();
                    lookForRefusals();
                    model.reopen(SETTINGS.get(form < 6 ? SETTINGS.indexOf(model.settings()) : form % 3));
                    manager = open();
                }
            }
        }

        private void recover(Step step, boolean works, boolean admin) {
            AgentKey key = key(step.agent());
            List<RecoveryResult> got = new ArrayList<>();
            same(
                    step,
                    model.recover(key.toString(), works, admin),
                    () -> got.add(at(key).quarantines()
                            .attemptRecovery(
                                    key.id(),
                                    agent -> {
                                        if (!works) {
                                            throw new IllegalStateException("it does not start");
                                        }
                                    },
                                    admin ? ReleaseAuthority.ADMIN : ReleaseAuthority.OPERATOR,
                                    ADMIN)));
            if (!got.isEmpty() && got.get(0) instanceof RecoveryResult.Recovered recovered) {
                recovered.activation().credential().ifPresent(issued -> issued(key.toString(), issued, false));
            }
        }

        private void lookForRefusals() {
            int before = refusals;
            refusals = store.trail("access", 0, 10_000).size();
            if (refusals > before) {
                model.wroteRefusals();
            }
        }

        private void move(Duration by) {
            clock.advance(by);
            model.clock = model.clock.plus(by);
        }

        private void same(Step step, String expected, Runnable call) {
            assertThat(outcome(call)).as("%s", step).isEqualTo(expected);
        }

        /** A command that gives a credential if, and only if, the agent is ACTIVE afterwards. */
        private void giving(Step step, String expected, boolean rotation, Supplier<Activation> call) {
            String name = key(step.agent()).toString();
            List<Activation> got = new ArrayList<>();
            same(step, expected, () -> got.add(call.get()));
            if (expected.equals(LifecycleModel.OK)) {
                boolean active = Objects.requireNonNull(model.agents.get(name)).state == AgentState.ACTIVE;
                assertThat(got.get(0).credential().isPresent()).as("%s", step).isEqualTo(active);
                got.get(0).credential().ifPresent(issued -> issued(name, issued, rotation));
            }
        }

        private void issued(String name, IssuedCredential issued, boolean rotation) {
            model.issued(name, issued.credential().id(), rotation);
            tokens.computeIfAbsent(name, n -> new ArrayList<>()).add(issued.token());
        }

        private static String outcome(Runnable call) {
            try {
                call.run();
                return LifecycleModel.OK;
            } catch (PolicyViolationException e) {
                return e.rule();
            } catch (RefusedException e) {
                return e.code();
            }
        }

        private void checkAndRotate(LifecycleManager m, TenantId tenant) {
            List<String> looked = new ArrayList<>();
            for (RotationResult result : new CredentialRotator(m).checkAndRotate()) {
                String name = result.agent().toString();
                looked.add(name);
                assertThat(model.rotation(name))
                        .as("%s: %s", name, result.detail())
                        .contains(result.outcome());
                switch (result.outcome()) {
                    case ISSUED, ROTATED -> issued(name, result.issued().orElseThrow(), true);
                    case EXPIRED -> model.rotationFoundExpired(name);
                    default -> assertThat(result.issued()).isEmpty();
                }
            }
            assertThat(looked).isEqualTo(active(tenant));
        }

        private List<String> active(TenantId tenant) {
            List<String> names = new ArrayList<>();
            for (int i = 0; i < AGENTS; i++) {
                ModelAgent agent = model.agents.get(key(i).toString());
                if (agent != null
                        && agent.state == AgentState.ACTIVE
                        && key(i).tenant().equals(tenant)) {
                    names.add(key(i).toString());
                }
            }
            return names;
        }

        void compare(String when) {
            model.look();
            assertThat(manager.engine().now()).as(when).isEqualTo(model.now());
            for (int i = 0; i < AGENTS; i++) {
                compare(manager, key(i), when);
            }
        }

        private void compare(LifecycleManager whole, AgentKey key, String when) {
            LifecycleManager m = key.tenant().equals(TenantId.DEFAULT) ? whole : whole.forTenant(key.tenant());
            String what = key + " " + when;
            ModelAgent expected = model.agents.get(key.toString());
            Optional<Agent> found = m.find(key.id());
            assertThat(found.isPresent()).as(what).isEqualTo(expected != null);
            if (expected == null) {
                return;
            }
            Agent agent = found.orElseThrow();
            Instant now = model.now();
            List<EventKind> trail = trails.computeIfAbsent(key.toString(), k -> new ArrayList<>());
            m.auditTrail(key.id(), trail.size(), 100)
                    .forEach(heard -> trail.add(heard.event().kind()));
            assertThat(trail).as(what).isEqualTo(expected.trail);
            assertThat(agent.state()).as(what).isEqualTo(expected.state);
            assertThat(agent.owner().map(Object::toString)).as(what).isEqualTo(Optional.ofNullable(expected.owner));
            assertThat(agent.holds().reasons().stream().map(HoldReason::code).toList())
                    .as(what)
                    .isEqualTo(List.copyOf(expected.holds));
            assertThat(agent.legalHolds().stream().map(LegalHold::reference).toList())
                    .as(what)
                    .isEqualTo(List.copyOf(expected.legalHolds));
            if (expected.state == AgentState.QUARANTINED) {
                Quarantine quarantine = agent.conduct().standing();
                assertThat(quarantine.attempts()).as(what).isEqualTo(expected.attempts);
                assertThat(quarantine.cause().severity()).as(what).isEqualTo(expected.quarantineSeverity);
            } else {
                assertThat(agent.conduct().quarantine()).as(what).isEmpty();
            }
            assertThat(agent.conduct().blocked()).as(what).isEqualTo(expected.blocked);
            assertThat(usable(agent, now)).as(what).isEqualTo(expected.usable(now));
            assertThat(agent.credentials().generation()).as(what).isEqualTo(expected.generation);
            assertThat(m.guard().check(key.id(), Operation.INVOKE).allowed())
                    .as(what)
                    .isEqualTo(expected.admitted(now));
            assertThat(m.liveness(key.id())).as(what).isEqualTo(liveness(expected));
            for (Token token : tokens.getOrDefault(key.toString(), List.of())) {
                boolean good = expected.admitted(now)
                        && (isGood(expected.current, token, now) || isGood(expected.retiring, token, now));
                assertThat(m.verifyOpaque(token.reveal()).allowed()).as(what).isEqualTo(good);
            }
        }

        private static Optional<Liveness> liveness(ModelAgent agent) {
            return agent.lastSeen == null ? Optional.empty() : Optional.of(new Liveness(agent.lastSeen, agent.beats));
        }

        private static boolean isGood(LifecycleModel.@Nullable Cred cred, Token token, Instant now) {
            return cred != null && token.reveal().startsWith(cred.id + ".") && cred.usable(now);
        }

        private static int usable(Agent agent, Instant now) {
            int usable = 0;
            for (Optional<Credential> credential :
                    List.of(agent.credentials().current(), agent.credentials().retiring())) {
                usable += credential.filter(c -> c.status(now).isUsable()).isPresent() ? 1 : 0;
            }
            return usable;
        }

        /** What must hold at the end of every life. */
        void end() {
            assertThat(manager.verify().agents()).isEqualTo(model.agents.size());
            for (int i = 0; i < AGENTS; i++) {
                if (model.agents.containsKey(key(i).toString())) {
                    invariants(key(i));
                }
            }
            savingAndLoadingIsIdentity();
            long regressions = store.trail("log", 0, 1_000).stream()
                    .filter(event -> event.canonical().contains(EventKind.CLOCK_REGRESSION.wire()))
                    .count();
            assertThat(regressions).isEqualTo(model.regressions);
        }

        private void invariants(AgentKey key) {
            Agent agent = at(key).get(key.id());
            ModelAgent expected = Objects.requireNonNull(model.agents.get(key.toString()));
            Optional<Agent> replayed = Optional.empty();
            Instant last = Instant.MIN;
            for (SealedEvent sealed : at(key).auditTrail(key.id())) {
                var event = sealed.event();
                if (replayed.isPresent()) {
                    assertThat(event.from()).isEqualTo(replayed.map(Agent::state));
                    assertThat(replayed.get().state().isTerminal() && !LEGAL.contains(event.kind()))
                            .as("%s after the end", event.kind())
                            .isFalse();
                }
                assertThat(event.at()).isAfterOrEqualTo(last);
                last = event.at();
                replayed = Optional.of(replayed.map(before -> Replay.apply(before, sealed))
                        .orElseGet(() -> Replay.begin(key, sealed)));
            }
            assertThat(replayed.orElseThrow().at(agent.version())).isEqualTo(agent);
            reported(key, expected);
            if (agent.state() == AgentState.ACTIVE) {
                assertThat(agent.holds().isEmpty()).isTrue();
                assertThat(agent.owner().isPresent() || expected.activeWithoutOwner)
                        .isTrue();
            }
            if (agent.state() == AgentState.SUSPENDED) {
                assertThat(agent.holds().isEmpty()).isFalse();
            }
        }

        /** The final report has what the trail has, counted anew. */
        private void reported(AgentKey key, ModelAgent expected) {
            Optional<FinalReport> report = at(key).finalReport(key.id());
            assertThat(report.isPresent()).isEqualTo(expected.trail.contains(EventKind.AGENT_DECOMMISSIONED));
            if (report.isPresent()) {
                assertThat(report.get().events()).isEqualTo(expected.trail.indexOf(EventKind.AGENT_DECOMMISSIONED) + 1);
                assertThat(report.get().credentials()).isEqualTo(expected.generation);
                assertThat(report.get().liveness()).isEqualTo(liveness(expected));
                boolean cameHeld = at(key).auditTrail(key.id(), 0, 1)
                        .get(0)
                        .event()
                        .to()
                        .equals(Optional.of(AgentState.SUSPENDED));
                assertThat(report.get().tally()).isEqualTo(tally(expected.trail, cameHeld, expected.quarantines));
            }
        }

        private static Tally tally(List<EventKind> trail, boolean cameHeld, int quarantines) {
            long suspensions = Collections.frequency(trail, EventKind.AGENT_SUSPENDED);
            long silences = 0;
            boolean silent = false;
            for (EventKind kind : trail) {
                switch (kind) {
                    case HEARTBEAT_MISSED -> {
                        silences += silent ? 0 : 1;
                        silent = true;
                    }
                    case HEARTBEAT_FIRST, HEARTBEAT_RESUMED, CREDENTIAL_ISSUED -> silent = false;
                    default -> {}
                }
            }
            return new Tally(
                    suspensions,
                    suspensions + Collections.frequency(trail, EventKind.HOLD_PLACED) + (cameHeld ? 1 : 0),
                    Collections.frequency(trail, EventKind.AGENT_ORPHANED),
                    silences,
                    quarantines,
                    Collections.frequency(trail, EventKind.CREDENTIAL_ROTATED));
        }

        private void savingAndLoadingIsIdentity() {
            List<Optional<Agent>> before = new ArrayList<>();
            for (int i = 0; i < AGENTS; i++) {
                before.add(at(key(i)).find(key(i).id()));
            }
            manager.engine().heartbeats().flush(model.now());
            if (model.clock.isBefore(model.now())) {
                // the second one has not seen how late it was, so both wait until it is that late again
                move(Duration.between(model.clock, model.now()));
            }
            LifecycleManager second = open();
            for (int i = 0; i < AGENTS; i++) {
                LifecycleManager m = i % 2 == 0 ? second : second.forTenant(key(i).tenant());
                assertThat(m.find(key(i).id())).isEqualTo(before.get(i));
                compare(second, key(i), "in a second manager");
            }
            assertThat(second.summary()).isEqualTo(manager.summary());
            second.close();
            manager.close();
            model.reopen(model.settings()); // the second manager is one more that looked at the clock
        }
    }
}
