package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.StoredEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the log alone says of a quorum, and that it cannot say more than the votes in it. */
class QuorumTest {
    private static final Actor BOB = Actor.human("bob@company.com");
    private static final Actor CAROL = Actor.human("carol@company.com");
    private static final Actor DAVE = Actor.human("dave@company.com");
    private static final Stage SECURITY = Stage.people("security", 2);
    private static final Stage FINANCE = Stage.people("finance", 1);

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager manager = shop.open(stages(SECURITY, FINANCE));

    private static LifecyclePolicy stages(Stage... stages) {
        return LifecyclePolicy.builder().approvalStages(stages).build();
    }

    private void reopen(LifecyclePolicy policy) {
        shop.close(manager);
        manager = shop.open(policy);
    }

    private void ask() {
        manager.requestProvisioning(request("agent:1").build());
    }

    private void approve(Actor... actors) {
        Stream.of(actors)
                .forEach(actor -> manager.approvals()
                        .vote(
                                ID,
                                Ballot.approve("")
                                        .onSeeing(manager.approvals().status(ID).shown()),
                                actor));
    }

    private Json.Obj approved() {
        return manager.auditTrail(ID).stream()
                .map(SealedEvent::event)
                .filter(event -> event.kind() == EventKind.AGENT_APPROVED)
                .reduce((first, last) -> last)
                .orElseThrow()
                .details();
    }

    private static Json.Obj claim(Json... stages) {
        return Json.object().put("stages", new Json.Arr(List.of(stages))).build();
    }

    private static Json stage(String name, long quorum, long votes) {
        return Json.object()
                .put("name", name)
                .put("quorum", quorum)
                .put("votes", votes)
                .build();
    }

    // ---- what is written

    @Test
    void an_approval_says_how_many_each_stage_took_and_had() {
        ask();
        approve(BOB, CAROL, DAVE);

        assertThat(approved()).isEqualTo(claim(stage("security", 2, 2), stage("finance", 1, 1)));
    }

    @Test
    void where_one_person_is_enough_or_nobody_is_asked_it_says_nothing() {
        reopen(LifecyclePolicy.defaults());
        ask();
        approve(BOB);
        assertThat(approved()).isEqualTo(Json.Obj.EMPTY);

        reopen(Workshop.OPEN_DOOR);
        manager.requestProvisioning(request("agent:2").build());
        assertThat(manager.verify().agents()).isEqualTo(2);
    }

    @Test
    void it_says_what_counted_by_the_policy_then_also_where_no_vote_was_cast_in_the_end() {
        ask();
        approve(BOB, CAROL);
        reopen(stages(Stage.people("security", 1)));
        approve(CAROL);

        assertThat(approved()).isEqualTo(claim(stage("security", 1, 2)));
        assertThat(manager.verify().agents()).isOne();
    }

    @Test
    void who_voted_in_two_stages_of_two_policies_counts_in_one_and_the_log_is_still_good() {
        reopen(stages(Stage.people("first", 1), Stage.people("second", 1)));
        ask();
        approve(BOB);
        reopen(stages(Stage.people("other", 2)));
        approve(BOB);
        reopen(stages(Stage.people("first", 1), Stage.people("other", 1)));
        approve(CAROL);

        assertThat(approved()).isEqualTo(claim(stage("first", 1, 1), stage("other", 1, 1)));
        assertThat(manager.verify().agents()).isOne();
    }

    @Test
    void a_name_that_came_as_a_service_and_as_a_person_may_stand_twice_in_one_stage() {
        reopen(stages(new Stage("any", 2, Stage.Kind.ANYONE, Set.of())));
        ask();
        approve(Actor.service("bob@company.com"));
        reopen(stages(Stage.people("any", 2)));
        approve(BOB, CAROL);

        assertThat(approved()).isEqualTo(claim(stage("any", 2, 2)));
        assertThat(manager.verify().agents()).isOne();
    }

    @Test
    void whose_names_are_erased_may_be_anybody() {
        shop.close(manager);
        manager = shop.open(builder -> builder.policy(stages(SECURITY)).personalData(PersonalData.DISCLOSABLE));
        ask();
        approve(BOB, CAROL);
        manager.decommission(ID, "enough", ADMIN);
        manager.erasePersonalData(ID, "asked for", ADMIN);

        assertThat(manager.auditTrail(ID).toString()).doesNotContain("bob@company", "carol@company");
        assertThat(manager.verify().redacted()).isPositive();
    }

