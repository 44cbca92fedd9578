package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever a caller gets wrong: the refusal names the agent, the rule and the way out, and nothing is changed. */
class BadInputTest {
    private static final HoldReason BILLING = HoldReason.of("billing");
    private static final Actor BOB = Actor.human("bob@company.com");

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(LifecyclePolicy.defaults());

    // ---- agents and commands

    static Stream<Consumer<LifecycleManager>> verbs() {
        return Stream.of(
                m -> m.approve(ID, BOB),
                m -> m.reject(ID, "no", BOB),
                m -> m.withdraw(ID, "no", BOB),
                m -> m.activate(ID),
                m -> m.heartbeat(ID),
                m -> m.liveness(ID),
                m -> m.rotateCredentials(ID),
                m -> m.revokeCredentials(ID, "leaked", BOB),
                m -> m.changeOwner(ID, ALICE, BOB),
                m -> m.suspend(ID, "no", BOB),
                m -> m.resume(ID, BOB),
                m -> m.placeHold(ID, BILLING, "", BOB),
                m -> m.releaseHold(ID, BILLING, BOB),
                m -> m.placeLegalHold(ID, "case 1", BOB),
                m -> m.releaseLegalHold(ID, "case 1", BOB),
                m -> m.markOrphaned(ID, BOB),
                m -> m.reclaim(ID, ALICE, BOB),
                m -> m.decommission(ID, "no", BOB),
                m -> m.get(ID),
                m -> m.auditTrail(ID),
                m -> m.ownershipHistory(ID),
                m -> m.finalReport(ID));
    }

    @ParameterizedTest
    @MethodSource("verbs")
    void an_unknown_agent_is_not_found(Consumer<LifecycleManager> verb) {
        Workshop.Picture before = Workshop.Picture.of(manager);

        assertThatThrownBy(() -> verb.accept(manager))
                .isInstanceOfSatisfying(AgentNotFoundException.class, refusal -> {
                    assertThat(refusal.agent()).isEqualTo(new AgentKey(TenantId.DEFAULT, ID));
                    assertThat(refusal.code()).isEqualTo("agent-not-found");
                })
                .hasMessage("Agent not found: agent:1; query(..) lists the agents of tenant default");

        assertThat(Workshop.Picture.of(manager)).isEqualTo(before);
        assertThat(manager.find(ID)).isEmpty();
        assertThat(manager.guard().check(ID, Operation.INVOKE))
                .isEqualTo(new Verdict.Denied("agent agent:1", List.of(Verdict.Reason.UNKNOWN_AGENT)));
    }

