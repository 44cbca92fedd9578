package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each of the five promises at the top of the README, from where a host stands. */
class PromisesTest {
    private static final Actor ALICE = Actor.human("alice@company.com");
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final AgentId BOT = AgentId.of("review-bot");

    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private final DisturbedStore store = new DisturbedStore();
    private final LifecycleManager manager =
            LifecycleManager.builder().store(store).clock(clock).build();

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void a_way_in_who_asked_or_owns_does_not_approve_and_nobody_starts_unapproved() {
        manager.requestProvisioning(ProvisioningRequest.builder("Review Bot")
                .id(BOT)
                .owner("bob@company.com")
                .requestedBy(ALICE)
                .build());

        for (Actor actor : List.of(ALICE, Actor.human("bob@company.com"), Actor.human(" Alice@Company.com "))) {
            assertThatThrownBy(() -> manager.approve(BOT, actor))
                    .isInstanceOfSatisfying(
                            PolicyViolationException.class,
                            e -> assertThat(e.rule()).isEqualTo("self-approval"));
        }
        assertThatThrownBy(() -> manager.activate(BOT))
                .isInstanceOf(InvalidTransitionException.class)
                .hasMessageContaining("it is PENDING_APPROVAL, which allows [APPROVE, REJECT");
        assertThat(manager.auditTrail(BOT)).hasSize(1);
        manager.verify();
    }

    @Test
    void a_guard_that_lets_nobody_through_once_the_stopping_call_has_returned() {
        activate();
        for (Runnable stop : List.<Runnable>of(
                () -> manager.suspend(BOT, "", ADMIN),
                () -> manager.markOrphaned(BOT, ADMIN),
                () -> manager.decommission(BOT, "", ADMIN))) {
            assertThat(manager.guard().check(BOT, Operation.INVOKE).allowed()).isTrue();

            stop.run();

            assertThat(manager.guard().check(BOT, Operation.INVOKE).allowed()).isFalse();
            bringBack();
        }
        manager.verify();
    }

    @Test
    void a_stop_that_cannot_be_stored_stops_all_the_same() {
        activate();
        store.full = true;

        assertThatThrownBy(() -> manager.suspend(BOT, "", ADMIN)).isInstanceOf(StoreException.class);
        assertThat(manager.guard().check(BOT, Operation.INVOKE).allowed()).isFalse();
        assertThat(manager.get(BOT).state()).isEqualTo(AgentState.ACTIVE);
        manager.verify();
    }

    @Test
    void credentials_of_which_no_secret_is_stored_and_none_is_good_once_the_agent_may_not_act() {
        Token first = activate();
        clock.advance(Duration.ofHours(1));
        Token second = manager.rotateCredentials(BOT).issued().token();
        assertThat(isGood(first) && isGood(second)).as("in the overlap").isTrue();

        manager.suspend(BOT, "", ADMIN);

        assertThat(isGood(first) || isGood(second)).as("suspended").isFalse();
        Token third = manager.resume(BOT, ADMIN).issued().token();
        assertThat(isGood(first) || isGood(second)).as("after a new one").isFalse();
        assertThat(isGood(third)).isTrue();
        manager.decommission(BOT, "", ADMIN);
        assertThat(isGood(third)).as("retired").isFalse();

        for (Token token : List.of(first, second, third)) {
            String secret = token.reveal().substring(token.reveal().indexOf('.') + 1);
            assertThat(store.texts).noneMatch(text -> text.contains(secret));
        }
        manager.verify();
    }

    @Test
    void orphans_that_only_a_new_owner_brings_back() {
        activate();
        manager.heartbeat(BOT);
        clock.advance(Duration.ofDays(1).minusNanos(1));
        manager.sweeper().sweep();
        assertThat(manager.get(BOT).state()).isEqualTo(AgentState.ACTIVE);

        clock.advance(Duration.ofNanos(1));
        manager.sweeper().sweep();

        assertThat(manager.get(BOT).state()).isEqualTo(AgentState.ORPHANED);
        manager.suspend(BOT, "", ADMIN);
        assertThatThrownBy(() -> manager.resume(BOT, ADMIN)).isInstanceOf(InvalidTransitionException.class);
        assertThatThrownBy(() -> manager.activate(BOT)).isInstanceOf(InvalidTransitionException.class);
        manager.reclaim(BOT, "bob@company.com", ADMIN);
        manager.resume(BOT, ADMIN);
        assertThat(manager.get(BOT).state()).isEqualTo(AgentState.ACTIVE);
        assertThat(manager.get(BOT).owner().orElseThrow()).hasToString("bob@company.com");
        manager.verify();
    }

    @Test
    void a_log_in_which_a_changed_event_is_found() {
        activate();
        manager.verify();
        store.events = text -> text.replace("admin@company.com", "mallory@company.com");

        assertThatThrownBy(manager::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("a/default/review-bot");
    }

    @Test
    void a_log_in_which_a_record_that_its_events_do_not_bear_out_is_found() {
        activate();
        manager.verify();
        store.bodies = text -> text.replace("alice@company.com", "mallory@company.com");

        assertThatThrownBy(manager::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("the record of agent review-bot is not what its events say");
    }

    private Token activate() {
        manager.requestProvisioning(ProvisioningRequest.builder("Review Bot")
                .id(BOT)
                .owner("alice@company.com")
                .requestedBy(ALICE)
                .build());
        manager.approve(BOT, ADMIN);
        return manager.activate(BOT).issued().token();
    }

    private void bringBack() {
        switch (manager.get(BOT).state()) {
            case SUSPENDED -> manager.resume(BOT, ADMIN);
            case ORPHANED -> manager.reclaim(BOT, "alice@company.com", ADMIN);
            default -> {}
        }
    }

    private boolean isGood(Token token) {
        return manager.verifyOpaque(token.reveal()).allowed();
    }

    /** Notes all that is stored, and can be full, or give back something else than was stored. */
    private static final class DisturbedStore extends ForwardingStore {
        private final List<String> texts = new ArrayList<>();
        private UnaryOperator<String> events = UnaryOperator.identity();
        private UnaryOperator<String> bodies = UnaryOperator.identity();
        private boolean full;

        DisturbedStore() {
            super(LifecycleStore.inMemory());
        }

        @Override
        public CommitResult commit(Commit commit) {
            if (full) {
                return new CommitResult.Rejected(CommitResult.Reason.FULL, "there is no room");
            }
            texts.add(commit.toString());
            return super.commit(commit);
        }

        @Override
        public EventPage events(long after, int limit) {
            EventPage page = super.events(after, limit);
            return new EventPage(
                    page.events().stream()
                            .map(e -> new StoredEvent(e.stream(), e.n(), events.apply(e.canonical()), e.signature()))
                            .toList(),
                    page.cursor());
        }

        @Override
        public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
            return super.query(query, after, limit)
                    .map(r -> new StoredRecord(r.key(), r.version(), r.dueAt(), bodies.apply(r.body()), r.index()));
        }
    }
}
