package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What names people stands beside the events, is shown like the rest, and can be erased when the agent is retired. */
class PersonalDataTest {
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final String WORDS = "Bob from payments complained";

    private static final class FailingStore extends ForwardingStore {
        private boolean fails;

        FailingStore() {
            super(LifecycleStore.inMemory());
        }

        @Override
        public void erase(String stream, Collection<Long> positions) {
            if (fails) {
                throw new StoreException("no room", null);
            }
            super.erase(stream, positions);
        }
    }

    private final TestSealer sealer = new TestSealer();
    private final FailingStore store = new FailingStore();

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager open(PersonalData where) {
        return shop.open(builder -> builder.personalData(where).sealer(sealer));
    }

    /** A life in which people are named wherever they can be. */
    private static void live(LifecycleManager manager) {
        manager.requestProvisioning(request("agent:1").requestedBy(CAROL).build());
        manager.changeOwner(ID, "dave@company.com", CAROL);
        Approvals approvals = manager.approvals();
        approvals.vote(ID, Ballot.approve(WORDS).onSeeing(approvals.status(ID).shown()), ADMIN);
        manager.activate(ID, CAROL);
        manager.suspend(ID, WORDS, CAROL);
        manager.placeHold(ID, HoldReason.of("unpaid"), WORDS, CAROL);
        manager.placeLegalHold(ID, "case 1", CAROL);
        manager.releaseHold(ID, HoldReason.of("unpaid"), CAROL);
        manager.resume(ID, CAROL);
        manager.revokeCredentials(ID, WORDS, CAROL);
        manager.owners().addCoOwner(ID, Owner.of("erin@company.com"), CAROL);
        manager.owners().addCoOwner(ID, Owner.of("frank@company.com"), CAROL);
        manager.owners().addCoOwner(ID, Owner.of("grace@company.com"), CAROL);
        manager.owners().removeCoOwner(ID, Owner.of("frank@company.com"), CAROL);
        manager.changeOwner(ID, "erin@company.com", CAROL);
        manager.decommission(ID, WORDS, CAROL);
    }

    private Stream<String> texts() {
        return store.events(0, 10_000).events().stream().map(StoredEvent::canonical);
    }

    private StoredRecord record() {
        return store.get(RecordKey.agent(new AgentKey(TenantId.DEFAULT, ID))).orElseThrow();
    }

