package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Drain;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Work that is under way when its agent is stopped. */
class LeaseTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final LifecycleManager manager = shop.open(Workshop.OPEN_DOOR);
    private final List<Reason> heard = new ArrayList<>();

    private Lease lease(Drain drain) {
        return manager.guard().lease(ID, Operation.INVOKE, drain, denied -> heard.addAll(denied.reasons()));
    }

    private static void assertOver(Lease lease, Reason reason) {
        assertThatThrownBy(lease::require)
                .isInstanceOfSatisfying(
                        AccessDeniedException.class,
                        e -> assertThat(e.verdict().reasons()).containsExactly(reason));
    }

    // ---- what stops it

    static Stream<Map.Entry<Reason, Consumer<LifecycleManager>>> stops() {
        return Stream.of(
                Map.entry(Reason.SUSPENDED, manager -> manager.suspend(ID, "", ADMIN)),
                Map.entry(Reason.ORPHANED, manager -> manager.markOrphaned(ID, ADMIN)),
                Map.entry(Reason.DECOMMISSIONED, manager -> manager.decommission(ID, "", ADMIN)),
                Map.entry(Reason.KILLED, manager -> {
                    KillSwitch kills = manager.killSwitch();
                    kills.engage(kills.everything(), "", ADMIN);
                }));
    }

    @ParameterizedTest
    @MethodSource("stops")
    void whatever_stops_the_agent_stops_its_work_before_the_call_returns(
            Map.Entry<Reason, Consumer<LifecycleManager>> stop) {
        active(manager, "agent:1");
        active(manager, "agent:2");
        Lease other = manager.guard().lease(AgentId.of("agent:2"), Operation.INVOKE);
        try (Lease lease = lease(Drain.CANCEL)) {
            lease.require();
            stop.getValue().accept(manager);
            assertThat(heard).containsExactly(stop.getKey());
            assertThat(lease.isStopped()).isTrue();
            assertOver(lease, stop.getKey());
        }
        assertThat(other.isStopped()).isEqualTo(stop.getKey() == Reason.KILLED);
        assertThat(heard).as("once").hasSize(1);
    }

    @Test
    void a_life_that_ends_stops_it_when_somebody_looks() {
        manager.activate(manager.requestProvisioning(Workshop.request("agent:1")
                        .notAfter(shop.clock.instant().plus(MINUTE))
                        .build())
                .id());
        Lease asks = lease(Drain.CANCEL);
        Lease waits = lease(Drain.CANCEL);
        shop.clock.advance(MINUTE);
        assertThat(heard).isEmpty();
        assertOver(asks, Reason.EXPIRED);
        assertThat(heard).containsExactly(Reason.EXPIRED);
        manager.sweeper().sweep();
        assertThat(heard).containsExactly(Reason.EXPIRED, Reason.DECOMMISSIONED, Reason.EXPIRED);
        assertThat(waits.isStopped()).isTrue();
    }

    @Test
    void what_another_manager_decided_is_seen_by_the_next_look() {
        active(manager, "agent:1");
        LifecycleManager other = shop.open(Workshop.OPEN_DOOR);
        Lease lease = lease(Drain.CANCEL);
        other.suspend(ID, "", ADMIN);
        assertThat(heard).isEmpty();
        assertOver(lease, Reason.SUSPENDED);
        assertThat(heard).containsExactly(Reason.SUSPENDED);
    }

    @Test
    void what_could_not_be_stored_stops_it_all_the_same() {
        active(manager, "agent:1");
        Lease lease = lease(Drain.CANCEL);
        store.breakAt(call -> call == Call.COMMIT);
        assertThatThrownBy(() -> manager.suspend(ID, "", ADMIN)).isInstanceOf(StoreException.class);
        store.heal();
        assertThat(heard).containsExactly(Reason.DENIED_HERE);
        assertOver(lease, Reason.DENIED_HERE);
    }

    @Test
    void a_manager_that_is_closed_stops_it() {
        active(manager, "agent:1");
        LifecycleManager closing = shop.open(Workshop.OPEN_DOOR);
        Lease lease =
                closing.guard().lease(ID, Operation.INVOKE, Drain.CANCEL, denied -> heard.addAll(denied.reasons()));
        shop.close(closing);
        assertThat(heard).containsExactly(Reason.UNKNOWN_AGENT);
        assertOver(lease, Reason.UNKNOWN_AGENT);
    }

    @Test
    void whoever_stops_a_parent_stops_the_work_of_its_children() {
        active(manager, "agent:parent");
        manager.activate(manager.requestProvisioning(Workshop.request("agent:1")
                        .parent(AgentId.of("agent:parent"))
                        .build())
                .id());
        Lease lease = lease(Drain.CANCEL);
        manager.suspend(AgentId.of("agent:parent"), "", ADMIN);
        assertThat(heard).containsExactly(Reason.PARENT_STOPPED);
        lease.close();
        assertThat(manager.engine().leases().size()).isZero();
    }

    @Test
    void what_changes_nothing_for_the_agent_does_not_stop_it() {
        active(manager, "agent:1");
        Lease lease = lease(Drain.CANCEL);
        manager.rotateCredentials(ID);
        manager.changeOwner(ID, "bob@company.com", ADMIN);
        manager.heartbeat(ID);
        manager.sweeper().sweep();
        lease.require();
        assertThat(heard).isEmpty();
    }

    // ---- what becomes of it

    @Test
    void it_stays_stopped_when_the_agent_is_free_again() {
        active(manager, "agent:1");
        Lease lease = lease(Drain.CANCEL);
        manager.suspend(ID, "", ADMIN);
        manager.resume(ID, ADMIN);
        assertOver(lease, Reason.SUSPENDED);
        lease(Drain.CANCEL).require();
    }

    @Test
    void work_that_may_finish_goes_on_and_nothing_new_begins() {
        active(manager, "agent:1");
        Lease lease = lease(Drain.FINISH);
        manager.suspend(ID, "", ADMIN);
        assertThat(heard).containsExactly(Reason.SUSPENDED);
        shop.clock.advance(Duration.ofDays(100));
        lease.require();
        assertThat(lease.isStopped()).isTrue();
        assertThatThrownBy(() -> lease(Drain.FINISH)).isInstanceOf(AccessDeniedException.class);
    }

    @Test
    void work_that_has_a_deadline_ends_at_it() {
        active(manager, "agent:1");
        Lease lease = lease(Drain.within(MINUTE));
        shop.clock.advance(Duration.ofHours(1));
        manager.suspend(ID, "", ADMIN);
        shop.clock.advance(MINUTE.minusNanos(1));
        lease.require();
        shop.clock.advance(Duration.ofNanos(1));
        assertOver(lease, Reason.SUSPENDED);
    }

    @Test
    void after_it_was_closed_nobody_is_told_and_it_is_good_for_nothing() {
        active(manager, "agent:1");
        Lease lease = lease(Drain.FINISH);
        lease.close();
        lease.close();
        manager.suspend(ID, "", ADMIN);
        assertThat(heard).isEmpty();
        assertOver(lease, Reason.LEASE_CLOSED);
    }

    @Test
    void who_fails_when_told_keeps_nobody_else_from_being_told() {
        active(manager, "agent:1");
        manager.guard().lease(ID, Operation.INVOKE, Drain.CANCEL, denied -> {
            throw new IllegalStateException("the thread is gone");
        });
        lease(Drain.CANCEL);
        manager.suspend(ID, "", ADMIN);
        assertThat(heard).containsExactly(Reason.SUSPENDED);
    }

    @Test
    void bad_input_is_refused() {
        active(manager, "agent:1");
        Guard guard = manager.guard();
        assertThatNullPointerException().isThrownBy(() -> guard.lease(null, Operation.INVOKE));
        assertThatNullPointerException().isThrownBy(() -> guard.lease(ID, null));
        assertThatNullPointerException().isThrownBy(() -> guard.lease(ID, Operation.INVOKE, null, denied -> {}));
        assertThatNullPointerException().isThrownBy(() -> guard.lease(ID, Operation.INVOKE, Drain.CANCEL, null));
        for (Duration time : List.of(Duration.ofNanos(-1), Duration.ofDays(367), Duration.ofSeconds(Long.MAX_VALUE))) {
            assertThatIllegalArgumentException().isThrownBy(() -> Drain.within(time));
        }
        assertThatThrownBy(() -> guard.lease(AgentId.of("nobody"), Operation.INVOKE))
                .isInstanceOf(AccessDeniedException.class);
    }

    /** Whoever gets a lease while its agent is being stopped is told, or does not get it. */
    @Test
    void nobody_slips_through_between_the_look_and_the_lease() throws Exception {
        ExecutorService threads = Executors.newSingleThreadExecutor();
        try {
            for (int round = 0; round < 300; round++) {
                AgentId id = active(manager, "round:" + round).agent().id();
                AtomicInteger told = new AtomicInteger();
                Future<List<Lease>> leasing = threads.submit(() -> {
                    List<Lease> leases = new ArrayList<>();
                    try {
                        while (true) {
                            leases.add(manager.guard()
                                    .lease(id, Operation.INVOKE, Drain.CANCEL, denied -> told.incrementAndGet()));
                        }
                    } catch (AccessDeniedException e) {
                        return leases;
                    }
                });
                manager.suspend(id, "", ADMIN);
                List<Lease> leases = leasing.get();
                assertThat(leases).allMatch(Lease::isStopped);
                assertThat(told.get()).isGreaterThanOrEqualTo(leases.size());
                leases.forEach(Lease::close);
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(manager.engine().leases().size()).isZero();
    }

    @Test
    void the_story_of_a_loop_that_is_stopped_in_mid_flight() {
        active(manager, "agent:1");
        KillSwitch kills = manager.killSwitch();
        List<Integer> steps = new ArrayList<>();
        Verdict.Denied[] why = new Verdict.Denied[1];
        try (Lease work = lease(Drain.CANCEL)) {
            for (int step = 1; step <= 10; step++) {
                work.require();
                steps.add(step);
                if (step == 4) {
                    kills.engage(kills.agent(ID), "it deletes what it should not", ADMIN);
                }
            }
        } catch (AccessDeniedException e) {
            why[0] = e.verdict();
        }
        assertThat(steps).containsExactly(1, 2, 3, 4);
        assertThat(why[0].reasons()).containsExactly(Reason.KILLED);
        kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN);
        lease(Drain.CANCEL).require();
    }
}