    @Test
    void a_missing_argument_is_refused_before_anything_is_read() {
        manager.requestProvisioning(request("agent:1").build());
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> manager.requestProvisioning(null),
                () -> manager.approve(ID, null),
                () -> manager.approve(null, BOB),
                () -> manager.reject(ID, null, BOB),
                () -> manager.reject(ID, "no", null),
                () -> manager.withdraw(ID, "no", null),
                () -> manager.activate(ID, null),
                () -> manager.rotateCredentials(ID, null),
                () -> manager.revokeCredentials(ID, "leaked", null),
                () -> manager.changeOwner(ID, null, BOB),
                () -> manager.changeOwner(ID, ALICE, null),
                () -> manager.suspend(ID, (String) null, BOB),
                () -> manager.suspend(ID, "no", null),
                () -> manager.resume(ID, null),
                () -> manager.placeHold(ID, null, "", BOB),
                () -> manager.placeHold(ID, BILLING, (String) null, BOB),
                () -> manager.releaseHold(ID, null, BOB),
                () -> manager.placeLegalHold(ID, null, BOB),
                () -> manager.placeLegalHold(ID, "case 1", null),
                () -> manager.releaseLegalHold(ID, null, BOB),
                () -> manager.releaseLegalHold(ID, "case 1", null),
                () -> manager.markOrphaned(ID, null),
                () -> manager.reclaim(ID, null, BOB),
                () -> manager.decommission(ID, null, BOB),
                () -> manager.decommission(ID, "no", null),
                () -> manager.importAgents(null, "elsewhere", BOB),
                () -> manager.importAgents(List.of(), "elsewhere", null),
                () -> manager.verifyOpaque(null),
                () -> manager.decisionsBy(null, 0, 1),
                () -> manager.search(null, 0, 1),
                () -> manager.forTenant(null),
                () -> manager.guard().check(ID, null))) {
            wrong(NullPointerException.class, "", call);
        }
    }

    // ---- owners

    @ParameterizedTest
    @ValueSource(strings = {"", " ", " \t\n ", "\u2003"})
    void a_blank_owner_is_no_owner(String blank) {
        PolicyViolationException asking = refused(
                manager,
                "owner-required",
                () -> manager.requestProvisioning(
                        request("agent:1").owner(blank).build()));
        assertThat(asking)
                .hasMessageStartingWith("Owner is required by policy, but the request for Code Review Agent has none;"
                        + " name one with owner(..)");

        manager.importAgents(List.of(shop.imported("agent:1", AgentState.ORPHANED)), "elsewhere", ADMIN);
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> manager.changeOwner(ID, blank, ADMIN), () -> manager.reclaim(ID, blank, ADMIN))) {
            assertThat(refused(manager, "owner-required", call))
                    .hasMessageContaining("agent agent:1 cannot be left without one; name the new owner");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {" alice", "alice ", "team:", "team: ", "agent:", "a\nb", "a\u0000b", "\ud83d"})
    void a_name_that_cannot_be_an_owners_is_refused(String name) {
        manager.requestProvisioning(request("agent:1").build());

        wrong(IllegalArgumentException.class, "owner", () -> manager.changeOwner(ID, name, ADMIN));
        wrong(IllegalArgumentException.class, "owner", () -> request("agent:2").owner(name));
    }

    @Test
    void an_agent_without_an_owner_cannot_become_active() {
        var ownerless = new AgentImport(
                ProvisioningRequest.builder("Nobody's").id(ID).build(), AgentState.PROVISIONED, shop.clock.instant());
        manager.importAgents(List.of(ownerless), "elsewhere", ADMIN);

        assertThat(refused(manager, "owner-required", () -> manager.activate(ID)))
                .hasMessageContaining("agent agent:1 has none; name one with owner(..) or changeOwner(..)");

        manager.changeOwner(ID, ALICE, ADMIN);
        assertThat(manager.activate(ID).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    // ---- approvals

    @ParameterizedTest
    @ValueSource(
            strings = {
                "alice@company.com",
                "Alice@Company.COM",
                "  alice@company.com ",
                "\uff41lice@company.com",
                "carol@company.com",
                "CAROL@company.com"
            })
    void who_asked_or_owns_cannot_approve_by_whatever_spelling(String name) {
        manager.requestProvisioning(
                request("agent:1").requestedBy(Actor.human("carol@company.com")).build());

        assertThat(refused(manager, "self-approval", () -> manager.approve(ID, Actor.human(name))))
                .hasMessageContaining("cannot approve agent agent:1:")
                .hasMessageContaining("ask someone else or allow it by policy");

        LifecycleManager small =
                shop.open(LifecyclePolicy.builder().allowSelfApproval(true).build());
        assertThat(small.approve(ID, Actor.human(name)).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void the_letters_of_a_name_count_in_every_unicode_form() {
        manager.requestProvisioning(
                request("agent:1").owner("ren\u00e9@company.com").build());

        refused(manager, "self-approval", () -> manager.approve(ID, Actor.human("rene\u0301@company.com")));
        refused(manager, "self-approval", () -> manager.approve(ID, Actor.human("RENE\u0301@COMPANY.COM")));
        assertThat(manager.approve(ID, Actor.human("rene@company.com")).state()).isEqualTo(AgentState.PROVISIONED);
    }

    @Test
    void only_a_person_approves() {
        manager.requestProvisioning(request("agent:1").owner("team:platform").build());
        for (Actor actor :
                List.of(Actor.SYSTEM, Actor.service("ci"), Actor.agent(AgentId.of("agent:2")), Actor.policy("auto"))) {
            assertThat(refused(manager, "approver-human", () -> manager.approve(ID, actor)))
                    .hasMessageContaining(actor + " cannot approve agent agent:1: only a human can approve");
        }
        refused(manager, "self-approval", () -> manager.approve(ID, Actor.human("Platform")));
    }

    @Test
    void a_request_expires_at_its_instant_and_not_before() {
        LifecycleManager hasty = shop.open(
                LifecyclePolicy.builder().approvalTimeout(Duration.ofHours(1)).build());
        hasty.requestProvisioning(request("agent:1").build());
        hasty.requestProvisioning(request("agent:2").build());
        shop.clock.advance(Duration.ofHours(1).minusNanos(1));
        assertThat(hasty.approve(AgentId.of("agent:2"), ADMIN).state()).isEqualTo(AgentState.PROVISIONED);
        shop.clock.advance(Duration.ofNanos(1));

        assertThat(refused(hasty, "request-expired", () -> hasty.approve(ID, ADMIN)))
                .hasMessageContaining("cannot approve agent agent:1: the request expired; file a new one");
        assertThat(hasty.get(ID).state()).as("no sweep has come by").isEqualTo(AgentState.PENDING_APPROVAL);
    }

    // ---- ids

    @Test
    void an_id_is_given_once_and_never_again() {
        manager.requestProvisioning(request("agent:1").build());
        assertThat(refused(manager, "agent-id-taken", this::askAgain))
                .hasMessageContaining("the id agent:1 is taken; choose another or leave it to the library");
        refused(manager, "agent-id-taken", this::importAgain);

        manager.reject(ID, "a duplicate", ADMIN);
        assertThat(refused(manager, "agent-id-retired", this::askAgain))
                .hasMessageContaining("the id agent:1 belonged to an agent that is retired")
                .hasMessageContaining("choose another");
        refused(manager, "agent-id-retired", this::importAgain);

        AgentId other = AgentId.of("agent:2");
        manager.importAgents(List.of(shop.imported("agent:2", AgentState.ACTIVE)), "elsewhere", ADMIN);
        manager.decommission(other, "enough", ADMIN);
        refused(
                manager,
                "agent-id-retired",
                () -> manager.requestProvisioning(request("agent:2").build()));
    }

    private void askAgain() {
        manager.requestProvisioning(request("agent:1").owner("bob@company.com").build());
    }

    private void importAgain() {
        manager.importAgents(
                List.of(shop.imported("agent:9", AgentState.ACTIVE), shop.imported("agent:1", AgentState.ACTIVE)),
                "elsewhere",
                ADMIN);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a b", "a/b", "\u00fc", "agent:1\n", "../x"})
    void an_id_has_a_form(String id) {
        wrong(IllegalArgumentException.class, "agent id must be 1-128 of", () -> AgentId.of(id));
        wrong(IllegalArgumentException.class, "tenant id must be 1-64 of", () -> TenantId.of(id));
        wrong(IllegalArgumentException.class, "agent id", () -> AgentId.of("x".repeat(129)));
        assertThat(AgentId.of("x".repeat(128)).value()).hasSize(128);
    }

    // ---- texts

    @Test
    void texts_are_as_long_as_said_and_no_longer() {
        manager.requestProvisioning(request("agent:1").build());
        String most = "x".repeat(1024);
        String tooLong = most + "x";
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> manager.reject(ID, tooLong, ADMIN),
                () -> manager.withdraw(ID, tooLong, ADMIN),
                () -> manager.revokeCredentials(ID, tooLong, ADMIN),
                () -> manager.suspend(ID, tooLong, ADMIN),
                () -> manager.placeHold(ID, BILLING, tooLong, ADMIN),
                () -> manager.decommission(ID, tooLong, ADMIN))) {
            wrong(IllegalArgumentException.class, "must have at most 1024 characters but had 1025", call);
        }
        wrong(
                IllegalArgumentException.class,
                "name must have at most 256",
                () -> ProvisioningRequest.builder("x".repeat(257)));
        wrong(IllegalArgumentException.class, "actor id must have at most 256", () -> Actor.human("x".repeat(257)));
        wrong(
                IllegalArgumentException.class,
                "purpose must have at most 4096",
                () -> request("agent:2").purpose("x".repeat(4097)).build());
        wrong(
                IllegalArgumentException.class,
                "agentType must have at most 64",
                () -> request("agent:2").agentType("x".repeat(65)).build());
        wrong(
                IllegalArgumentException.class,
                "idempotency key must have at most 128",
                () -> request("agent:2").idempotencyKey("x".repeat(129)).build());
        wrong(
                IllegalArgumentException.class,
                "source must have at most 256",
                () -> manager.importAgents(
                        List.of(shop.imported("agent:2", AgentState.ACTIVE)), "x".repeat(257), ADMIN));

        assertThat(manager.placeHold(ID, BILLING, most, ADMIN).holds().all())
                .singleElement()
                .satisfies(hold -> assertThat(hold.text()).isEqualTo(most));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\u0000", "\u001b[31mred", "a\rb", "\u007f", "\u0085", "\ud800", "\udc00a"})
    void control_characters_and_broken_unicode_are_refused(String text) {
        manager.requestProvisioning(request("agent:1").build());
        for (ThrowingCallable call : List.<ThrowingCallable>of(
                () -> manager.suspend(ID, text, ADMIN),
                () -> manager.reject(ID, text, ADMIN),
                () -> Actor.human(text),
                () -> ProvisioningRequest.builder(text),
                () -> request("agent:2").purpose(text).build(),
                () -> request("agent:2").tag("k", text).build())) {
            wrong(IllegalArgumentException.class, " at position ", call);
        }
    }

    @Test
    void there_may_be_64_tags_and_128_capabilities() {
        ProvisioningRequest.Builder tags = request("agent:1");
        ProvisioningRequest.Builder capabilities = request("agent:2");
        for (int i = 0; i < 128; i++) {
            capabilities.capability("c" + i);
            if (i < 64) {
                tags.tag("k" + i, "v");
            }
        }
        manager.requestProvisioning(tags.build());
        manager.requestProvisioning(capabilities.build());

        wrong(
                IllegalArgumentException.class,
                "at most 64 tags are allowed but there were 65",
                () -> tags.tag("k64", "v").build());
        wrong(
                IllegalArgumentException.class,
                "at most 128 capabilities are allowed but there were 129",
                () -> capabilities.capability("c128").build());
        wrong(
                IllegalArgumentException.class,
                "tag must be 1-64 of",
                () -> request("agent:3").tag("a b", "v").build());
        wrong(
                IllegalArgumentException.class,
                "capability must be 1-128 of",
                () -> request("agent:3").capability("a b").build());
    }

    @Test
    void a_request_that_makes_too_big_an_event_is_refused() {
        ProvisioningRequest.Builder big = request("agent:1").purpose("\u20ac".repeat(4096));
        for (int i = 0; i < 64; i++) {
            big.tag("k" + i, "\u20ac".repeat(256));
        }
        for (int i = 0; i < 64; i++) {
            big.capability("c".repeat(120) + i);
        }

        assertThat(refused(manager, "event-size", () -> manager.requestProvisioning(big.build())))
                .hasMessageContaining(
                        "agent.requested on stream a/default/agent:1: an event may have at most 65535 bytes;"
                                + " shorten the texts, tags or capabilities");
    }

    @Test
    void holds_without_end_do_not_make_an_agent_unreadable() {
        manager.requestProvisioning(request("agent:1").build());
        String text = "\"".repeat(1024);
        for (int i = 0; i < 32; i++) {
            manager.placeHold(ID, HoldReason.of("reason_" + i), text, ADMIN);
        }

        for (int i = 32; i < 200; i++) {
            HoldReason reason = HoldReason.of("reason_" + i);
            assertThat(refused(manager, "hold-count", () -> manager.placeHold(ID, reason, text, ADMIN)))
                    .hasMessageContaining("agent agent:1 is held for 32 reasons already; release one of them first");
        }
        assertThat(manager.get(ID).holds().all()).hasSize(32);
        manager.releaseHold(ID, HoldReason.of("reason_7"), ADMIN);
        manager.placeHold(ID, HoldReason.of("reason_99"), text, ADMIN);
        manager.reject(ID, text, ADMIN);
    }

    // ---- lifespans and policies

    @Test
    void a_life_that_is_over_cannot_begin() {
        assertThat(refused(
                        manager,
                        "lifespan-over",
                        () -> manager.requestProvisioning(request("agent:1")
                                .notAfter(shop.clock.instant())
                                .build())))
                .hasMessageContaining("choose a later notAfter");
        wrong(
                IllegalArgumentException.class,
                "must be before notAfter",
                () -> request("agent:1")
                        .notBefore(shop.clock.instant())
                        .notAfter(shop.clock.instant())
                        .build());

        LifecycleManager open = shop.open(Workshop.OPEN_DOOR);
        open.requestProvisioning(request("agent:1")
                .notAfter(shop.clock.instant().plusSeconds(60))
                .build());
        shop.clock.advance(Duration.ofSeconds(60));
        assertThat(refused(open, "lifespan-over", () -> open.activate(ID)))
                .hasMessageContaining("agent agent:1 cannot become ACTIVE: its life ended at 2026-04-11T04:31:00Z;"
                        + " request a new agent");
    }

    @Test
    void negative_empty_endless_and_contradictory_durations_are_refused() {
        LifecyclePolicy.Builder policy = LifecyclePolicy.builder();
        for (Duration wrong : List.of(Duration.ZERO, Duration.ofNanos(-1), Duration.ofDays(36_526))) {
            wrong(IllegalArgumentException.class, "heartbeatInterval", () -> policy.heartbeatInterval(wrong));
            wrong(IllegalArgumentException.class, "orphanThreshold", () -> policy.orphanThreshold(wrong));
            wrong(IllegalArgumentException.class, "maxInactive", () -> policy.maxInactive(wrong));
            wrong(IllegalArgumentException.class, "approvalTimeout", () -> policy.approvalTimeout(wrong));
            wrong(
                    IllegalArgumentException.class,
                    "maxCredentialTtl",
                    () -> CredentialPolicy.DEFAULT.withMaxCredentialTtl(wrong));
        }
        for (Duration wrong : List.of(Duration.ofNanos(-1), Duration.ofDays(36_526))) {
            wrong(IllegalArgumentException.class, "inactivityGrace", () -> policy.inactivityGrace(wrong));
            wrong(
                    IllegalArgumentException.class,
                    "rotationOverlap",
                    () -> CredentialPolicy.DEFAULT.withRotationOverlap(wrong));
        }
        wrong(
                IllegalArgumentException.class,
                "rotationOverlap must be at least 0 and less than maxCredentialTtl PT5M but was PT5M",
                () -> CredentialPolicy.DEFAULT.withMaxCredentialTtl(Duration.ofMinutes(5)));
        wrong(
                IllegalArgumentException.class,
                "orphanThreshold PT9M59S must be at least heartbeatInterval PT5M times missedHeartbeats 2",
                () -> LifecyclePolicy.builder()
                        .orphanThreshold(Duration.ofSeconds(599))
                        .build());
        wrong(IllegalArgumentException.class, "missedHeartbeats", () -> policy.missedHeartbeats(0));
        wrong(IllegalArgumentException.class, "missedHeartbeats", () -> policy.missedHeartbeats(1001));
        wrong(IllegalArgumentException.class, "maxDelegationDepth", () -> policy.maxDelegationDepth(-1));
        wrong(IllegalArgumentException.class, "maxDelegationDepth", () -> policy.maxDelegationDepth(9));
        wrong(IllegalArgumentException.class, "version", () -> policy.version(0));
        wrong(IllegalArgumentException.class, "policy id", () -> policy.id(" "));
        assertThat(policy.build())
                .as("nothing of it has stuck")
                .satisfies(p ->
                        assertThat(p.ref()).isEqualTo(LifecyclePolicy.defaults().ref()));
        assertThat(policy.maxDelegationDepth(4).build().ref())
                .isNotEqualTo(LifecyclePolicy.defaults().ref());
    }

    // ---- builders

    @Test
    void settings_that_contradict_each_other_build_no_manager() {
        contradiction(
                IllegalArgumentException.class,
                "choose either store(..) or storage(..), not both",
                () -> LifecycleManager.builder().store(shop.store).storage(Path.of("anywhere")));
        contradiction(
                IllegalArgumentException.class,
                "set requireApproval(false) or choose another table",
                () -> LifecycleManager.builder().transitions(TransitionTable.brainstormRouter()));
        contradiction(
                PolicyViolationException.class,
                "the policy requires a durable store, but this one forgets everything",
                () -> LifecycleManager.builder()
                        .policy(LifecyclePolicy.builder().requireDurable(true).build()));
        contradiction(
                StoreException.class,
                "add io.agentlifecycle:lifecycle-storage-json",
                () -> LifecycleManager.builder().storage(Path.of("anywhere")));
        contradiction(
                IllegalArgumentException.class,
                "two teardown tasks are named worker",
                () -> LifecycleManager.builder()
                        .teardownTask(new FlakyTask("worker", () -> true))
                        .teardownTask(new FlakyTask("worker", () -> true)));
        contradiction(
                IllegalArgumentException.class,
                "teardown task must not be blank",
                () -> LifecycleManager.builder().teardownTask(new FlakyTask(" ", () -> true)));
        contradiction(
                IllegalArgumentException.class,
                "log origin",
                () -> LifecycleManager.builder().logOrigin("x".repeat(129)));
        assertThat(Path.of("anywhere")).doesNotExist();
    }

    private static void contradiction(
            Class<? extends Throwable> type, String message, Supplier<LifecycleManager.Builder> builder) {
        assertThatThrownBy(() -> builder.get().build()).isInstanceOf(type).hasMessageContaining(message);
    }

    @Test
    void a_log_has_one_name_for_ever() {
        var other = new Workshop(LifecycleStore.inMemory());
        LifecycleManager named = other.open(builder -> builder.logOrigin("example.com/agents"));

        assertThat(refused(named, "log-origin", () -> other.open(builder -> builder.logOrigin("example.com/others"))))
                .hasMessageContaining("the log of this store is example.com/agents for ever;"
                        + " open it without logOrigin(\"example.com/others\")");

        other.open(builder -> builder);
        other.open(builder -> builder.logOrigin("example.com/agents"));
        other.check();
    }

    private void wrong(Class<? extends Throwable> type, String message, ThrowingCallable call) {
        Workshop.Picture before = Workshop.Picture.of(manager);

        Throwable thrown = catchThrowable(call);

        assertThat(thrown).isInstanceOf(type).hasMessageContaining(message);
        assertThat(Workshop.Picture.of(manager)).as("nothing is changed").isEqualTo(before);
    }
}
