package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static io.agentlifecycle.core.access.Verdict.Reason.CREDENTIAL_EXPIRED;
import static io.agentlifecycle.core.access.Verdict.Reason.CREDENTIAL_RETIRED;
import static io.agentlifecycle.core.access.Verdict.Reason.CREDENTIAL_REVOKED;
import static io.agentlifecycle.core.access.Verdict.Reason.CREDENTIAL_UNKNOWN;
import static io.agentlifecycle.core.access.Verdict.Reason.DECOMMISSIONED;
import static io.agentlifecycle.core.access.Verdict.Reason.EXPIRED;
import static io.agentlifecycle.core.access.Verdict.Reason.NOT_YET_VALID;
import static io.agentlifecycle.core.access.Verdict.Reason.ORPHANED;
import static io.agentlifecycle.core.access.Verdict.Reason.SUSPENDED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Credentials with the opaque tokens of the default issuer: issued, rotated, revoked, expired, and checked. */
class CredentialLifeTest {
    private static final Duration DAY = Duration.ofHours(24);
    private static final Duration OVERLAP = Duration.ofMinutes(5);
    private static final Duration NANO = Duration.ofNanos(1);

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final LifecycleManager manager = shop.open(Workshop.OPEN_DOOR);

    // ---- issued

    @Test
    void activation_gives_a_token_that_is_good_for_a_day() {
        Activation activation = active(manager, "agent:1");
        IssuedCredential issued = activation.issued();

        assertThat(issued.credential().issuedAt()).isEqualTo(shop.clock.instant());
        assertThat(issued.credential().expiresAt())
                .isEqualTo(shop.clock.instant().plus(DAY));
        assertThat(issued.credential().generation()).isEqualTo(1);
        assertThat(activation.agent().credential()).contains(issued.credential());
        assertThat(issued.token().reveal()).matches("cred:[0-9a-f]{32}\\.[A-Za-z0-9_-]{43}");
        assertThat(issued.token().reveal()).startsWith(issued.credential().id() + ".");
        assertThat(verdict(issued)).isEqualTo(new Verdict.Allowed(new AgentKey(TenantId.DEFAULT, ID)));
        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.AGENT_ACTIVATED, EventKind.CREDENTIAL_ISSUED);
    }

    @Test
    void an_agent_whose_credential_cannot_be_made_is_not_activated() {
        var issuer = new TestIssuer();
        LifecycleManager failing =
                shop.open(builder -> builder.policy(Workshop.OPEN_DOOR).credentials(issuer));
        failing.requestProvisioning(request("agent:1").build());
        Workshop.Picture before = Workshop.Picture.of(failing);
        issuer.failFor.add(ID);

        assertThatThrownBy(() -> failing.activate(ID)).hasMessage("no key for agent:1");

        assertThat(Workshop.Picture.of(failing)).isEqualTo(before);
        issuer.failFor.clear();
        assertThat(failing.activate(ID).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_credential_is_for_one_agent_only() {
        IssuedCredential first = active(manager, "agent:1").issued();
        Activation second = active(manager, "agent:2");

        assertThat(manager.standing(second.agent().key(), first.credential().id()))
                .isEqualTo(new Verdict.Denied("agent agent:2", List.of(CREDENTIAL_UNKNOWN)));
        String mixed = second.issued().credential().id()
                + first.token().reveal().substring(first.token().reveal().indexOf('.'));
        assertThat(reasons(manager.verifyOpaque(mixed))).containsExactly(CREDENTIAL_UNKNOWN);
    }

    // ---- checked

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "cred:",
                "garbage",
                "cred:00000000000000000000000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "cred:0000000000000000000000000000000g.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "CRED:00000000000000000000000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "cred:00000000000000000000000000000000.\ud800",
                "eyJhbGciOiJub25lIn0.e30."
            })
    void garbage_is_denied_without_a_word_about_agents(String token) {
        active(manager, "agent:1");

        assertThat(manager.verifyOpaque(token))
                .isEqualTo(new Verdict.Denied("this token", List.of(CREDENTIAL_UNKNOWN)));
        assertThat(manager.verifyOpaque(token + "x".repeat(100_000)).allowed()).isFalse();
    }

    @Test
    void one_wrong_character_of_the_secret_denies() {
        IssuedCredential issued = active(manager, "agent:1").issued();
        String token = issued.token().reveal();
        for (int at = token.indexOf('.') + 1; at < token.length(); at++) {
            char other = token.charAt(at) == 'A' ? 'B' : 'A';
            String wrong = token.substring(0, at) + other + token.substring(at + 1);
            assertThat(manager.verifyOpaque(wrong))
                    .isEqualTo(new Verdict.Denied("this token", List.of(CREDENTIAL_UNKNOWN)));
        }
        assertThat(manager.verifyOpaque(token + "\n").allowed()).isFalse();
        assertThat(verdict(issued).allowed()).isTrue();
    }

    @Test
    void a_token_of_another_tenant_is_unknown() {
        IssuedCredential issued = active(manager, "agent:1").issued();
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        active(acme, "agent:1");

        assertThat(reasons(acme.verifyOpaque(issued.token().reveal()))).containsExactly(CREDENTIAL_UNKNOWN);
        assertThat(verdict(issued).allowed()).isTrue();
    }

    @Test
    void a_token_expires_at_its_instant_and_not_before() {
        IssuedCredential issued = active(manager, "agent:1").issued();
        shop.clock.advance(DAY.minus(NANO));
        assertThat(verdict(issued).allowed()).isTrue();

        shop.clock.advance(NANO);

        assertThat(reasons(verdict(issued))).containsExactly(CREDENTIAL_EXPIRED);
        assertThat(manager.get(ID).credential().orElseThrow().recorded())
                .as("no sweep has come by")
                .isEqualTo(CredentialStatus.ACTIVE);
    }

    @Test
    void a_token_is_dead_while_its_agent_may_not_act_and_stays_dead_afterwards() {
        IssuedCredential first = active(manager, "agent:1").issued();

        manager.suspend(ID, "maintenance", ADMIN);
        assertThat(reasons(verdict(first))).containsExactly(SUSPENDED);
        IssuedCredential second = manager.resume(ID, ADMIN).issued();
        assertThat(reasons(verdict(first))).containsExactly(CREDENTIAL_UNKNOWN);
        assertThat(verdict(second).allowed()).isTrue();

        manager.markOrphaned(ID, ADMIN);
        assertThat(reasons(verdict(second))).containsExactly(ORPHANED);
        IssuedCredential third = manager.reclaim(ID, "bob@company.com", ADMIN).issued();
        assertThat(reasons(verdict(second))).containsExactly(CREDENTIAL_UNKNOWN);
        assertThat(verdict(third).allowed()).isTrue();
        assertThat(third.credential().generation()).isEqualTo(3);
    }

    @Test
    void a_retired_agents_token_is_dead_whether_it_was_revoked_or_left() {
        IssuedCredential revoked = active(manager, "agent:1").issued();
        manager.decommission(ID, "enough", ADMIN);
        assertThat(reasons(verdict(revoked))).containsExactly(DECOMMISSIONED, CREDENTIAL_REVOKED);
        assertThat(manager.get(ID).credential()).isEmpty();

        LifecycleManager leaving = openWith(CredentialPolicy.DEFAULT.withRevokeOnDecommission(false));
        IssuedCredential left = active(leaving, "agent:2").issued();
        leaving.decommission(AgentId.of("agent:2"), "enough", ADMIN);
        assertThat(reasons(leaving.verifyOpaque(left.token().reveal()))).containsExactly(DECOMMISSIONED);
        assertThat(leaving.get(AgentId.of("agent:2")).credential()).contains(left.credential());
        assertThat(Workshop.kinds(leaving, AgentId.of("agent:2"))).doesNotContain(EventKind.CREDENTIAL_REVOKED);
    }

    @Test
    void a_revoked_token_never_comes_back() {
        IssuedCredential old = active(manager, "agent:1").issued();
        IssuedCredential current = manager.rotateCredentials(ID).issued();

        Agent after = manager.revokeCredentials(ID, "leaked", ADMIN);

        assertThat(after.credential()).isEmpty();
        assertThat(after.state()).isEqualTo(AgentState.ACTIVE);
        assertThat(reasons(verdict(current))).containsExactly(CREDENTIAL_REVOKED);
        assertThat(reasons(verdict(old))).containsExactly(CREDENTIAL_UNKNOWN);
        AuditEvent event = last();
        assertThat(event.kind()).isEqualTo(EventKind.CREDENTIAL_REVOKED);
        assertThat(event.details().get("ids"))
                .contains(Json.of(List.of(
                        current.credential().id().value(), old.credential().id().value())));
        long version = after.version();
        assertThat(manager.revokeCredentials(ID, "again", ADMIN).version())
                .as("nothing is left to revoke")
                .isEqualTo(version);

        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.SKIPPED);
        shop.clock.advance(Duration.ofDays(2));
        assertThat(new CredentialRotator(manager).checkAndRotate())
                .as("nor after it would have expired")
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.SKIPPED);
        LifecycleManager restarted = shop.open(Workshop.OPEN_DOOR);
        assertThat(reasons(restarted.verifyOpaque(current.token().reveal()))).containsExactly(CREDENTIAL_REVOKED);
        assertThat(verdict(manager.rotateCredentials(ID).issued()).allowed())
                .as("who asks for a new one gets it")
                .isTrue();
        assertThat(reasons(verdict(current))).containsExactly(CREDENTIAL_UNKNOWN);
    }

    // ---- rotated

    @Test
    void after_a_rotation_both_are_good_until_the_overlap_ends_at_its_instant() {
        IssuedCredential old = active(manager, "agent:1").issued();
        shop.clock.advance(Duration.ofHours(1));

        IssuedCredential next = manager.rotateCredentials(ID).issued();

        assertThat(next.credential().id()).isNotEqualTo(old.credential().id());
        assertThat(next.credential().generation()).isEqualTo(2);
        assertThat(last().details().get("old"))
                .contains(Json.of(old.credential().id().value()));
        shop.clock.advance(OVERLAP.minus(NANO));
        assertThat(verdict(old).allowed()).isTrue();
        assertThat(verdict(next).allowed()).isTrue();
        shop.clock.advance(NANO);
        assertThat(reasons(verdict(old))).containsExactly(CREDENTIAL_RETIRED);
        assertThat(verdict(next).allowed()).isTrue();
    }

    @Test
    void the_overlap_does_not_lengthen_a_life() {
        IssuedCredential old = active(manager, "agent:1").issued();
        shop.clock.advance(DAY.minusMinutes(2));
        manager.rotateCredentials(ID);

        assertThat(manager.get(ID).credentials().retiring().orElseThrow().graceUntil())
                .contains(old.credential().expiresAt());
        shop.clock.advance(Duration.ofMinutes(2).minus(NANO));
        assertThat(verdict(old).allowed()).isTrue();
        shop.clock.advance(NANO);
        assertThat(reasons(verdict(old))).containsExactly(CREDENTIAL_EXPIRED);
    }

    @Test
    void at_most_two_are_good_at_once_and_without_overlap_one() {
        IssuedCredential first = active(manager, "agent:1").issued();
        IssuedCredential second = manager.rotateCredentials(ID).issued();
        IssuedCredential third = manager.rotateCredentials(ID).issued();

        assertThat(reasons(verdict(first))).containsExactly(CREDENTIAL_UNKNOWN);
        assertThat(verdict(second).allowed()).isTrue();
        assertThat(verdict(third).allowed()).isTrue();

        LifecycleManager strict = openWith(CredentialPolicy.DEFAULT.withRotationOverlap(Duration.ZERO));
        IssuedCredential fourth = strict.rotateCredentials(ID).issued();
        assertThat(reasons(strict.verifyOpaque(third.token().reveal()))).containsExactly(CREDENTIAL_RETIRED);
        assertThat(strict.verifyOpaque(fourth.token().reveal()).allowed()).isTrue();
    }

    @Test
    void the_fleet_is_looked_at_agent_by_agent_and_one_failure_stops_nobody() {
        var issuer = new TestIssuer();
        LifecycleManager fleet =
                shop.open(builder -> builder.policy(Workshop.OPEN_DOOR).credentials(issuer));
        for (String id : List.of("agent:c-due", "agent:b-broken", "agent:e-revoked")) {
            active(fleet, id);
        }
        fleet.revokeCredentials(AgentId.of("agent:e-revoked"), "leaked", ADMIN);
        fleet.importAgents(List.of(shop.imported("agent:d-none", AgentState.ACTIVE)), "elsewhere", ADMIN);
        fleet.importAgents(List.of(shop.imported("agent:f-held", AgentState.SUSPENDED)), "elsewhere", ADMIN);
        shop.clock.advance(Duration.ofHours(14));
        active(fleet, "agent:a-fresh");
        issuer.failFor.add(AgentId.of("agent:b-broken"));
        Agent broken = fleet.get(AgentId.of("agent:b-broken"));

        List<RotationResult> results = new CredentialRotator(fleet).checkAndRotate();

        assertThat(results)
                .extracting(result -> result.agent().id() + " " + result.outcome())
                .containsExactly(
                        "agent:a-fresh OK",
                        "agent:b-broken FAILED",
                        "agent:c-due ROTATED",
                        "agent:d-none ISSUED",
                        "agent:e-revoked SKIPPED");
        assertThat(results.get(1).detail()).isEqualTo("no key for agent:b-broken");
        assertThat(fleet.get(AgentId.of("agent:b-broken")).credential()).isEqualTo(broken.credential());
        for (RotationResult result : results) {
            boolean got = result.outcome() == RotationResult.Outcome.ROTATED
                    || result.outcome() == RotationResult.Outcome.ISSUED;
            assertThat(result.issued().isPresent()).isEqualTo(got);
            result.issued().ifPresent(issued -> {
                assertThat(fleet.verifyOpaque(issued.token().reveal())).isEqualTo(new Verdict.Allowed(result.agent()));
                assertThat(result.detail())
                        .isEqualTo(issued.credential().id() + " is good until "
                                + issued.credential().expiresAt());
            });
        }
        issuer.failFor.clear();
        shop.clock.advance(Duration.ofMinutes(1));
        assertThat(new CredentialRotator(fleet).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(
                        RotationResult.Outcome.OK,
                        RotationResult.Outcome.ROTATED,
                        RotationResult.Outcome.OK,
                        RotationResult.Outcome.OK,
                        RotationResult.Outcome.SKIPPED);
    }

    @Test
    void a_credential_is_rotated_from_its_instant_on() {
        Credential credential = active(manager, "agent:1").issued().credential();
        Instant due = credential.rotateAt(CredentialPolicy.DEFAULT);

        shop.clock.set(due.minus(NANO));
        assertThat(outcomes(manager)).containsExactly(RotationResult.Outcome.OK);
        shop.clock.set(due);
        assertThat(outcomes(manager)).containsExactly(RotationResult.Outcome.ROTATED);
        assertThat(outcomes(manager)).containsExactly(RotationResult.Outcome.OK);
    }

    // ---- taken back by one of them

    private void takenBack(CredentialId by, boolean expected) {
        long before = Workshop.kinds(manager, ID).stream()
                .filter(EventKind.CREDENTIAL_REVOKED::equals)
                .count();
        manager.revokeCredentials(ID, by, "leaked", Workshop.ADMIN);
        assertThat(Workshop.kinds(manager, ID).stream()
                        .filter(EventKind.CREDENTIAL_REVOKED::equals)
                        .count())
                .isEqualTo(expected ? before + 1 : before);
    }

    @Test
    void credentials_are_taken_back_by_one_that_is_listed_and_by_none_that_has_gone() {
        CredentialId first = active(manager, "agent:1").issued().credential().id();
        takenBack(CredentialId.of("cred:" + "0".repeat(32)), false);
        CredentialId second =
                manager.rotateCredentials(ID).issued().credential().id();
        shop.clock.advance(OVERLAP);
        takenBack(first, false);
        assertThat(manager.get(ID).credential()).isPresent();
        takenBack(second, true);
        takenBack(second, false);
        assertThat(manager.get(ID).credentials().isRevoked()).isTrue();

        CredentialId third = manager.rotateCredentials(ID).issued().credential().id();
        CredentialId fourth =
                manager.rotateCredentials(ID).issued().credential().id();
        shop.clock.advance(OVERLAP.minus(NANO));
        takenBack(third, true);
        takenBack(fourth, false);
    }

    @Test
    void one_that_has_expired_takes_credentials_back_and_one_of_a_retired_agent_does_not() {
        Credential credential = active(manager, "agent:1").issued().credential();
        shop.clock.set(credential.expiresAt());
        takenBack(credential.id(), true);
        assertThat(reasons(manager.standing(manager.get(ID).key(), credential.id())))
                .contains(Verdict.Reason.CREDENTIAL_REVOKED);

        LifecycleManager keeping = openWith(CredentialPolicy.DEFAULT.withRevokeOnDecommission(false));
        AgentId gone = AgentId.of("agent:2");
        CredentialId fresh = active(keeping, "agent:2").issued().credential().id();
        keeping.decommission(gone, "sunset", Workshop.ADMIN);
        assertThat(keeping.get(gone).credential()).as("still listed").isPresent();
        List<EventKind> kinds = Workshop.kinds(keeping, gone);
        keeping.revokeCredentials(gone, fresh, "leaked", Workshop.ADMIN);
        assertThat(Workshop.kinds(keeping, gone)).isEqualTo(kinds);
    }

    @Test
    void without_rotation_an_expiry_is_written_down_once_for_each_credential() {
        LifecycleManager manual = openWith(CredentialPolicy.DEFAULT.withAutoRotate(false));
        Credential credential = active(manual, "agent:1").issued().credential();
        shop.clock.advance(DAY.minus(NANO));
        assertThat(outcomes(manual)).containsExactly(RotationResult.Outcome.OK);
        shop.clock.advance(NANO);
        manual.heartbeat(ID);
        for (int i = 0; i < 3; i++) {
            List<RotationResult> results = new CredentialRotator(manual).checkAndRotate();
            assertThat(results).extracting(RotationResult::outcome).containsExactly(RotationResult.Outcome.EXPIRED);
            assertThat(results.get(0).detail()).isEqualTo(credential.id() + " expired at " + credential.expiresAt());
            manual.sweeper().sweep();
        }
        assertThat(expiries(manual)).isEqualTo(1);

        manual.rotateCredentials(ID);
        shop.clock.advance(DAY);
        manual.heartbeat(ID);
        manual.sweeper().sweep();
        assertThat(outcomes(manual)).containsExactly(RotationResult.Outcome.EXPIRED);
        assertThat(expiries(manual)).as("one more for the second one").isEqualTo(2);
    }

    private long expiries(LifecycleManager of) {
        return Workshop.kinds(of, ID).stream()
                .filter(kind -> kind == EventKind.CREDENTIAL_EXPIRED)
                .count();
    }

    // ---- bounded

    @Test
    void a_credential_never_outlives_its_agent() {
        Instant end = shop.clock.instant().plus(Duration.ofHours(1));
        manager.requestProvisioning(request("agent:1").notAfter(end).build());
        IssuedCredential issued = manager.activate(ID).issued();

        assertThat(issued.credential().expiresAt()).isEqualTo(end);
        assertThat(manager.rotateCredentials(ID).issued().credential().expiresAt())
                .isEqualTo(end);
        shop.clock.set(end.minus(NANO));
        IssuedCredential last = manager.rotateCredentials(ID).issued();
        assertThat(verdict(last).allowed()).isTrue();
        shop.clock.set(end);
        assertThat(reasons(verdict(last))).containsExactly(EXPIRED, CREDENTIAL_EXPIRED);
    }

    @Test
    void an_agent_whose_life_is_over_gets_no_credential_any_more() {
        Instant end = shop.clock.instant().plus(Duration.ofHours(1));
        manager.requestProvisioning(request("agent:1").notAfter(end).build());
        manager.activate(ID);
        for (Instant late : List.of(end, end.plusSeconds(1))) {
            shop.clock.set(late);

            assertThat(refused(manager, "lifespan-over", () -> manager.rotateCredentials(ID)))
                    .hasMessageContaining("agent agent:1 ")
                    .hasMessageContaining("its life ended at 2026-04-11T05:30:00Z; request a new agent");
            assertThat(outcomes(manager)).containsExactly(RotationResult.Outcome.FAILED);
        }
    }

    /** It would be due again at once, at every look, and each look would take away the token given at the last. */
    @Test
    void a_credential_that_ends_with_its_agent_is_not_replaced_by_itself() {
        Instant end = shop.clock.instant().plus(Duration.ofHours(1));
        manager.requestProvisioning(request("agent:1").notAfter(end).build());
        IssuedCredential issued = manager.activate(ID).issued();
        for (Duration left : List.of(Duration.ofMinutes(15), OVERLAP, NANO)) {
            shop.clock.set(end.minus(left));
            manager.heartbeat(ID);
            assertThat(outcomes(manager)).containsExactly(RotationResult.Outcome.OK);
            assertThat(manager.sweeper().sweep().with(SweepReport.Result.DUE_NO_SINK))
                    .isEmpty();
            assertThat(verdict(issued).allowed()).isTrue();
        }
    }

    @Test
    void before_its_life_begins_a_token_is_not_good_yet() {
        Instant begin = shop.clock.instant().plus(Duration.ofHours(1));
        manager.requestProvisioning(request("agent:1").notBefore(begin).build());
        IssuedCredential issued = manager.activate(ID).issued();

        shop.clock.set(begin.minus(NANO));
        assertThat(reasons(verdict(issued))).containsExactly(NOT_YET_VALID);
        shop.clock.set(begin);
        assertThat(verdict(issued).allowed()).isTrue();
    }

    static List<Function<CredentialOrder, Credential>> disobedient() {
        CredentialId other = CredentialId.of("cred:" + "0".repeat(32));
        return List.of(
                order -> made(order, other, order.generation(), order.issuedAt(), order.expiresAt()),
                order -> made(order, order.id(), order.generation() + 1, order.issuedAt(), order.expiresAt()),
                order -> made(
                        order, order.id(), order.generation(), order.issuedAt().plus(NANO), order.expiresAt()),
                order -> made(
                        order, order.id(), order.generation(), order.issuedAt().minus(NANO), order.expiresAt()),
                order -> made(
                        order,
                        order.id(),
                        order.generation(),
                        order.issuedAt(),
                        order.expiresAt().plus(NANO)));
    }

    @ParameterizedTest
    @MethodSource("disobedient")
    void what_an_issuer_makes_against_its_order_is_refused(Function<CredentialOrder, Credential> making) {
        LifecycleManager strict = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                .credentials(order -> new IssuedCredential(making.apply(order), Token.of("t"))));
        strict.requestProvisioning(request("agent:1").build());

        assertThat(refused(strict, "issuer-obeys", () -> strict.activate(ID)))
                .hasMessageContaining("made something else for agent agent:1 than what was ordered");
    }

    @Test
    void an_issuer_may_give_less_time_than_ordered() {
        LifecycleManager shorter = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
                .credentials(order -> new IssuedCredential(
                        made(
                                order,
                                order.id(),
                                order.generation(),
                                order.issuedAt(),
                                order.issuedAt().plusSeconds(60)),
                        Token.of("t"))));

        active(shorter, "agent:1");

        assertThat(shorter.get(ID).credential().orElseThrow().expiresAt())
                .isEqualTo(shop.clock.instant().plusSeconds(60));
    }

    private static Credential made(
            CredentialOrder order, CredentialId id, long generation, Instant issuedAt, Instant expiresAt) {
        return new CredentialOrder(
                        order.agent(),
                        id,
                        generation,
                        issuedAt,
                        expiresAt,
                        order.scope(),
                        order.audience(),
                        order.keyThumbprint())
                .signedBy("key-1");
    }

    // ---- secret

    @Test
    void a_token_is_in_no_text_no_event_and_no_record() {
        List<String> stored = new ArrayList<>();
        var watched = new Workshop(new ForwardingStore(shop.store) {
            @Override
            public CommitResult commit(Commit commit) {
                stored.add(commit.toString());
                return super.commit(commit);
            }
        });
        LifecycleManager watching = watched.open(Workshop.OPEN_DOOR);
        Activation activation = active(watching, "agent:1");
        watched.clock.advance(DAY);
        RotationResult rotated =
                new CredentialRotator(watching).checkAndRotate().get(0);
        List<Token> tokens = List.of(
                activation.issued().token(), rotated.issued().orElseThrow().token());

        String everything = String.join(
                "\n",
                activation.toString(),
                rotated.toString(),
                tokens.toString(),
                watching.get(ID).toString(),
                watching.auditTrail(ID).toString(),
                watching.verifyOpaque(tokens.get(0).reveal()).toString(),
                stored.toString());

        assertThat(stored).hasSizeGreaterThan(2);
        for (Token token : tokens) {
            String text = token.reveal();
            assertThat(everything).doesNotContain(text).doesNotContain(text.substring(text.indexOf('.') + 1));
            assertThat(everything).contains(Digests.sha256(text.substring(text.indexOf('.') + 1)));
        }
        watched.check();
    }

    // ---- shared

    private LifecycleManager openWith(CredentialPolicy credentials) {
        return shop.open(LifecyclePolicy.builder()
                .requireApproval(false)
                .credentialPolicy(credentials)
                .build());
    }

    private Verdict verdict(IssuedCredential issued) {
        return manager.verifyOpaque(issued.token().reveal());
    }

    private AuditEvent last() {
        var trail = manager.auditTrail(ID);
        return trail.get(trail.size() - 1).event();
    }

    private static List<RotationResult.Outcome> outcomes(LifecycleManager of) {
        return new CredentialRotator(of)
                .checkAndRotate().stream().map(RotationResult::outcome).toList();
    }

    private static List<Verdict.Reason> reasons(Verdict verdict) {
        return verdict instanceof Verdict.Denied denied ? denied.reasons() : List.of();
    }

    /** Makes opaque credentials, but not for those named. */
    private static final class TestIssuer implements CredentialIssuer {
        private final Set<AgentId> failFor = new HashSet<>();

        @Override
        public IssuedCredential issue(CredentialOrder order) {
            if (failFor.contains(order.agent().id())) {
                throw new IllegalStateException("no key for " + order.agent());
            }
            String secret = Digests.sha256(order.id() + " of the test");
            return new IssuedCredential(order.withSecret(Digests.sha256(secret)), Token.of(order.id() + "." + secret));
        }
    }
}