    @Test
    void no_text_of_an_event_names_anyone_and_whoever_reads_sees_all() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);

        live(manager);

        assertThat(texts().filter(text -> text.contains("a/default/")))
                .noneMatch(text -> text.contains("@company.com") || text.contains("Bob from"))
                .allMatch(text -> text.contains("\"_sd\"") || text.contains("\"type\":\"system\""));
        List<SealedEvent> trail = manager.auditTrail(ID);
        assertThat(trail).allMatch(event -> event.redacted().isEmpty());
        assertThat(trail.get(0).event().actor()).isEqualTo(CAROL);
        assertThat(manager.ownershipHistory(ID))
                .extracting(period -> period.owner().id())
                .containsExactly(ALICE, "dave@company.com", "erin@company.com");
        assertThat(manager.decisionsBy(ADMIN, 0, 100).events())
                .extracting(event -> event.event().kind())
                .containsExactly(EventKind.VOTE_CAST, EventKind.AGENT_APPROVED, EventKind.AGENT_PROVISIONED);
        assertThat(manager.verify().redacted()).isZero();
        assertThat(manager.get(ID).retirement().orElseThrow().reason()).isEqualTo(WORDS);
    }

    @Test
    void what_listeners_hear_is_whole() {
        List<SealedEvent> heard = new ArrayList<>();
        LifecycleManager manager = shop.open(
                builder -> builder.personalData(PersonalData.DISCLOSABLE).listener(heard::add));

        live(manager);

        assertThat(heard).isEqualTo(manager.events(0, 1_000).events());
    }

    @Test
    void erasure_leaves_nothing_of_it_and_the_log_verifies() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        live(manager);
        manager.releaseLegalHold(ID, "case 1", CAROL);
        manager.requestProvisioning(request("agent:other").build());
        Agent before = manager.get(ID);
        List<String> textsBefore = texts().toList();

        Agent after = manager.erasePersonalData(ID, "she asked for it", ADMIN);

        assertThat(manager.get(ID)).isEqualTo(after);
        assertThat(after.owner()).contains(Owner.of(SealedEvent.REDACTED));
        assertThat(after.version()).isEqualTo(before.version() + 1);
        assertThat(after.tally()).isEqualTo(before.tally());
        assertThat(record().toString() + record().body()).doesNotContain("@").doesNotContain("Bob from");
        List<SealedEvent> trail = manager.auditTrail(ID);
        SealedEvent last = trail.get(trail.size() - 1);
        assertThat(last.event().kind()).isEqualTo(EventKind.PERSONAL_DATA_ERASED);
        assertThat(last.event().actor()).as("who erased it is known").isEqualTo(ADMIN);
        assertThat(last.event().details().toString()).contains("she asked for it");
        assertThat(trail.subList(0, trail.size() - 1).toString())
                .doesNotContain("@")
                .doesNotContain("Bob from");
        assertThat(trail.get(0).redacted()).containsExactlyInAnyOrder("actor.id", "details.owner");
        assertThat(texts().toList()).as("no text has changed").startsWith(textsBefore.toArray(new String[0]));
        assertThat(manager.decisionsBy(CAROL, 0, 100).events()).isEmpty();
        assertThat(manager.ownershipHistory(ID)).hasSize(3);
        assertThat(manager.finalReport(ID)).isPresent();
        assertThat(manager.get(AgentId.of("agent:other")).owner()).contains(Owner.of(ALICE));
        assertThat(manager.verify().redacted())
                .isEqualTo(trail.stream()
                        .filter(event -> !event.redacted().isEmpty())
                        .count())
                .isGreaterThan(8);
    }

    @Test
    void a_legal_hold_keeps_it() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        live(manager);

        assertThat(refused(manager, "legal-hold", () -> manager.erasePersonalData(ID, "", ADMIN)))
                .hasMessageContaining("agent:1")
                .hasMessageContaining("[case 1]")
                .hasMessageContaining("release");

        manager.releaseLegalHold(ID, "case 1", CAROL);
        manager.erasePersonalData(ID, "", ADMIN);
        manager.placeLegalHold(ID, "case 2", CAROL);
        refused(manager, "legal-hold", () -> manager.erasePersonalData(ID, "", ADMIN));
    }

    @Test
    void who_answers_for_an_agent_that_lives_is_known() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.requestProvisioning(request("agent:1").build());

        assertThat(refused(manager, "erasure-after-end", () -> manager.erasePersonalData(ID, "", ADMIN)))
                .hasMessageContaining("agent:1")
                .hasMessageContaining("PENDING_APPROVAL")
                .hasMessageContaining("decommission it first");
    }

    @Test
    void what_was_signed_in_plain_text_cannot_be_erased() {
        LifecycleManager plain = open(PersonalData.PLAIN);
        plain.requestProvisioning(request("agent:1").build());
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.reject(ID, WORDS, ADMIN);

        assertThat(refused(manager, "personal-data-plain", () -> manager.erasePersonalData(ID, "", ADMIN)))
                .hasMessageContaining("1 events of agent agent:1")
                .hasMessageContaining("DISCLOSABLE");
        assertThat(manager.auditTrail(ID)).allMatch(event -> event.redacted().isEmpty());
    }

    @Test
    void nothing_is_written_down_twice_but_what_came_later_is_erased_too() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.requestProvisioning(request("agent:1").build());
        manager.reject(ID, WORDS, ADMIN);
        Agent first = manager.erasePersonalData(ID, "once", ADMIN);

        assertThat(manager.erasePersonalData(ID, "twice", ADMIN)).isEqualTo(first);
        assertThat(kinds(manager, ID)).endsWith(EventKind.AGENT_REJECTED, EventKind.PERSONAL_DATA_ERASED);

        manager.placeLegalHold(ID, "case 1", CAROL);
        manager.releaseLegalHold(ID, "case 1", CAROL);
        manager.erasePersonalData(ID, "thrice", ADMIN);
        List<SealedEvent> trail = manager.auditTrail(ID);
        assertThat(trail.subList(0, trail.size() - 1).toString())
                .doesNotContain("@")
                .doesNotContain("once");
        assertThat(manager.get(ID).legalHolds()).isEmpty();
    }

    @Test
    void an_erasure_that_the_store_did_not_finish_is_finished_by_calling_again() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.requestProvisioning(request("agent:1").build());
        manager.reject(ID, WORDS, ADMIN);
        store.fails = true;

        assertThatThrownBy(() -> manager.erasePersonalData(ID, "", ADMIN)).isInstanceOf(StoreException.class);
        assertThat(manager.verify().redacted()).isZero();
        assertThat(manager.auditTrail(ID).get(0).redacted()).isEmpty();

        store.fails = false;
        manager.erasePersonalData(ID, "", ADMIN);
        assertThat(kinds(manager, ID)).containsOnlyOnce(EventKind.PERSONAL_DATA_ERASED);
        assertThat(manager.auditTrail(ID).get(0).redacted()).isNotEmpty();
    }

    @Test
    void nothing_is_erased_while_nothing_can_be_signed() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.requestProvisioning(request("agent:1").build());
        manager.reject(ID, WORDS, ADMIN);
        sealer.fail();

        assertThatThrownBy(() -> manager.erasePersonalData(ID, "", ADMIN))
                .isInstanceOf(AuditUnavailableException.class);

        sealer.heal();
        assertThat(manager.auditTrail(ID)).allMatch(event -> event.redacted().isEmpty());
    }

    /** The store may lose what stands beside events, but nobody takes that for an erasure. */
    @Test
    void values_that_are_gone_without_an_erasure_are_found() {
        open(PersonalData.DISCLOSABLE);
        LifecycleStore other = LifecycleStore.inMemory();
        LifecycleManager manager = LifecycleManager.builder()
                .store(other)
                .personalData(PersonalData.DISCLOSABLE)
                .build();
        manager.requestProvisioning(request("agent:1").build());

        other.erase("a/default/agent:1", List.of(0L));

        assertThatThrownBy(manager::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("event 0 of stream a/default/agent:1")
                .hasMessageContaining("no personal_data.erased after it says so");
    }

    /** Also of those that stand in no record. */
    @Test
    void who_did_something_is_not_hidden_without_an_erasure() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.requestProvisioning(request("agent:1").build());
        manager.reject(ID, WORDS, ADMIN);
        manager.erasePersonalData(ID, "", ADMIN);
        LifecycleStore other = LifecycleStore.inMemory();
        LifecycleManager host = LifecycleManager.builder()
                .store(other)
                .policy(Workshop.OPEN_DOOR)
                .personalData(PersonalData.DISCLOSABLE)
                .build();
        host.requestProvisioning(request("agent:1").build());
        host.activate(ID, CAROL);
        long activated = host.auditTrail(ID).stream()
                .filter(event -> event.event().kind() == EventKind.AGENT_ACTIVATED)
                .findFirst()
                .orElseThrow()
                .event()
                .position()
                .n();

        other.erase("a/default/agent:1", List.of(activated));

        assertThatThrownBy(host::verify)
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("event %d of stream a/default/agent:1".formatted(activated));
    }

    @Test
    void what_came_later_in_plain_text_is_not_taken_for_erased() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.requestProvisioning(request("agent:1").build());
        manager.reject(ID, WORDS, ADMIN);
        manager.erasePersonalData(ID, "", ADMIN);
        LifecycleManager plain = open(PersonalData.PLAIN);
        plain.placeLegalHold(ID, "case 1", CAROL);
        plain.releaseLegalHold(ID, "case 1", CAROL);

        refused(manager, "personal-data-plain", () -> manager.erasePersonalData(ID, "", ADMIN));
    }

    @Test
    void an_agent_that_came_in_retired_can_be_erased() {
        LifecycleManager manager = open(PersonalData.DISCLOSABLE);
        manager.importAgents(List.of(shop.imported("agent:1", AgentState.DECOMMISSIONED)), "elsewhere", ADMIN);

        manager.erasePersonalData(ID, "", ADMIN);

        assertThat(record().body()).doesNotContain("@");
    }
}
