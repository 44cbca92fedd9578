package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.LogPage;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The trails of agents that ended long ago lose their texts, and all that is left still fits together. */
class PruneTest {
    private static final AgentId OLD = AgentId.of("agent:old");
    private static final AgentId HELD = AgentId.of("agent:held");
    private static final AgentId YOUNG = AgentId.of("agent:young");
    private static final AgentId LIVE = AgentId.of("agent:live");
    private static final Duration HALF_A_YEAR = Duration.ofDays(183);

    private static final class FailingStore extends ForwardingStore {
        private boolean fails;
        private int prunings;
        private Runnable beforeTrail = () -> {};

        FailingStore() {
            super(LifecycleStore.inMemory());
        }

        @Override
        public List<StoredEvent> trail(String stream, long from, int limit) {
            Runnable once = beforeTrail;
            beforeTrail = () -> {};
            once.run();
            return super.trail(stream, from, limit);
        }

        @Override
        public void prune(Map<String, Long> before) {
            if (fails) {
                throw new StoreException("no room", null);
            }
            prunings++;
            super.prune(before);
        }
    }

    private final FailingStore store = new FailingStore();
    private final TestSealer sealer = new TestSealer();

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final LifecycleManager manager =
            shop.open(builder -> builder.policy(Workshop.OPEN_DOOR).sealer(sealer));

    private static void retire(LifecycleManager manager, AgentId id) {
        manager.activate(
                manager.requestProvisioning(request(id.value()).build()).id());
        manager.heartbeat(id);
        manager.decommission(id, "not needed any more", ADMIN);
    }

    private Instant now() {
        return shop.clock.instant();
    }

    /** Two agents that ended long ago, one of them under a legal hold, one that just did, and one that works. */
    private void fleet() {
        retire(manager, OLD);
        retire(manager, HELD);
        manager.placeLegalHold(HELD, "case 1", ADMIN);
        shop.clock.advance(HALF_A_YEAR.plusDays(1));
        retire(manager, YOUNG);
        manager.activate(
                manager.requestProvisioning(request(LIVE.value()).build()).id());
    }

    private List<AgentId> prune() {
        return manager.prune(now().minus(HALF_A_YEAR), "nobody needs it", ADMIN);
    }

    private List<StoredEvent> stored(AgentId id) {
        return store.trail("a/default/" + id, 0, 1_000);
    }

    @Test
    void what_ended_long_ago_and_is_under_no_legal_hold_loses_its_texts() {
        fleet();
        Map<AgentId, List<StoredEvent>> before =
                Map.of(OLD, stored(OLD), HELD, stored(HELD), YOUNG, stored(YOUNG), LIVE, stored(LIVE));
        Agent agent = manager.get(OLD);

        assertThat(prune()).containsExactly(OLD);

        assertThat(stored(HELD)).isEqualTo(before.get(HELD));
        assertThat(stored(YOUNG)).isEqualTo(before.get(YOUNG));
        assertThat(stored(LIVE)).isEqualTo(before.get(LIVE));
        List<StoredEvent> left = stored(OLD);
        int end = before.get(OLD).size() - 1;
        assertThat(left.subList(0, end))
                .isEqualTo(before.get(OLD).subList(0, end).stream()
                        .map(StoredEvent::pruned)
                        .toList());
        assertThat(left.get(end)).as("what ended it").isEqualTo(before.get(OLD).get(end));
        assertThat(kinds(manager, OLD)).containsExactly(EventKind.AGENT_DECOMMISSIONED, EventKind.TRAIL_PRUNED);
        SealedEvent last = manager.auditTrail(OLD).get(1);
        assertThat(last.event().details())
                .isEqualTo(Json.object()
                        .put("events", end)
                        .put("reason", "nobody needs it")
                        .put("retention", "PT4392H")
                        .build());
        assertThat(last.event().actor()).isEqualTo(ADMIN);
        assertThat(manager.get(OLD).with(agent.activity()).at(agent.version()))
                .as("the agent is what it was")
                .isEqualTo(agent);
        assertThat(manager.finalReport(OLD)).isPresent();
        assertThat(manager.verify().pruned()).isEqualTo(end);
    }

    @Test
    void whoever_reads_on_sees_what_is_left_in_its_order() {
        fleet();
        List<SealedEvent> all = manager.events(0, 1_000).events();
        prune();

        List<SealedEvent> read = new ArrayList<>();
        LogPage page = manager.events(0, 1);
        while (!page.events().isEmpty()) {
            read.addAll(page.events());
            page = manager.events(page.cursor(), 1);
        }

        long end = stored(OLD).stream().filter(StoredEvent::isPruned).count();
        assertThat(read).hasSize(all.size() - (int) end + 1);
        assertThat(all).containsAll(read.subList(0, read.size() - 1));
        assertThat(manager.auditTrail(OLD, 0, 1))
                .extracting(event -> event.event().position().n())
                .containsExactly(end);
        assertThat(manager.auditTrail(OLD, end + 2, 1)).isEmpty();
        assertThat(manager.decisionsBy(ADMIN, 0, 1_000).events())
                .extracting(event -> event.event().kind())
                .contains(EventKind.TRAIL_PRUNED, EventKind.LEGAL_HOLD_PLACED);
    }

