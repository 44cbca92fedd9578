package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Agents that work for others: what they may have, when they get a credential, and when they stop. */
class DelegationTest {
    private static final AgentId PARENT = AgentId.of("agent:parent");
    private static final AgentId CHILD = AgentId.of("agent:child");
    private static final AgentId GRANDCHILD = AgentId.of("agent:grandchild");
    private static final Duration DAY = Duration.ofHours(24);

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final RepeatableIssuer mint = new RepeatableIssuer();
    private final List<CredentialOrder> orders = new ArrayList<>();

    /** What happens while the next credential is made. */
    private Runnable meanwhile = () -> {};

    private final LifecycleManager manager =
            shop.open(builder -> builder.policy(Workshop.OPEN_DOOR).credentials(order -> {
                orders.add(order);
                Runnable once = meanwhile;
                meanwhile = () -> {};
                once.run();
                return mint.issue(order);
            }));

    private static ProvisioningRequest.Builder child(AgentId parent, String id, String... capabilities) {
        return request(id).parent(parent).capabilities(Set.of(capabilities));
    }

    private Credential activeParent(String... capabilities) {
        manager.requestProvisioning(
                request(PARENT.value()).capabilities(Set.of(capabilities)).build());
        return manager.activate(PARENT).issued().credential();
    }

    private Credential activeChild(AgentId parent, String id, String... capabilities) {
        manager.requestProvisioning(child(parent, id, capabilities).build());
        return manager.activate(AgentId.of(id)).issued().credential();
    }

    private void threeLevels() {
        activeParent();
        activeChild(PARENT, CHILD.value());
        activeChild(CHILD, GRANDCHILD.value());
    }

    private List<Reason> standing(AgentId agent) {
        Verdict verdict = manager.standing(
                SweepFleet.key(agent),
                manager.get(agent).credentials().current().orElseThrow().id());
        return verdict instanceof Verdict.Denied denied ? denied.reasons() : List.of();
    }

    private List<Reason> guarded(AgentId agent) {
        return manager.guard().check(agent, Operation.INVOKE) instanceof Verdict.Denied denied
                ? denied.reasons()
                : List.of();
    }

    // ---- what may be asked for

    @Test
    void a_child_may_do_no_more_than_its_parent() {
        activeParent("read", "tools:*");

        assertThat(refused(
                        manager,
                        "delegation-scope",
                        () -> manager.requestProvisioning(
                                child(PARENT, "agent:1", "read", "write").build())))
                .hasMessageStartingWith("agent agent:1 cannot have the capability write: agent agent:parent, which it"
                        + " works for, may not do that; leave it out, or let it work for another agent");
        refused(
                manager,
                "delegation-scope",
                () -> manager.requestProvisioning(
                        child(PARENT, "agent:1", "read:*").build()));

        manager.requestProvisioning(
                child(PARENT, "agent:1", "read", "tools:search", "tools:git:*").build());
        refused(
                manager,
                "delegation-scope",
                () -> manager.requestProvisioning(
                        child(AgentId.of("agent:1"), "agent:2", "tools:mail").build()));
        manager.requestProvisioning(
                child(AgentId.of("agent:1"), "agent:2", "tools:git:push").build());
    }