    // ---- what is forged

    /** What verify finds when the agent's trail is written anew, with a whole chain. */
    private List<String> findings(UnaryOperator<List<EventContent>> change) {
        List<StoredEvent> all = new ArrayList<>(store.events(0, 1_000).events());
        List<SealedEvent> trail = manager.auditTrail(ID);
        List<StoredEvent> log = new ArrayList<>(all);
        log.removeIf(stored -> stored.stream().startsWith("a/"));
        SealedEvent before = null;
        for (EventContent content :
                change.apply(trail.stream().map(each -> each.event().content()).toList())) {
            AuditEvent first = trail.get(0).event();
            SealedEvent forged = SealedEvent.write(new AuditEvent(
                    first.log(),
                    first.id(),
                    first.at(),
                    first.keyId(),
                    before == null ? first.position() : before.next(),
                    content));
            log.add(StoredEvent.of(forged));
            before = forged;
        }
        store.events = page -> page.size() == all.size() ? log : page;
        AuditTamperedException thrown = catchThrowableOfType(AuditTamperedException.class, () -> manager.verify());
        store.heal();
        return thrown == null ? List.of() : thrown.findings();
    }

    private static UnaryOperator<List<EventContent>> claiming(Json.Obj details) {
        return contents -> contents.stream()
                .map(content ->
                        content.kind() == EventKind.AGENT_APPROVED ? with(content, content.actor(), details) : content)
                .toList();
    }

    private static EventContent with(EventContent content, Actor actor, Json.Obj details) {
        return new EventContent(
                content.kind(),
                actor,
                content.from(),
                content.to(),
                content.command(),
                content.cause(),
                content.policy(),
                content.approval(),
                content.credential(),
                details);
    }

    @Test
    void a_trail_that_is_written_anew_as_it_is_verifies_but_for_its_end() {
        ask();
        approve(BOB, CAROL, DAVE);

        assertThat(findings(contents -> contents))
                .singleElement()
                .asString()
                .contains("tail was cut, or the record changed");
    }

    @ParameterizedTest
    @CsvSource({
        "security, 2, 3, 3 votes in stage security",
        "security, 3, 2, 2 votes in stage security",
        "other, 1, 1, 1 votes in stage other",
        "security, 0, 2, must be 1 to 64",
        "security, 2, 65, must be 1 to 64",
        "security, 4294967297, 2, must be 1 to 64"
    })
    void nobody_makes_a_quorum_of_votes_that_were_not_cast(String name, long quorum, long votes, String found) {
        ask();
        approve(BOB, CAROL, DAVE);

        assertThat(findings(claiming(claim(stage(name, quorum, votes)))))
                .singleElement()
                .asString()
                .contains("event 4 of stream a/default/agent:1:", found);
    }

    @Test
    void nobody_counts_a_stage_twice_or_says_more_of_it() {
        ask();
        approve(BOB, CAROL, DAVE);

        assertThat(findings(claiming(claim(stage("security", 2, 2), stage("security", 2, 2)))))
                .singleElement()
                .asString()
                .contains("passed twice");
        Json more = Json.object()
                .put("name", "security")
                .put("quorum", 1)
                .put("votes", 1)
                .put("also", 1)
                .build();
        assertThat(findings(claiming(claim(more)))).singleElement().asString().contains("unknown member also");
    }

    @Test
    void votes_that_are_left_out_advice_and_votes_on_what_it_was_before_make_no_quorum() {
        ask();
        approve(BOB, CAROL, DAVE);
        String place = "event %d of stream a/default/agent:1:";

        assertThat(findings(contents -> Stream.concat(
                                contents.subList(0, 2).stream(), contents.subList(3, contents.size()).stream())
                        .toList()))
                .singleElement()
                .asString()
                .contains(place.formatted(3), "2 votes in stage security");
        assertThat(findings(contents -> {
                    List<EventContent> forged = new ArrayList<>(contents);
                    EventContent vote = forged.get(2);
                    Json.ObjBuilder advice = Json.object();
                    vote.details().members().forEach(advice::put);
                    forged.set(
                            2,
                            with(
                                    vote,
                                    vote.actor(),
                                    advice.put("advisory", true).build()));
                    return forged;
                }))
                .singleElement()
                .asString()
                .contains(place.formatted(4), "2 votes in stage security");
        assertThat(findings(contents -> {
                    List<EventContent> forged = new ArrayList<>(contents);
                    Json.Obj owner =
                            Json.object().put("newOwner", "eve@company.com").build();
                    forged.add(
                            4,
                            EventContent.of(EventKind.AGENT_OWNER_CHANGED, ADMIN, owner)
                                    .step(
                                            contents.get(1).from().orElseThrow(),
                                            contents.get(1).to().orElseThrow()));
                    return forged;
                }))
                .singleElement()
                .asString()
                .contains(place.formatted(5), "2 votes in stage security");
    }

