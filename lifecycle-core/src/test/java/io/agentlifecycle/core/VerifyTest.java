package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A store that gives back something else than it was given is found out, and the first bad event is named. */
class VerifyTest {
    private static final String A = "a/default/a";
    private static final String B = "a/default/b";

    private FaultStore store = new FaultStore(LifecycleStore.inMemory());

    private SweepFleet fleet() {
        return fleet("origin/one");
    }

    /** Two agents with some history. */
    private SweepFleet fleet(String origin) {
        var fleet = new SweepFleet(
                LifecycleStore.inMemory(),
                inner -> {
                    store = new FaultStore(inner);
                    return store;
                },
                UnaryOperator.identity(),
                builder -> builder.logOrigin(origin));
        for (String id : List.of("a", "b")) {
            AgentId agent = fleet.alive(id);
            fleet.clock.advance(Duration.ofMinutes(1));
            fleet.manager().suspend(agent, "checked", SweepFleet.ADMIN);
            fleet.manager().resume(agent, SweepFleet.ADMIN);
            fleet.manager().rotateCredentials(agent);
            fleet.manager().placeHold(agent, HoldReason.of("unpaid"), "late", SweepFleet.ADMIN);
        }
        assertThat(fleet.manager().verify().agents()).isEqualTo(2);
        return fleet;
    }

    private static List<StoredEvent> all(SweepFleet fleet) {
        return fleet.inner.events(0, 1_000).events();
    }