    @Test
    void nobody_gets_all_from_another_even_if_that_one_has_all() {
        activeParent("*");

        assertThat(refused(
                        manager,
                        "delegation-wildcard",
                        () -> manager.requestProvisioning(
                                child(PARENT, "agent:1", "*").build())))
                .hasMessageStartingWith("agent agent:1 works for agent agent:parent and cannot have the capability *;"
                        + " name what it may be asked to do");
        manager.requestProvisioning(child(PARENT, "agent:1", "a:*", "b").build());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5, 8})
    void the_chain_is_as_deep_as_the_policy_says(int depth) {
        LifecycleManager deep = shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .maxDelegationDepth(depth)
                .build());
        deep.requestProvisioning(request("agent:0").build());
        for (int i = 1; i <= depth; i++) {
            deep.requestProvisioning(
                    child(AgentId.of("agent:" + (i - 1)), "agent:" + i).build());
        }

        PolicyViolationException refusal = refused(
                deep,
                "delegation-depth",
                () -> deep.requestProvisioning(
                        child(AgentId.of("agent:" + depth), "agent:last").build()));

        assertThat(refusal)
                .hasMessageStartingWith(
                        "agent agent:last would work for more than %d agents, each one for the next; give"
                                .formatted(depth));
        assertThat(refusal.getMessage().contains("or raise maxDelegationDepth")).isEqualTo(depth < Lineage.DEEPEST);
        assertThat(LifecyclePolicy.defaults().maxDelegationDepth()).isEqualTo(5);
    }

    @Test
    void nobody_works_for_itself_by_way_of_others() {
        AgentImport self = imported(child(CHILD, CHILD.value()), AgentState.ACTIVE);
        AgentImport one = imported(child(GRANDCHILD, CHILD.value()), AgentState.ACTIVE);
        AgentImport two = imported(child(CHILD, GRANDCHILD.value()), AgentState.ACTIVE);
        AgentImport below = imported(child(CHILD, "agent:below"), AgentState.ACTIVE);

        refused(manager, "delegation-cycle", () -> manager.importAgents(List.of(self), "elsewhere", ADMIN));
        assertThat(refused(
                        manager,
                        "delegation-cycle",
                        () -> manager.importAgents(List.of(below, one, two), "elsewhere", ADMIN)))
                .hasMessageContaining("would work for itself");
        threeLevels();
        refused(
                manager,
                "delegation-cycle",
                () -> manager.requestProvisioning(
                        child(GRANDCHILD, PARENT.value()).build()));
    }

    @Test
    void what_is_imported_narrows_and_is_as_deep_as_the_policy_says() {
        List<AgentImport> wide = List.of(
                imported(child(PARENT, CHILD.value(), "write"), AgentState.ACTIVE),
                imported(request(PARENT.value()).capability("read"), AgentState.ACTIVE));
        List<AgentImport> deep = new ArrayList<>();
        for (int i = 6; i >= 0; i--) {
            deep.add(imported(
                    i == 0 ? request("agent:0") : child(AgentId.of("agent:" + (i - 1)), "agent:" + i),
                    AgentState.ACTIVE));
        }

        refused(manager, "delegation-scope", () -> manager.importAgents(wide, "elsewhere", ADMIN));
        refused(manager, "delegation-depth", () -> manager.importAgents(deep, "elsewhere", ADMIN));
        assertThat(manager.importAgents(deep.subList(1, 7), "elsewhere", ADMIN)).hasSize(6);
    }

    private AgentImport imported(ProvisioningRequest.Builder request, AgentState state) {
        return new AgentImport(request.build(), state, shop.clock.instant());
    }

    // ---- when it gets a credential

    @Test
    void a_credential_names_those_above_and_no_wildcard() {
        activeParent("read", "tools:*");
        activeChild(PARENT, CHILD.value(), "read", "tools:git:*");
        activeChild(CHILD, GRANDCHILD.value(), "tools:git:push");

        assertThat(orders)
                .extracting(CredentialOrder::actors)
                .containsExactly(
                        List.of(),
                        List.of(SweepFleet.key(PARENT)),
                        List.of(SweepFleet.key(CHILD), SweepFleet.key(PARENT)));
        assertThat(orders)
                .extracting(CredentialOrder::scope)
                .containsExactly(Set.of("read"), Set.of("read"), Set.of("tools:git:push"));
        assertThat(manager.get(PARENT).entitlements().allows("tools:mail")).isTrue();
        assertThat(manager.get(CHILD).entitlements().allows("tools:mail")).isFalse();
    }

    @Test
    void a_credential_ends_when_the_first_of_those_above_does() {
        Instant end = activeParent().expiresAt();
        shop.clock.advance(Duration.ofHours(1));
        assertThat(activeChild(PARENT, CHILD.value()).expiresAt()).isEqualTo(end);
        shop.clock.advance(Duration.ofHours(1));
        manager.rotateCredentials(PARENT);
        assertThat(activeChild(CHILD, GRANDCHILD.value()).expiresAt()).isEqualTo(end);

        assertThat(manager.rotateCredentials(CHILD).issued().credential().expiresAt())
                .isEqualTo(shop.clock.instant().plus(DAY));
        shop.clock.advance(Duration.ofHours(1));
        assertThat(manager.rotateCredentials(GRANDCHILD).issued().credential().expiresAt())
                .isEqualTo(shop.clock.instant().minus(Duration.ofHours(1)).plus(DAY));
    }

    @Test
    void an_issuer_that_lengthens_is_refused() {
        activeParent();
        shop.clock.advance(Duration.ofHours(1));
        LifecycleManager generous = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                .credentials(order -> mint.issue(new CredentialOrder(
                        order.agent(),
                        order.id(),
                        order.generation(),
                        order.issuedAt(),
                        order.expiresAt().plusNanos(1),
                        order.scope(),
                        order.audience(),
                        order.keyThumbprint(),
                        order.actors()))));
        generous.requestProvisioning(child(PARENT, CHILD.value()).build());

        refused(generous, "issuer-obeys", () -> generous.activate(CHILD));
    }

    @ParameterizedTest
    @EnumSource(
            value = AgentState.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"ACTIVE", "DECOMMISSIONING"})
    void no_credential_without_a_parent_that_is_active(AgentState state) {
        manager.importAgents(List.of(imported(request(PARENT.value()), state)), "elsewhere", ADMIN);
        manager.requestProvisioning(child(PARENT, CHILD.value()).build());

        assertThat(refused(manager, "parent-running", () -> manager.activate(CHILD)))
                .hasMessageStartingWith(
                        "no credential for agent agent:child: agent agent:parent, which it works for, is " + state
                                + "; that one must be ACTIVE first");
    }

    @Test
    void no_credential_while_one_above_has_none_that_is_good() {
        Instant end = activeParent().expiresAt();
        activeChild(PARENT, CHILD.value());
        manager.requestProvisioning(child(CHILD, GRANDCHILD.value()).build());
        manager.revokeCredentials(PARENT, "leaked", ADMIN);

        for (AgentId agent : List.of(CHILD, GRANDCHILD)) {
            assertThat(refused(manager, "parent-credential", () -> {
                        if (agent.equals(CHILD)) {
                            manager.rotateCredentials(agent);
                        } else {
                            manager.activate(agent);
                        }
                    }))
                    .hasMessageContaining("agent agent:parent, which it works for, has none that is good; rotate the"
                            + " credentials of that one first");
        }
        refused(
                manager,
                "parent-credential",
                () -> manager.reissueCredential(
                        CHILD, manager.get(CHILD).credential().orElseThrow().id(), ADMIN));

        manager.rotateCredentials(PARENT);
        manager.rotateCredentials(CHILD);
        shop.clock.set(end.plus(DAY));
        manager.rotateCredentials(PARENT);
        assertThat(refused(manager, "parent-credential", () -> manager.activate(GRANDCHILD)))
                .hasMessageContaining("agent agent:child, which");
        manager.rotateCredentials(CHILD);
        manager.activate(GRANDCHILD);
    }

    @Test
    void the_life_of_the_parent_counts_to_its_instants() {
        Instant begin = shop.clock.instant().plusSeconds(60);
        Instant end = begin.plusSeconds(60);
        manager.requestProvisioning(
                request(PARENT.value()).notBefore(begin).notAfter(end).build());
        manager.activate(PARENT);
        manager.requestProvisioning(child(PARENT, CHILD.value()).build());

        shop.clock.set(begin.minusNanos(1));
        refused(manager, "parent-running", () -> manager.activate(CHILD));
        shop.clock.set(begin);
        assertThat(manager.activate(CHILD).issued().credential().expiresAt()).isEqualTo(end);
        shop.clock.set(end.minusNanos(1));
        manager.rotateCredentials(CHILD);
        shop.clock.set(end);
        refused(manager, "parent-running", () -> manager.rotateCredentials(CHILD));
    }

    @Test
    void coming_back_needs_a_parent_that_works() {
        activeParent();
        activeChild(PARENT, CHILD.value());
        manager.suspend(PARENT, "", ADMIN);
        manager.suspend(CHILD, "", ADMIN);

        refused(manager, "parent-running", () -> manager.resume(CHILD, ADMIN));
        manager.resume(PARENT, ADMIN);
        manager.resume(CHILD, ADMIN);
        assertThat(standing(CHILD)).isEmpty();
    }

    /** No command changes what a parent may do, so its record does it here. */
    @Test
    void what_the_parent_may_do_is_looked_at_again_with_each_credential() {
        activeParent("read", "write");
        activeChild(PARENT, CHILD.value(), "read", "write");
        Agent child = manager.get(CHILD);
        AgentCodec.Stored parent =
                AgentCodec.decode(store.get(SweepFleet.record(PARENT)).orElseThrow());
        StoredRecord encoded = AgentCodec.encode(parent, Optional.empty());
        AgentCodec.Stored narrower = AgentCodec.decode(new StoredRecord(
                encoded.key(),
                encoded.version(),
                encoded.dueAt(),
                encoded.body().replace("[\"read\",\"write\"]", "[\"read\"]"),
                encoded.index()));

        assertThat(Superiors.of(child, LifecyclePolicy.defaults(), shop.clock.instant(), key -> Optional.of(parent))
                        .keys())
                .containsExactly(SweepFleet.key(PARENT));
        assertThatThrownBy(() -> Superiors.of(
                        child, LifecyclePolicy.defaults(), shop.clock.instant(), key -> Optional.of(narrower)))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("delegation-scope"));
        assertThatThrownBy(() -> Superiors.of(
                        child,
                        LifecyclePolicy.builder().maxDelegationDepth(0).build(),
                        shop.clock.instant(),
                        key -> Optional.of(parent)))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("delegation-depth"));
        assertThatThrownBy(() ->
                        Superiors.of(child, LifecyclePolicy.defaults(), shop.clock.instant(), key -> Optional.empty()))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo("parent-exists"));
    }

    // ---- when it stops

    private void assertTreeStops(Reason standing, boolean guardToo) {
        for (AgentId agent : List.of(CHILD, GRANDCHILD)) {
            assertThat(standing(agent)).containsExactly(standing);
            assertThat(guarded(agent)).isEqualTo(guardToo ? List.of(standing) : List.of());
        }
    }

    @Test
    void the_whole_tree_stops_in_the_call_that_stops_its_root_and_goes_on_with_it() {
        threeLevels();
        assertThat(standing(GRANDCHILD)).isEmpty();
        assertThat(guarded(GRANDCHILD)).isEmpty();

        manager.suspend(PARENT, "", ADMIN);
        assertTreeStops(Reason.PARENT_STOPPED, true);
        manager.resume(PARENT, ADMIN);
        assertThat(standing(GRANDCHILD)).isEmpty();
        manager.markOrphaned(PARENT, ADMIN);
        assertTreeStops(Reason.PARENT_STOPPED, true);
        manager.reclaim(PARENT, "bob@company.com", ADMIN);
        assertThat(standing(GRANDCHILD)).isEmpty();

        manager.revokeCredentials(PARENT, "leaked", ADMIN);
        assertTreeStops(Reason.PARENT_CREDENTIAL, false);
        manager.rotateCredentials(PARENT);
        assertThat(standing(GRANDCHILD)).isEmpty();

        manager.revokeCredentials(CHILD, "leaked", ADMIN);
        assertThat(standing(PARENT)).isEmpty();
        assertThat(standing(GRANDCHILD)).containsExactly(Reason.PARENT_CREDENTIAL);
        manager.decommission(PARENT, "", ADMIN);
        assertThat(standing(CHILD)).containsExactly(Reason.CREDENTIAL_REVOKED, Reason.PARENT_STOPPED);
        assertThat(guarded(CHILD)).containsExactly(Reason.PARENT_STOPPED);
        assertThat(standing(GRANDCHILD)).containsExactly(Reason.PARENT_CREDENTIAL);
        assertThat(guarded(GRANDCHILD)).containsExactly(Reason.PARENT_STOPPED);
    }

    @Test
    void the_tree_stops_when_the_credential_of_its_root_ends() {
        Instant end = activeParent().expiresAt();
        activeChild(PARENT, CHILD.value());
        shop.clock.advance(Duration.ofHours(1));
        manager.rotateCredentials(PARENT);
        manager.rotateCredentials(CHILD);
        shop.clock.set(end.minusNanos(1));
        manager.revokeCredentials(PARENT, "", ADMIN);
        manager.rotateCredentials(PARENT);
        assertThat(standing(CHILD)).isEmpty();

        shop.clock.advance(Duration.ofHours(1).plusNanos(1));
        assertThat(standing(CHILD)).containsExactly(Reason.CREDENTIAL_EXPIRED);
        manager.rotateCredentials(CHILD);
        shop.clock.set(end.minusNanos(1).plus(DAY));
        assertThat(standing(CHILD)).containsExactly(Reason.CREDENTIAL_EXPIRED, Reason.PARENT_CREDENTIAL);
    }

    @Test
    void a_stop_that_cannot_be_stored_stops_the_tree_here() {
        threeLevels();
        store.breakAt(call -> call == Call.COMMIT);
        assertThatThrownBy(() -> manager.suspend(PARENT, "", ADMIN)).isInstanceOf(StoreException.class);
        store.heal();

        assertTreeStops(Reason.PARENT_STOPPED, true);
        manager.suspend(PARENT, "", ADMIN);
        manager.resume(PARENT, ADMIN);
        assertThat(standing(GRANDCHILD)).isEmpty();
    }

    @Test
    void a_parent_that_is_not_here_stops_its_children() {
        threeLevels();
        var fleet = new FleetView();
        var standing = new Standing(fleet, GuardPolicy.DEFAULT);
        long now = Pulse.nanos(shop.clock.instant());
        for (AgentId known : List.of(GRANDCHILD, CHILD, PARENT)) {
            fleet.committed(put(store.get(SweepFleet.record(known)).orElseThrow()));

            Verdict verdict = standing.check(
                    SweepFleet.key(GRANDCHILD),
                    manager.get(GRANDCHILD).credential().orElseThrow().id(),
                    Operation.INVOKE,
                    CallMeter.Use.IGNORED,
                    now);
            if (known.equals(PARENT)) {
                assertThat(verdict.allowed()).isTrue();
            } else {
                assertThat(verdict)
                        .isEqualTo(new Verdict.Denied("agent agent:grandchild", List.of(Reason.PARENT_UNKNOWN)));
                assertThat(standing.check(TenantId.DEFAULT, GRANDCHILD, Operation.INVOKE, CallMeter.Use.IGNORED, now))
                        .isEqualTo(verdict);
                assertThat(standing.endAbove(SweepFleet.key(GRANDCHILD), now)).isEmpty();
            }
        }
    }

    /** No command makes such a chain; a record that says so is no way to go round for ever, or to be let in. */
    @ParameterizedTest
    @ValueSource(ints = {8, 9, 0})
    void a_chain_that_is_too_deep_or_a_ring_lets_nobody_in(int depth) {
        threeLevels();
        var fleet = new FleetView();
        var standing = new Standing(fleet, GuardPolicy.DEFAULT);
        AgentCodec.Stored sample =
                AgentCodec.decode(store.get(SweepFleet.record(CHILD)).orElseThrow());
        for (int i = 0; i <= depth; i++) {
            Optional<AgentId> parent = depth == 0
                    ? Optional.of(AgentId.of("agent:0"))
                    : Optional.of(i - 1).filter(n -> n >= 0).map(n -> AgentId.of("agent:" + n));
            Agent agent = relative(sample.agent(), AgentId.of("agent:" + i), parent);
            fleet.committed(put(AgentCodec.encode(new AgentCodec.Stored(agent, sample.head()), Optional.empty())));
        }

        Verdict verdict = standing.check(
                SweepFleet.key(AgentId.of("agent:" + depth)),
                sample.agent().credential().orElseThrow().id(),
                Operation.INVOKE,
                CallMeter.Use.IGNORED,
                Pulse.nanos(shop.clock.instant()));

        assertThat(verdict.allowed()).isEqualTo(depth == Lineage.DEEPEST);
        assertThat(standing.endAbove(SweepFleet.key(AgentId.of("agent:" + depth)), Pulse.nanos(shop.clock.instant()))
                        .isPresent())
                .isEqualTo(depth == Lineage.DEEPEST);
    }

    private static Agent relative(Agent of, AgentId id, Optional<AgentId> parent) {
        return new Agent(
                SweepFleet.key(id),
                1,
                of.state(),
                of.profile(),
                of.entitlements(),
                of.lifespan(),
                of.rateLimit(),
                new Lineage(parent),
                of.owner(),
                of.coOwners(),
                of.approval(),
                of.holds(),
                of.legalHolds(),
                of.conduct(),
                of.credentials(),
                of.keyHistory(),
                of.activity(),
                of.tally(),
                of.retirement());
    }

    private static Commit put(StoredRecord record) {
        return new Commit(
                new RequestId("put-" + record.key()),
                Instant.EPOCH,
                List.of(),
                List.of(new Mutation.Put(
                        new StoredRecord(record.key(), record.version(), record.dueAt(), record.body(), Map.of()))),
                List.of());
    }

    // ---- both at once

    private static final List<Consumer<LifecycleManager>> STOPS = List.of(
            manager -> manager.suspend(PARENT, "", ADMIN),
            manager -> manager.revokeCredentials(PARENT, "", ADMIN),
            manager -> manager.markOrphaned(PARENT, ADMIN),
            manager -> manager.decommission(PARENT, "", ADMIN));

    /** The child of a parent that is stopped while its credential is made. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void a_parent_that_is_stopped_while_a_credential_is_made_gives_none(int stop) {
        activeParent();
        activeChild(PARENT, CHILD.value());
        manager.requestProvisioning(child(CHILD, GRANDCHILD.value()).build());
        long generation = manager.get(CHILD).credentials().generation();

        for (AgentId agent : List.of(CHILD, GRANDCHILD)) {
            if (agent.equals(CHILD)) {
                meanwhile = () -> STOPS.get(stop).accept(manager);
            }
            assertThatThrownBy(() -> {
                        if (agent.equals(CHILD)) {
                            manager.rotateCredentials(agent);
                        } else {
                            manager.activate(agent);
                        }
                    })
                    .isInstanceOfSatisfying(
                            PolicyViolationException.class,
                            e -> assertThat(e.rule()).startsWith("parent-"));
        }

        assertThat(manager.get(CHILD).credentials().generation()).isEqualTo(generation);
        assertThat(manager.get(GRANDCHILD).state()).isEqualTo(AgentState.PROVISIONED);
    }

    /** The last moment: between the call of the store and its commit. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void a_parent_that_is_stopped_just_before_the_commit_gives_none(int stop) {
        activeParent();
        activeChild(PARENT, CHILD.value());
        var late = new ForwardingStore(shop.store) {
            private boolean armed;

            @Override
            public CommitResult commit(Commit commit) {
                if (armed) {
                    armed = false;
                    STOPS.get(stop).accept(manager);
                }
                return super.commit(commit);
            }
        };
        LifecycleManager slow = shop.open(
                builder -> builder.store(late).policy(Workshop.OPEN_DOOR).credentials(mint));
        slow.requestProvisioning(child(CHILD, GRANDCHILD.value()).build());
        late.armed = true;

        assertThatThrownBy(() -> slow.activate(GRANDCHILD))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).startsWith("parent-"));

        assertThat(manager.get(GRANDCHILD).state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(manager.get(GRANDCHILD).credential()).isEmpty();
    }

    @Test
    void a_parent_that_only_changes_meanwhile_is_looked_at_again() {
        activeParent();
        manager.requestProvisioning(child(PARENT, CHILD.value()).build());
        shop.clock.advance(Duration.ofHours(1));
        meanwhile = () -> manager.rotateCredentials(PARENT);

        IssuedCredential issued = manager.activate(CHILD).issued();

        assertThat(issued.credential().expiresAt())
                .as("the end of the parent's new one")
                .isEqualTo(shop.clock.instant().plus(DAY));
        assertThat(standing(CHILD)).isEmpty();
    }

    @Test
    void tenants_do_not_delegate_to_each_other() {
        activeParent();
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        refused(
                manager,
                "parent-exists",
                () -> acme.requestProvisioning(child(PARENT, CHILD.value()).build()));
        acme.requestProvisioning(request(PARENT.value()).build());
        acme.requestProvisioning(child(PARENT, CHILD.value()).build());
        acme.activate(PARENT);
        Credential issued = acme.activate(CHILD).issued().credential();
        var key = new AgentKey(TenantId.of("acme"), CHILD);

        manager.suspend(PARENT, "", ADMIN);
        assertThat(manager.standing(key, issued.id()).allowed()).isTrue();
        acme.suspend(PARENT, "", ADMIN);
        assertThat(manager.standing(key, issued.id()).allowed()).isFalse();
    }
}
