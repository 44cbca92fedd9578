package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever two threads do at the same time to stop an agent and to let it go, what they are told and what the guard says could
 * also have come about one by one: nobody is let through who was held or killed all the time. Every order of what they do to
 * the store is tried, up to a number of interruptions. A store with a defect shows that this finds one: with it the view of
 * the guard is updated after the commit, as it would be if the thread whose commit it is did so, and so when others can
 * read already what was committed.
 */
@Tag("once")
class GuardInterleavingTest {
    /** What stands in the way of the agent: all that there is to know of it, one by one. */
    private record Model(Set<Integer> holds, boolean killed) {
        Told check() {
            return new Told(holds.isEmpty() && !killed ? "allowed" : "denied", this);
        }

        Told place(int reason) {
            return holds.contains(reason) ? new Told("hold-stands", this) : new Told("done", with(reason));
        }

        /** Whoever is free again gets a credential, which nobody gets who is killed. */
        Told lift(int reason) {
            if (!holds.contains(reason)) {
                return new Told("not held", this);
            }
            return killed && holds.size() == 1 ? new Told("kill-switch", this) : new Told("done", without(reason));
        }

        Told engage() {
            return new Told("done", new Model(holds, true));
        }

        Told release() {
            return new Told(killed ? "done" : "no-such-kill", new Model(holds, false));
        }

        private Model with(int reason) {
            Set<Integer> more = new TreeSet<>(holds);
            more.add(reason);
            return new Model(more, killed);
        }

        private Model without(int reason) {
            Set<Integer> fewer = new TreeSet<>(holds);
            fewer.remove(reason);
            return new Model(fewer, killed);
        }
    }

    private record Told(String result, Model after) {}

    private enum Call {
        CHECK(Model::check, World::look),
        PLACE_1(model -> model.place(1), world -> world.place(1)),
        PLACE_2(model -> model.place(2), world -> world.place(2)),
        LIFT_1(model -> model.lift(1), world -> world.lift(1)),
        LIFT_2(model -> model.lift(2), world -> world.lift(2)),
        ENGAGE(Model::engage, World::engage),
        RELEASE(Model::release, World::release);

        private final Function<Model, Told> inModel;
        private final Function<World, String> inWorld;

        Call(Function<Model, Told> inModel, Function<World, String> inWorld) {
            this.inModel = inModel;
            this.inWorld = inWorld;
        }
    }

    /** One call of a thread, between two moments. */
    private record Made(Call call, String result, int begin, int end) {}

    /** One ACTIVE agent, and what was done to it. */
    private static final class World implements Interleavings.Attempt {
        private final LifecycleManager manager;
        private final KillSwitch kills;
        private final List<List<Call>> threads;
        private final List<Made> made = new ArrayList<>();
        private final Model start;
        private int moment;

        World(UnaryOperator<LifecycleStore> around, List<Call> before, List<List<Call>> threads) {
            this.threads = threads;
            manager = LifecycleManager.builder()
                    .store(around.apply(LifecycleStore.inMemory()))
                    .policy(Workshop.OPEN_DOOR)
                    .clock(MutableClock.at("2026-04-11T04:30:00Z"))
                    .random(new Random(1))
                    .build();
            kills = manager.killSwitch();
            Workshop.active(manager, ID.value());
            Model model = new Model(Set.of(), false);
            for (Call call : before) {
                Told told = call.inModel.apply(model);
                assertThat(call.inWorld.apply(this)).isEqualTo(told.result());
                model = told.after();
            }
            start = model;
        }

        @Override
        public List<Runnable> threads() {
            return threads.stream()
                    .<Runnable>map(calls -> () -> calls.forEach(this::make))
                    .toList();
        }

        /** Only one thread runs at a time, and they hand over to each other by semaphores. */
        private void make(Call call) {
            Interleavings.pause();
            int begin = moment++;
            String result = call.inWorld.apply(this);
            made.add(new Made(call, result, begin, moment++));
        }

        @Override
        public void check() {
            make(Call.CHECK);
            assertThat(couldBe(start, made))
                    .as("%s, and then %s one by one", start, made)
                    .isTrue();
            manager.close();
        }

        private static boolean couldBe(Model model, List<Made> left) {
            return left.isEmpty()
                    || left.stream()
                            .filter(first -> left.stream().noneMatch(other -> other.end() < first.begin()))
                            .anyMatch(first -> {
                                Told told = first.call().inModel.apply(model);
                                List<Made> rest = new ArrayList<>(left);
                                rest.remove(first);
                                return told.result().equals(first.result()) && couldBe(told.after(), rest);
                            });
        }