    @Test
    void nothing_is_pruned_twice_and_a_hold_that_ends_lets_go() {
        fleet();
        prune();
        List<StoredEvent> left = stored(OLD);

        assertThat(prune()).isEmpty();
        assertThat(store.prunings).isEqualTo(1);
        assertThat(stored(OLD)).isEqualTo(left);

        manager.releaseLegalHold(HELD, "case 1", ADMIN);
        assertThat(prune()).containsExactly(HELD);
        assertThat(kinds(manager, HELD))
                .containsExactly(
                        EventKind.AGENT_DECOMMISSIONED,
                        EventKind.LEGAL_HOLD_PLACED,
                        EventKind.LEGAL_HOLD_RELEASED,
                        EventKind.TRAIL_PRUNED);
    }

    @Test
    void trails_are_kept_for_half_a_year_unless_the_host_says_otherwise() {
        fleet();

        assertThat(refused(
                        manager,
                        "min-retention",
                        () -> manager.prune(now().minus(HALF_A_YEAR).plusNanos(1), "", ADMIN)))
                .hasMessageContaining("minRetention");

        LifecycleManager hasty = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).sealer(sealer).minRetention(Duration.ofMinutes(5)));
        shop.clock.advance(Duration.ofMinutes(6));
        assertThat(hasty.prune(now().minusSeconds(300), "", ADMIN)).containsExactly(OLD, YOUNG);
        List<SealedEvent> trail = hasty.auditTrail(YOUNG);
        assertThat(trail.get(trail.size() - 1).event().details().get("retention"))
                .contains(Json.of("PT5M"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LifecycleManager.builder().minRetention(Duration.ofNanos(-1)));
    }

    /** The instant of the end itself is not before the time. */
    @Test
    void the_edge_is_kept() {
        retire(manager, OLD);
        Instant end = now();
        shop.clock.advance(HALF_A_YEAR.plusDays(1));

        assertThat(manager.prune(end, "", ADMIN)).isEmpty();
        assertThat(manager.prune(end.plusNanos(1), "", ADMIN)).containsExactly(OLD);
    }

    @Test
    void a_pruning_that_the_store_did_not_finish_is_finished_by_calling_again() {
        fleet();
        store.fails = true;
        assertThatThrownBy(this::prune).isInstanceOf(StoreException.class);
        assertThat(manager.verify().pruned()).isZero();
        assertThat(kinds(manager, OLD)).endsWith(EventKind.AGENT_DECOMMISSIONED, EventKind.TRAIL_PRUNED);

        store.fails = false;
        assertThat(prune()).containsExactly(OLD);
        assertThat(kinds(manager, OLD)).containsExactly(EventKind.AGENT_DECOMMISSIONED, EventKind.TRAIL_PRUNED);
    }

    @Test
    void nothing_is_pruned_while_nothing_can_be_signed() {
        fleet();
        sealer.fail();
        assertThatThrownBy(this::prune).isInstanceOf(AuditUnavailableException.class);
        sealer.heal();
        assertThat(stored(OLD)).noneMatch(StoredEvent::isPruned);
        assertThat(manager.verify().pruned()).isZero();
    }

    @Test
    void each_tenant_prunes_its_own() {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        retire(acme, OLD);
        retire(manager, OLD);
        shop.clock.advance(HALF_A_YEAR.plusDays(1));

        acme.prune(now().minus(HALF_A_YEAR), "", ADMIN);

        assertThat(stored(OLD)).noneMatch(StoredEvent::isPruned);
        assertThat(store.trail("a/acme/agent:old", 0, 1)).allMatch(StoredEvent::isPruned);
    }

    @Test
    void what_names_people_goes_with_the_texts() {
        LifecycleManager careful = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).sealer(sealer).personalData(PersonalData.DISCLOSABLE));
        retire(careful, OLD);
        shop.clock.advance(HALF_A_YEAR.plusDays(1));
        assertThat(store.disclosures("a/default/agent:old", 0, 1)).isNotEmpty();

        careful.prune(now().minus(HALF_A_YEAR), "", ADMIN);

        long end = stored(OLD).stream().filter(StoredEvent::isPruned).count();
        assertThat(store.disclosures("a/default/agent:old", 0, (int) end)).isEmpty();
        careful.erasePersonalData(OLD, "and the record", ADMIN);
        assertThat(careful.get(OLD).toString()).doesNotContain(ALICE);
    }

    @Test
    void a_trail_of_one_event_stays() {
        manager.importAgents(List.of(shop.imported(OLD.value(), AgentState.DECOMMISSIONED)), "elsewhere", ADMIN);
        shop.clock.advance(HALF_A_YEAR.plusDays(1));

        assertThat(prune()).isEmpty();
        assertThat(kinds(manager, OLD)).containsExactly(EventKind.AGENT_IMPORTED);
    }

    /** The page of agents was read before, so that nobody knows of it. */
    @Test
    void a_hold_that_comes_while_trails_are_read_keeps_its_trail() {
        fleet();
        store.beforeTrail = () -> manager.placeLegalHold(OLD, "case 2", ADMIN);

        assertThat(prune()).isEmpty();

        assertThat(stored(OLD)).noneMatch(StoredEvent::isPruned);
        assertThat(kinds(manager, OLD)).endsWith(EventKind.LEGAL_HOLD_PLACED);
    }

    @Test
    void a_hold_that_comes_after_it_is_written_down_keeps_its_trail() {
        fleet();
        LifecycleManager other = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                .sealer(sealer)
                .listener(event -> {
                    if (event.event().kind() == EventKind.TRAIL_PRUNED) {
                        manager.placeLegalHold(OLD, "case 2", ADMIN);
                    }
                }));

        assertThat(other.prune(now().minus(HALF_A_YEAR), "", ADMIN)).isEmpty();

        assertThat(stored(OLD)).noneMatch(StoredEvent::isPruned);
    }

    @Test
    void a_verification_beside_a_pruning_looks_once_more() {
        fleet();
        var pruning = new ForwardingStore(store) {
            private boolean pruned;

            @Override
            public EventPage events(long after, int limit) {
                EventPage page = super.events(after, 4);
                if (!pruned
                        && page.events().stream()
                                .anyMatch(event -> event.stream().endsWith("old"))) {
                    pruned = true;
                    PruneTest.this.prune();
                }
                return page;
            }
        };
        LifecycleManager other = shop.open(
                builder -> builder.store(pruning).policy(Workshop.OPEN_DOOR).sealer(sealer));

        assertThat(other.verify().pruned()).isPositive();
        assertThat(pruning.pruned).isTrue();
    }

    // ---- a store that prunes by itself

    private LifecycleManager other(LifecycleStore of) {
        return LifecycleManager.builder()
                .store(of)
                .clock(shop.clock)
                .policy(Workshop.OPEN_DOOR)
                .build();
    }

    @Test
    void texts_that_are_gone_without_a_word_are_found() {
        LifecycleStore bad = LifecycleStore.inMemory();
        LifecycleManager host = other(bad);
        retire(host, OLD);
        host.activate(host.requestProvisioning(request(LIVE.value()).build()).id());
        bad.prune(Map.of("a/default/agent:old", 2L));

        assertThatThrownBy(host::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("2 events of stream a/default/agent:old are pruned, and no event says so");

        bad.prune(Map.of("a/default/agent:live", 1L));
        assertThatThrownBy(host::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("agent:live is ACTIVE, but its first events are pruned");
    }

    @Test
    void more_than_was_written_down_is_found_and_so_is_a_changed_hash() {
        LifecycleStore bad = LifecycleStore.inMemory();
        LifecycleManager host = other(bad);
        retire(host, OLD);
        shop.clock.advance(HALF_A_YEAR.plusDays(1));
        host.prune(now().minus(HALF_A_YEAR), "", ADMIN);
        long end = bad.trail("a/default/agent:old", 0, 100).stream()
                .filter(StoredEvent::isPruned)
                .count();
        host.verify();

        LifecycleManager forged = other(new ForwardingStore(bad) {
            @Override
            public EventPage events(long after, int limit) {
                var page = super.events(after, limit);
                return new EventPage(
                        page.events().stream()
                                .map(event -> event.isPruned() && event.n() == end - 1
                                        ? StoredEvent.pruned(event.stream(), event.n(), Digests.leafHash("forged"))
                                        : event)
                                .toList(),
                        page.cursor());
            }
        });
        assertThatThrownBy(forged::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining(
                        "event %d of stream a/default/agent:old: it does not follow event".formatted(end));

        bad.prune(Map.of("a/default/agent:old", end + 1));
        assertThatThrownBy(host::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining(
                        (end + 1) + " events of stream a/default/agent:old are pruned, and no event says so");
    }

    @Test
    void stream_log_is_never_pruned() {
        LifecycleStore bad = LifecycleStore.inMemory();
        LifecycleManager host = other(bad);
        bad.prune(Map.of("log", 1L));

        assertThatThrownBy(host::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("nothing of stream log is ever pruned");
        retire(manager, OLD);
    }
}