    private static int index(SweepFleet fleet, String stream, long n) {
        List<StoredEvent> all = all(fleet);
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).stream().equals(stream) && all.get(i).n() == n) {
                return i;
            }
        }
        throw new AssertionError("no event " + n + " on " + stream);
    }

    private List<String> findings(SweepFleet fleet) {
        AuditTamperedException thrown = catchThrowableOfType(
                AuditTamperedException.class, () -> fleet.manager().verify());
        assertThat(thrown).as("what verify() throws").isNotNull();
        store.heal();
        return thrown.findings();
    }

    /** The log as the store gives it back. */
    private List<String> withLog(SweepFleet fleet, UnaryOperator<List<StoredEvent>> change) {
        List<StoredEvent> changed = change.apply(new ArrayList<>(all(fleet)));
        store.events = page -> page.size() == all(fleet).size() ? changed : page;
        return findings(fleet);
    }

    private List<String> withRecord(SweepFleet fleet, String from, String to) {
        store.records = found -> found.key().equals(SweepFleet.record(AgentId.of("a")))
                ? new StoredRecord(
                        found.key(), found.version(), found.dueAt(), changed(found.body(), from, to), found.index())
                : found;
        return findings(fleet);
    }

    private static String changed(String text, String from, String to) {
        assertThat(text).contains(from);
        return text.replace(from, to);
    }

    private static void names(List<String> findings, String stream, long n) {
        assertThat(findings.get(0)).contains("event " + n + " of stream " + stream + ":");
    }

    private static StoredEvent with(StoredEvent event, String stream, long n, String canonical) {
        return new StoredEvent(stream, n, canonical, event.signature());
    }

    @Test
    void every_event_that_is_changed_is_found_and_named() {
        try (SweepFleet fleet = fleet()) {
            List<StoredEvent> all = all(fleet);
            for (int i = 0; i < all.size(); i++) {
                StoredEvent event = all.get(i);
                int at = i;
                long next = all.stream()
                        .filter(e -> e.stream().equals(event.stream()) && e.n() > event.n())
                        .mapToLong(StoredEvent::n)
                        .min()
                        .orElse(-1);
                String other = event.canonical().replaceFirst("\"id\":\"[a-z.@]+\"", "\"id\":\"mallory\"");
                assertThat(other).isNotEqualTo(event.canonical());
                List<String> findings = withLog(fleet, log -> {
                    log.set(at, with(event, event.stream(), event.n(), other));
                    return log;
                });
                // the text itself is in order: that it was changed shows at the next event, or at the record
                if (next >= 0) {
                    names(findings, event.stream(), next);
                } else {
                    assertThat(findings.get(0)).contains("stream " + event.stream() + " ends at event " + event.n());
                }
            }
        }
    }

    @Test
    void every_event_that_is_dropped_or_doubled_is_found_and_named() {
        try (SweepFleet fleet = fleet()) {
            List<StoredEvent> all = all(fleet);
            for (int i = 0; i < all.size(); i++) {
                StoredEvent event = all.get(i);
                int at = i;
                List<String> doubled = withLog(fleet, log -> {
                    log.add(at, event);
                    return log;
                });
                names(doubled, event.stream(), event.n());
                boolean last = all.stream().noneMatch(e -> e.stream().equals(event.stream()) && e.n() > event.n());
                if (!last) {
                    List<String> dropped = withLog(fleet, log -> {
                        log.remove(at);
                        return log;
                    });
                    names(dropped, event.stream(), event.n() + 1);
                }
            }
        }
    }

    @Test
    void an_event_that_is_stored_in_another_place_than_it_says_is_found() {
        try (SweepFleet fleet = fleet()) {
            int last = index(fleet, A, fleet.inner.trail(A, 0, 100).size() - 1);
            StoredEvent event = all(fleet).get(last);
            for (StoredEvent moved : List.of(
                    with(event, A, event.n() + 1, event.canonical()), with(event, B, event.n(), event.canonical()))) {
                assertThat(withLog(fleet, log -> {
                            log.set(last, moved);
                            return log;
                        }))
                        .contains("event %d of stream %s: it is event %d of stream %s"
                                .formatted(moved.n(), moved.stream(), event.n(), A));
            }
        }
    }

    @Test
    void two_events_that_change_places_are_found() {
        try (SweepFleet fleet = fleet()) {
            int second = index(fleet, A, 2);
            int third = index(fleet, A, 3);
            List<String> findings = withLog(fleet, log -> {
                StoredEvent moved = log.get(second);
                log.set(second, log.get(third));
                log.set(third, moved);
                return log;
            });
            names(findings, A, 3);
        }
    }

    @Test
    void an_event_of_another_stream_or_of_another_log_is_found() {
        try (SweepFleet fleet = fleet();
                SweepFleet foreign = new SweepFleet(
                        LifecycleStore.inMemory(),
                        UnaryOperator.identity(),
                        UnaryOperator.identity(),
                        builder -> builder.logOrigin("origin/two"));
                SweepFleet twin = new SweepFleet(
                        LifecycleStore.inMemory(),
                        UnaryOperator.identity(),
                        UnaryOperator.identity(),
                        builder -> builder.logOrigin("origin/one").random(new java.util.Random(99)))) {
            int at = index(fleet, A, 3);
            StoredEvent alien = all(fleet).get(index(fleet, B, 3));
            names(
                    withLog(fleet, log -> {
                        log.set(at, with(alien, A, 3, alien.canonical()));
                        return log;
                    }),
                    A,
                    3);

            foreign.alive("a");
            twin.alive("a");
            StoredEvent elsewhere = foreign.inner.trail(A, 3, 1).get(0);
            List<String> findings = withLog(fleet, log -> {
                log.set(at, elsewhere);
                return log;
            });
            names(findings, A, 3);
            assertThat(findings.get(0)).contains("another log, origin/two");

            StoredEvent sameName = twin.inner.trail(A, 3, 1).get(0);
            names(
                    withLog(fleet, log -> {
                        log.set(at, sameName);
                        return log;
                    }),
                    A,
                    3);
        }
    }

    @Test
    void a_stream_whose_tail_was_cut_is_found_by_its_record() {
        try (SweepFleet fleet = fleet()) {
            long length = fleet.inner.trail(A, 0, 100).size();
            store.events = page -> page.stream()
                    .filter(event -> !event.stream().equals(A) || event.n() < length - 2)
                    .toList();
            assertThat(findings(fleet).get(0))
                    .contains("stream " + A + " ends at event " + (length - 3))
                    .contains("tail was cut");
            store.events = page -> page.stream()
                    .filter(event -> !event.stream().equals(StreamPosition.LOG))
                    .toList();
            assertThat(findings(fleet).get(0)).contains("stream log ends at event -1");
        }
    }

    @Test
    void a_record_that_says_something_else_than_its_events_is_found() {
        try (SweepFleet fleet = fleet()) {
            String secret = fleet.manager()
                    .get(AgentId.of("a"))
                    .credential()
                    .orElseThrow()
                    .secretSha256()
                    .orElseThrow();
            List<List<String>> changes = List.of(
                    List.of("\"state\":\"suspended\"", "\"state\":\"active\""),
                    List.of("bob@company.com", "eve@company.com"),
                    List.of("\"reason\":\"unpaid\"", "\"reason\":\"unreal\""),
                    List.of(secret, secret.substring(1) + "A"),
                    List.of("\"heard\":false", "\"heard\":true"));
            for (List<String> change : changes) {
                assertThat(withRecord(fleet, change.get(0), change.get(1)).get(0))
                        .as("%s", change)
                        .contains("record of agent a ");
            }
            assertThat(withRecord(fleet, "\"v\":1", "\"v\":2").get(0)).contains("cannot be read");
        }
    }

    @Test
    void one_agent_that_cannot_be_read_keeps_nobody_from_opening_and_may_do_nothing() {
        try (SweepFleet fleet = fleet()) {
            AgentId bad = AgentId.of("a");
            AgentId good = fleet.alive("good");
            UnaryOperator<StoredRecord> damage = found -> found.key().equals(SweepFleet.record(bad))
                    ? new StoredRecord(found.key(), found.version(), found.dueAt(), "{}", found.index())
                    : found;
            store.records = damage;
            fleet.reopen(settings -> settings.orphanThreshold(Duration.ofHours(20)));

            assertThat(fleet.admits(bad)).isFalse();
            assertThat(fleet.admits(good)).isTrue();
            assertThatThrownBy(() -> fleet.manager().suspend(bad, "", SweepFleet.ADMIN))
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining("agent:default/a");
            assertThat(findings(fleet)).anyMatch(finding -> finding.contains("agent:default/a cannot be read"));
        }
    }

    @Test
    void an_index_that_says_something_else_than_the_events_is_found() {
        try (SweepFleet fleet = fleet()) {
            store.records = found -> found.key().equals(SweepFleet.record(AgentId.of("a")))
                    ? new StoredRecord(
                            found.key(), found.version(), found.dueAt(), found.body(), Map.of("owner", "eve"))
                    : found;
            assertThat(findings(fleet)).containsExactly("the record of agent a is not what its events say");
        }
    }

    @Test
    void a_record_that_is_gone_or_that_has_no_events_is_found() {
        try (SweepFleet fleet = fleet()) {
            store.hidden = SweepFleet.record(AgentId.of("a"))::equals;
            assertThat(findings(fleet).get(0)).contains("stream " + A).contains("gone");
            store.hidden = new RecordKey(TenantId.DEFAULT, RecordKey.STREAM, StreamPosition.LOG)::equals;
            assertThat(findings(fleet).get(0)).contains("record of stream log is gone");
            store.events = page ->
                    page.stream().filter(event -> !event.stream().equals(B)).toList();
            assertThat(findings(fleet).get(0)).contains(B);
        }
    }

    @Test
    void an_event_that_is_earlier_than_the_one_before_it_is_found_though_its_chain_is_whole() {
        try (SweepFleet fleet = fleet()) {
            List<String> findings = withLog(fleet, log -> {
                int at = index(fleet, A, 6);
                Optional<SealedEvent> before = Optional.empty();
                for (int i = 0; i < log.size(); i++) {
                    StoredEvent stored = log.get(i);
                    if (!stored.stream().equals(A)) {
                        continue;
                    }
                    AuditEvent old = SealedEvent.read(stored.canonical(), stored.signature())
                            .event();
                    Instant when = i == at ? SweepFleet.START.minusSeconds(1) : old.at();
                    SealedEvent forged = SealedEvent.write(new AuditEvent(
                            old.log(),
                            old.id(),
                            when,
                            old.keyId(),
                            before.map(SealedEvent::next).orElse(old.position()),
                            old.content()));
                    before = Optional.of(forged);
                    log.set(i, StoredEvent.of(forged));
                }
                return log;
            });
            names(findings, A, 6);
            assertThat(findings.get(0)).contains("earlier than the event before it");
        }
    }

    @Test
    void a_final_report_that_says_something_else_than_the_trail_is_found() {
        try (SweepFleet fleet = fleet()) {
            fleet.manager().decommission(AgentId.of("a"), "enough", SweepFleet.ADMIN);
            int last = index(fleet, A, fleet.inner.trail(A, 0, 100).size() - 1);
            StoredEvent event = all(fleet).get(last);
            for (List<String> change : List.of(
                    List.of("\"suspensions\":2", "\"suspensions\":1"),
                    List.of("\"holds\":2", "\"holds\":3"),
                    List.of("\"from\":\"suspended\"", "\"from\":\"active\""),
                    List.of("\"cause\":\"retired\"", "\"cause\":\"expired\""),
                    List.of("\"cause\":\"retired\"", "\"cause\":\"RETIRED\""),
                    List.of("\"credentials\":3", "\"credentials\":2"),
                    List.of("\"events\":" + (event.n() + 1), "\"events\":" + event.n()),
                    List.of("\"failedAttempts\":0", "\"failedAttempts\":4294967296"),
                    List.of("\"tasks\":[]", "\"tasks\":[\"worker\"]"))) {
                String forged = changed(event.canonical(), change.get(0), change.get(1));
                assertThat(withLog(fleet, log -> {
                            log.set(last, with(event, A, event.n(), forged));
                            return log;
                        }))
                        .as("%s", change)
                        .contains("event %d of stream %s: the final report is not what the events before it say"
                                .formatted(event.n(), A));
            }
            for (List<String> change : List.of(
                    List.of("\"report\":{", "\"report\":{\"also\":1,"),
                    List.of("\"heartbeats\":1", "\"heartbeats\":0"),
                    List.of(",\"holds\":2", ""))) {
                String malformed = changed(event.canonical(), change.get(0), change.get(1));
                names(
                        withLog(fleet, log -> {
                            log.set(last, with(event, A, event.n(), malformed));
                            return log;
                        }),
                        A,
                        event.n());
            }
        }
    }

    @Test
    void a_damaged_stream_does_not_hide_what_is_wrong_with_another() {
        try (SweepFleet fleet = fleet()) {
            int a = index(fleet, A, 2);
            int b = index(fleet, B, 4);
            List<String> findings = withLog(fleet, log -> {
                log.set(a, with(log.get(a), A, 2, "{}"));
                log.set(b, with(log.get(b), B, 4, log.get(b).canonical() + " "));
                return log;
            });
            assertThat(findings).hasSize(2);
            names(findings.subList(0, 1), A, 2);
            names(findings.subList(1, 2), B, 4);
        }
    }

    @Test
    void a_store_with_agents_and_no_log_is_not_opened() {
        try (SweepFleet fleet = fleet()) {
            store.hidden = new RecordKey(TenantId.DEFAULT, RecordKey.STREAM, StreamPosition.LOG)::equals;
            assertThatThrownBy(() -> fleet.another(store, UnaryOperator.identity()))
                    .isInstanceOf(AuditTamperedException.class);
            store.heal();
        }
    }
}