        String look() {
            return manager.guard().check(ID, Operation.INVOKE).allowed() ? "allowed" : "denied";
        }

        String place(int reason) {
            return told(() -> manager.placeHold(ID, hold(reason), "", ADMIN));
        }

        /**
         * Whoever is refused for a kill switch was held when the command looked at the agent, and killed a little later: only
         * if nothing was done to the agent in between, it was both at once.
         */
        String lift(int reason) {
            String result;
            long version;
            do {
                version = manager.get(ID).version();
                result = told(() -> manager.releaseHold(ID, hold(reason), ReleaseAuthority.ADMIN, ADMIN));
            } while (result.equals("kill-switch") && manager.get(ID).version() != version);
            return result;
        }

        String engage() {
            return told(() -> kills.engage(kills.agent(ID), "", ADMIN));
        }

        String release() {
            return told(() -> kills.release(kills.agent(ID), ReleaseAuthority.ADMIN, "", ADMIN));
        }

        private static HoldReason hold(int reason) {
            return HoldReason.of("reason_" + reason);
        }

        private static String told(Runnable call) {
            try {
                call.run();
                return "done";
            } catch (InvalidTransitionException e) {
                return "not held";
            } catch (PolicyViolationException e) {
                return e.rule().equals("no-such-hold") ? "not held" : e.rule();
            }
        }
    }

    /** Another thread may go on before and after whatever is done to the store. */
    private static class Pausing extends ForwardingStore {
        Pausing(LifecycleStore to) {
            super(to);
        }

        @Override
        public Optional<StoredRecord> get(RecordKey key) {
            Interleavings.pause();
            return super.get(key);
        }

        @Override
        public CommitResult commit(Commit commit) {
            Interleavings.pause();
            CommitResult result = super.commit(commit);
            Interleavings.pause();
            return result;
        }
    }

    /** Tells of a commit after it is stored, and so after others can read it; but before the caller hears of it. */
    private static final class TellsAfterwards extends Pausing {
        private final List<CommitListener> listeners = new CopyOnWriteArrayList<>();

        TellsAfterwards(LifecycleStore to) {
            super(to);
        }

        @Override
        public Subscription subscribe(CommitListener listener) {
            listeners.add(listener);
            return () -> listeners.remove(listener);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Applied applied) {
                listeners.forEach(listener -> listener.committed(applied.seq(), commit));
            }
            return result;
        }
    }

    /** Everything that can stand in the way when they begin. */
    private static final List<List<Call>> STARTS = List.of(
            List.of(),
            List.of(Call.PLACE_1),
            List.of(Call.PLACE_1, Call.PLACE_2),
            List.of(Call.ENGAGE),
            List.of(Call.PLACE_1, Call.ENGAGE));

    private final Interleavings interleavings = new Interleavings();

    @AfterEach
    void close() {
        interleavings.close();
    }

    private int explore(UnaryOperator<LifecycleStore> around, List<Call> before, List<Call> one, List<Call> other) {
        return interleavings.explore(2, () -> new World(around, before, List.of(one, other)));
    }

    @ParameterizedTest
    @EnumSource(Call.class)
    void one_call_beside_another_and_a_look(Call one) {
        int orders = 0;
        for (List<Call> start : STARTS) {
            for (Call other : Call.values()) {
                orders += explore(Pausing::new, start, List.of(one), List.of(other, Call.CHECK));
            }
        }
        assertThat(orders).as("orders").isGreaterThan(STARTS.size() * Call.values().length);
    }

    /** Both stop the agent: what was committed can be read, so one of them hears that it is done already. */
    @ParameterizedTest
    @EnumSource(names = {"ENGAGE", "PLACE_1"})
    void a_view_that_is_updated_after_the_commit_is_found(Call stop) {
        assertThatThrownBy(() -> explore(TellsAfterwards::new, List.of(), List.of(stop), List.of(stop, Call.CHECK)))
                .isInstanceOf(AssertionError.class)
                .hasMessageContainingAll("one by one", "result=allowed");
        assertThat(explore(Pausing::new, List.of(), List.of(stop), List.of(stop, Call.CHECK)))
                .as("orders with a view that is not")
                .isPositive();
    }
}