    @ParameterizedTest
    @CsvSource({"2, bob@company.com", "2, BOB@company.com", "2, ｂｏｂ@company.com"})
    void nobody_votes_twice_in_a_stage_under_any_spelling(int n, String name) {
        ask();
        approve(BOB, CAROL, DAVE);

        assertThat(findings(contents -> renamed(contents, n, name)))
                .singleElement()
                .asString()
                .contains("event 2 of stream a/default/agent:1:", "votes twice");
    }

    @Test
    void one_person_in_two_stages_is_one() {
        ask();
        approve(BOB, CAROL, DAVE);

        assertThat(findings(contents -> renamed(contents, 3, "Carol@company.com")))
                .singleElement()
                .asString()
                .contains("event 4 of stream a/default/agent:1:", "3 votes of 2 people");
    }

    private static List<EventContent> renamed(List<EventContent> contents, int n, String name) {
        List<EventContent> forged = new ArrayList<>(contents);
        EventContent vote = forged.get(n);
        forged.set(n, with(vote, Actor.human(name), vote.details()));
        return forged;
    }

    @Test
    void an_approval_of_an_agent_that_is_in_and_waits_for_none_is_found() {
        ask();
        approve(BOB, CAROL, DAVE);

        assertThat(findings(contents -> {
                    List<EventContent> forged = new ArrayList<>(contents);
                    EventContent approved = forged.get(4);
                    forged.add(approved.step(
                            approved.to().orElseThrow(), approved.to().orElseThrow()));
                    return forged;
                }))
                .singleElement()
                .asString()
                .contains("event 6 of stream a/default/agent:1: the request does not wait any more");
    }

    @Test
    void an_agent_that_goes_on_as_what_nobody_approved_is_found() {
        ask();
        approve(BOB, CAROL, DAVE);
        manager.activate(ID);
        manager.approvals().amend(ID, request("agent:1").purpose("other").build(), ADMIN);
        approve(BOB, CAROL, DAVE);
        manager.approvals().amend(ID, request("agent:1").purpose("third").build(), ADMIN);
        approve(BOB, CAROL, DAVE);
        manager.releaseHold(ID, HoldReason.REAPPROVAL, ADMIN);
        int approved = index(EventKind.AGENT_APPROVED);
        int amended = index(EventKind.AGENT_AMENDED);

        assertThat(findings(contents -> {
                    List<EventContent> forged = new ArrayList<>(contents);
                    forged.remove(approved);
                    return forged;
                }))
                .singleElement()
                .asString()
                .contains("event %d of".formatted(approved), "goes on as what nobody has approved");
        assertThat(findings(contents -> {
                    List<EventContent> forged = new ArrayList<>(contents);
                    EventContent amendment = forged.get(amended);
                    Map<String, Json> details =
                            new TreeMap<>(amendment.details().members());
                    details.remove("reapproval");
                    forged.set(amended, with(amendment, amendment.actor(), new Json.Obj(details)));
                    return forged;
                }))
                .singleElement()
                .asString()
                .contains("event %d of".formatted(amended), "nobody is asked for");
    }

    @Test
    void a_release_that_is_agreed_of_nothing_is_found() {
        ask();
        approve(BOB, CAROL, DAVE);
        for (Json.Obj details : List.of(
                Json.Obj.EMPTY, Json.object().put("hold", "policy_violation").build())) {
            assertThat(findings(contents -> {
                        List<EventContent> forged = new ArrayList<>(contents);
                        forged.add(EventContent.of(EventKind.RELEASE_AGREED, BOB, details)
                                .step(AgentState.PROVISIONED, AgentState.PROVISIONED));
                        return forged;
                    }))
                    .singleElement()
                    .asString()
                    .contains("is agreed that does not stand");
        }
    }

    private int index(EventKind kind) {
        List<EventKind> kinds = Workshop.kinds(manager, ID);
        return kinds.lastIndexOf(kind);
    }
}
