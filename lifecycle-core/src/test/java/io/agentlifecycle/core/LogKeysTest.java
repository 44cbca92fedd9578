package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Keys of a log come and go while hosts work with it. */
class LogKeysTest {
    private static final AgentId A = AgentId.of("a");

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final TestSealer first = new TestSealer();
    private final TestSealer second = new TestSealer();

    private LifecycleManager open(TestSealer sealer) {
        return shop.open(builder -> builder.policy(Workshop.OPEN_DOOR).sealer(sealer));
    }

    private static String id(TestSealer sealer) {
        return sealer.publicKey().keyId();
    }

    private static Optional<String> lastKey(LifecycleManager manager) {
        List<SealedEvent> events = manager.events(0, Integer.MAX_VALUE).events();
        return events.get(events.size() - 1).event().keyId();
    }

    @Test
    void a_manager_goes_over_to_a_new_key_and_the_old_one_is_retired() {
        LifecycleManager manager = open(first);
        active(manager, "a");
        assertThat(manager.logKeys()).isEqualTo(LogKeys.of(first.publicKey()));

        manager.introduceLogKey(second, ADMIN);
        manager.suspend(A, "maintenance", ADMIN);
        assertThat(lastKey(manager)).contains(id(second));
        assertThat(manager.logKeys().inForce()).containsOnlyKeys(id(first), id(second));
        manager.retireLogKey(id(first), "a year has passed", ADMIN);
        manager.resume(A, ADMIN);

        assertThat(manager.logKeys().inForce()).containsOnlyKeys(id(second));
        assertThat(manager.logKeys().first()).contains(first.publicKey());
        assertThat(manager.verify().signed()).isEqualTo(manager.verify().events());
        shop.close(manager);
        PolicyViolationException refused = catchThrowableOfType(PolicyViolationException.class, () -> open(first));
        assertThat(refused).hasMessageContaining("is signed with key " + id(second));
        assertThat(active(open(second), "b").agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void hosts_go_over_one_by_one() {
        LifecycleManager here = open(first);
        LifecycleManager there = open(first);
        active(here, "a");

        here.introduceLogKey(second, ADMIN);
        there.suspend(A, "maintenance", ADMIN);
        assertThat(lastKey(there)).contains(id(first));
        there.introduceLogKey(second, ADMIN);
        there.resume(A, ADMIN);
        assertThat(lastKey(there)).contains(id(second));

        assertThat(here.events(0, Integer.MAX_VALUE).events().stream()
                        .filter(event -> event.event().kind() == EventKind.LOG_KEY_INTRODUCED))
                .hasSize(1);
    }

    @Test
    void a_host_whose_key_was_retired_takes_power_away_and_grants_none() {
        LifecycleManager here = open(first);
        LifecycleManager late = open(first);
        active(here, "a");
        active(here, "b");
        here.introduceLogKey(second, ADMIN);
        here.retireLogKey(id(first), "stolen", ADMIN);

        assertThatThrownBy(() -> late.rotateCredentials(A))
                .isInstanceOf(AuditUnavailableException.class)
                .hasStackTraceContaining("no key that is in force in the log");
        assertThat(late.suspend(A, "maintenance", ADMIN).state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(late.auditTrail(A).get(late.auditTrail(A).size() - 1).seal()).isEqualTo(Seal.WAITING);
        refused(late, "log-key", () -> late.introduceLogKey(new TestSealer(), ADMIN));
        here.sweeper().sweep();
        assertThat(here.verify().waiting()).isZero();
    }

    @Test
    void what_makes_no_sense_is_refused_and_changes_nothing() {
        LifecycleManager manager = open(first);
        refused(manager, "log-key", () -> manager.retireLogKey(id(first), "stolen", ADMIN));
        manager.retireLogKey(id(second), "it never was", ADMIN);
        manager.introduceLogKey(first, ADMIN);
        assertThat(manager.events(0, 10).events()).hasSize(1);
        second.fail();
        assertThatThrownBy(() -> manager.introduceLogKey(second, ADMIN)).isInstanceOf(AuditUnavailableException.class);
        assertThat(manager.events(0, 10).events()).hasSize(1);
        assertThat(lastKey(manager)).contains(id(first));
        for (int keys = 1; keys < LogKeys.MOST; keys++) {
            manager.introduceLogKey(new TestSealer(), ADMIN);
        }
        second.heal();
        assertThat(refused(manager, "log-key", () -> manager.introduceLogKey(second, ADMIN)))
                .hasMessageContaining("retire one first");

        LifecycleManager unsigned = LifecycleManager.builder().build();
        refused(unsigned, "log-key", () -> unsigned.introduceLogKey(first, ADMIN));
        assertThat(unsigned.logKeys()).isEqualTo(LogKeys.NONE);
        assertThatThrownBy(() -> LifecycleManager.builder().recoveryKey("x"))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(
                        () -> LifecycleManager.builder().recoveryKey(id(first)).build())
                .hasMessageContaining("needs a sealer(..)");
    }

    @Test
    void an_unsigned_manager_that_stayed_open_takes_power_away_only_once_the_log_is_signed() {
        LifecycleManager late = shop.open(Workshop.OPEN_DOOR);
        active(late, "a");
        LifecycleManager signing = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).sealer(first).signFromHere());

        assertThatThrownBy(() -> late.rotateCredentials(A)).isInstanceOf(AuditUnavailableException.class);
        late.suspend(A, "maintenance", ADMIN);
        signing.sweeper().sweep();

        assertThat(signing.verify().waiting()).isZero();
        shop.close(late);
    }

    @Test
    void a_log_whose_keys_are_lost_is_recovered_by_the_key_in_the_safe() {
        TestSealer safe = new TestSealer();
        LifecycleManager manager = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).sealer(first).recoveryKey(id(safe)));
        active(manager, "a");
        shop.close(manager);

        PolicyViolationException refused = catchThrowableOfType(PolicyViolationException.class, () -> open(second));
        assertThat(refused).hasMessageContaining("or, if it is lost, with recoverLog(..) of key " + id(safe));
        assertThatThrownBy(() -> shop.open(builder -> builder.sealer(second).recoverLog(new TestSealer(), 1)))
                .isInstanceOf(PolicyViolationException.class);

        for (int times = 0; times < 2; times++) {
            LifecycleManager recovered = shop.open(
                    builder -> builder.policy(Workshop.OPEN_DOOR).sealer(second).recoverLog(safe, 1));
            assertThat(recovered.logKeys().inForce()).containsOnlyKeys(id(second));
            recovered.rotateCredentials(A);
            assertThat(recovered.verify().signed()).isEqualTo(recovered.verify().events());
        }
        assertThat(catchThrowableOfType(PolicyViolationException.class, () -> open(first)))
                .isNotNull();
    }

    @Test
    void a_recovery_that_was_left_in_the_settings_does_not_bring_a_retired_key_back() {
        TestSealer safe = new TestSealer();
        shop.close(shop.open(builder -> builder.sealer(first).recoveryKey(id(safe))));
        LifecycleManager manager = shop.open(builder -> builder.sealer(second).recoverLog(safe, 1));
        TestSealer third = new TestSealer();
        manager.introduceLogKey(third, ADMIN);
        manager.retireLogKey(id(second), "stolen", ADMIN);
        long events = shop.store.events(0, 100).events().size();

        PolicyViolationException refused = catchThrowableOfType(
                PolicyViolationException.class,
                () -> shop.open(builder -> builder.sealer(second).recoverLog(safe, 1)));
        assertThat(refused).hasMessageContaining("had key " + id(second) + " once, which was retired since");
        assertThat(shop.store.events(0, 100).events()).hasSize((int) events);
    }

    /** What stands in the log for ever must verify, so it is looked at before. */
    @Test
    void a_sealer_that_does_not_prove_to_hold_its_key_brings_none_in() {
        TestSealer safe = new TestSealer();
        LifecycleManager manager = shop.open(builder -> builder.sealer(first).recoveryKey(id(safe)));
        second.touch = signature -> {
            signature[5] ^= 1;
            return signature;
        };
        assertThatThrownBy(() -> manager.introduceLogKey(second, ADMIN))
                .isInstanceOf(AuditUnavailableException.class)
                .hasStackTraceContaining("signs with another key than its publicKey()");
        safe.touch = second.touch;
        assertThatThrownBy(() ->
                        shop.open(builder -> builder.sealer(new TestSealer()).recoverLog(safe, 1)))
                .isInstanceOf(AuditUnavailableException.class);

        assertThat(manager.events(0, 10).events()).hasSize(1);
    }

    /** Streams are read one after the other in the end, and a key may come between two of them. */
    @Test
    void keys_that_change_while_the_log_is_verified_are_no_finding() {
        LifecycleManager here = open(first);
        active(here, "a");
        active(here, "b");
        var changed = new AtomicBoolean(true);
        LifecycleStore meanwhile = new ForwardingStore(shop.store) {
            @Override
            public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
                if (changed.compareAndSet(false, true)) {
                    here.introduceLogKey(second, ADMIN);
                    here.suspend(A, "maintenance", ADMIN);
                }
                return super.query(query, after, limit);
            }
        };
        LifecycleManager reader = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).sealer(first).store(meanwhile));
        changed.set(false);

        assertThat(reader.verify().signed()).isEqualTo(reader.verify().events());
        assertThat(changed).isTrue();
    }

    /** Whatever is being signed while a key goes is signed again with the one that stays. */
    @Test
    void keys_change_while_others_commit() throws Exception {
        LifecycleManager here = open(first);
        LifecycleManager there = open(first);
        int threads = 4;
        for (int i = 0; i < threads; i++) {
            active(here, "agent-" + i);
        }
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        var stop = new AtomicBoolean();
        List<Future<Integer>> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            AgentId agent = AgentId.of("agent-" + i);
            workers.add(executor.submit(() -> {
                int done = 0;
                while (!stop.get()) {
                    here.placeHold(agent, HoldReason.of("work"), "", ADMIN);
                    here.releaseHold(agent, HoldReason.of("work"), ADMIN);
                    done++;
                }
                return done;
            }));
        }
        TestSealer before = first;
        for (int rotation = 0; rotation < 20; rotation++) {
            TestSealer next = new TestSealer();
            here.introduceLogKey(next, ADMIN);
            there.introduceLogKey(next, ADMIN);
            there.retireLogKey(id(before), "rotation " + rotation, ADMIN);
            before = next;
        }
        stop.set(true);
        for (Future<Integer> worker : workers) {
            assertThat(worker.get()).isPositive();
        }
        executor.shutdown();

        assertThat(here.verify()).isEqualTo(there.verify());
        assertThat(here.verify().signed()).isEqualTo(here.verify().events());
    }
}
