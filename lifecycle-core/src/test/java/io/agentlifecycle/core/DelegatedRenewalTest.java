package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Renewals of credentials that end with those of others. */
class DelegatedRenewalTest {
    private static final AgentId PARENT = AgentId.of("agent:parent");
    private static final AgentId CHILD = AgentId.of("agent:child");
    private static final AgentId GRANDCHILD = AgentId.of("agent:grandchild");
    private static final LifecyclePolicy POLICY = policy(CredentialPolicy.DEFAULT);

    private final AtomicInteger rearmed = new AtomicInteger();

    @RegisterExtension
    final Workshop shop = new Workshop(new ForwardingStore(LifecycleStore.inMemory()) {
        @Override
        public void rearm(RecordKey key, long version, Optional<Instant> next) {
            if (key.equals(SweepFleet.record(CHILD))) {
                rearmed.incrementAndGet();
            }
            super.rearm(key, version, next);
        }
    });

    private static LifecyclePolicy policy(CredentialPolicy credentials) {
        return LifecyclePolicy.builder()
                .requireApproval(false)
                .heartbeatInterval(Duration.ofDays(200))
                .orphanThreshold(Duration.ofDays(2_000))
                .credentialPolicy(credentials)
                .build();
    }

    private LifecycleManager withSink(UnaryOperator<LifecycleManager.Builder> settings) {
        return shop.open(builder -> settings.apply(builder.policy(POLICY).credentialSink((agent, credential) -> {})));
    }

    private static Credential activate(LifecycleManager manager, ProvisioningRequest.Builder request) {
        return manager.activate(manager.requestProvisioning(request.build()).id())
                .issued()
                .credential();
    }

    private static void family(LifecycleManager manager) {
        activate(manager, request(PARENT.value()));
        activate(manager, request(CHILD.value()).parent(PARENT));
        activate(manager, request(GRANDCHILD.value()).parent(CHILD));
    }

    private static long count(LifecycleManager manager, AgentId agent, EventKind kind) {
        return Workshop.kinds(manager, agent).stream().filter(kind::equals).count();
    }

    private boolean stands(LifecycleManager manager, AgentId agent) {
        return manager.standing(
                        SweepFleet.key(agent),
                        manager.get(agent).credentials().current().orElseThrow().id())
                .allowed();
    }

    /** As signed tokens do, which end with a whole second. */
    private static IssuedCredential inWholeSeconds(CredentialIssuer mint, CredentialOrder order) {
        return mint.issue(new CredentialOrder(
                order.agent(),
                order.id(),
                order.generation(),
                order.issuedAt(),
                order.expiresAt().truncatedTo(ChronoUnit.SECONDS),
                order.scope(),
                order.audience(),
                order.keyThumbprint(),
                order.actors()));
    }

    @Test
    void over_a_month_children_are_renewed_as_often_as_others_and_are_never_without() {
        var mint = new RepeatableIssuer();
        LifecycleManager manager = withSink(builder -> builder.credentials(order -> inWholeSeconds(mint, order)));
        family(manager);

        for (int minute = 0; minute < 30 * 24 * 60; minute += 5) {
            shop.clock.advance(Duration.ofMinutes(5));
            assertThat(manager.sweeper().sweep().with(Result.FAILED)).isEmpty();
            for (AgentId agent : List.of(PARENT, CHILD, GRANDCHILD)) {
                assertThat(stands(manager, agent))
                        .as("%s after %d minutes", agent, minute)
                        .isTrue();
            }
        }

        for (AgentId agent : List.of(PARENT, CHILD, GRANDCHILD)) {
            assertThat(count(manager, agent, EventKind.CREDENTIAL_ROTATED)).isBetween(55L, 90L);
            assertThat(count(manager, agent, EventKind.CREDENTIAL_EXPIRED)).isZero();
        }
    }

    /** The parent's renewals fail, so the child would get nothing that ends later. */
    @ParameterizedTest
    @ValueSource(ints = {3_600, 120})
    void a_child_waits_for_its_parent_writes_nothing_and_is_looked_at_now_and_then(int secondsBefore) {
        var mint = new RepeatableIssuer();
        var parentFails = new AtomicBoolean();
        LifecycleManager manager = withSink(builder -> builder.credentials(order -> {
            if (parentFails.get() && order.agent().id().equals(PARENT)) {
                throw new IllegalStateException("no");
            }
            return inWholeSeconds(mint, order);
        }));
        shop.clock.advance(Duration.ofMillis(250));
        Instant end = activate(manager, request(PARENT.value())).expiresAt();
        shop.clock.advance(Duration.ofMinutes(1));
        activate(manager, request(CHILD.value()).parent(PARENT));
        long version = manager.get(CHILD).version();
        parentFails.set(true);
        Instant healed = end.minusSeconds(secondsBefore);

        while (shop.clock.instant().isBefore(healed)) {
            shop.clock.advance(Duration.ofSeconds(10));
            manager.sweeper().sweep();
            assertThat(manager.sweeper().plan().items())
                    .noneMatch(item -> item.agent().id().equals(CHILD));
        }

        assertThat(manager.get(CHILD).version())
                .as("nothing is written but that its credential ages")
                .isEqualTo(version + 1);
        assertThat(Workshop.kinds(manager, CHILD)).endsWith(EventKind.CREDENTIAL_AGING);
        assertThat(rearmed.get()).as("looks at the child").isBetween(70, 130);
        assertThat(new CredentialRotator(manager).checkAndRotate())
                .filteredOn(result -> result.agent().id().equals(CHILD))
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.OK);

        parentFails.set(false);
        manager.rotateCredentials(PARENT);
        while (shop.clock.instant().isBefore(end.plusSeconds(3_600))) {
            shop.clock.advance(Duration.ofSeconds(10));
            manager.sweeper().sweep();
            assertThat(stands(manager, CHILD)).as("at " + shop.clock.instant()).isTrue();
        }
        assertThat(count(manager, CHILD, EventKind.CREDENTIAL_ROTATED)).isEqualTo(1);
    }

    @Test
    void without_a_sink_only_the_parent_is_told_of_until_it_has_another() {
        LifecycleManager manager = shop.open(POLICY);
        Credential parent = activate(manager, request(PARENT.value()));
        shop.clock.advance(Duration.ofHours(1));
        activate(manager, request(CHILD.value()).parent(PARENT));
        shop.clock.set(parent.expiresAt().minusSeconds(600));

        assertThat(manager.sweeper().sweep().with(Result.DUE_NO_SINK))
                .extracting(SweepReport.Outcome::agent)
                .containsExactly(SweepFleet.key(PARENT));
        manager.rotateCredentials(PARENT);
        shop.clock.advance(Duration.ofMinutes(3));
        assertThat(manager.sweeper().sweep().with(Result.DUE_NO_SINK))
                .extracting(SweepReport.Outcome::agent)
                .containsExactly(SweepFleet.key(CHILD));
    }

    @Test
    void a_parent_that_is_stopped_makes_renewals_fail_later_each_time_and_they_work_again_after_it() {
        LifecycleManager manager = withSink(builder -> builder);
        family(manager);
        manager.suspend(PARENT, "", ADMIN);

        int looks = 0;
        for (int step = 0; step < 6 * 60 * 24 * 2; step++) {
            shop.clock.advance(Duration.ofSeconds(10));
            SweepReport report = manager.sweeper().sweep();
            looks += report.examined();
        }

        for (AgentId agent : List.of(CHILD, GRANDCHILD)) {
            assertThat(count(manager, agent, EventKind.CREDENTIAL_ROTATION_FAILED))
                    .isBetween(200L, 320L);
            assertThat(count(manager, agent, EventKind.CREDENTIAL_ROTATED)).isZero();
            assertThat(count(manager, agent, EventKind.CREDENTIAL_EXPIRED)).isEqualTo(1);
        }
        assertThat(looks).isLessThan(1_500);
        List<RotationResult> results = new CredentialRotator(manager).checkAndRotate();
        assertThat(results).extracting(RotationResult::outcome).containsOnly(RotationResult.Outcome.FAILED);

        manager.resume(PARENT, ADMIN);
        for (int step = 0; step < 6 * 20; step++) {
            shop.clock.advance(Duration.ofSeconds(10));
            manager.sweeper().sweep();
        }
        assertThat(stands(manager, CHILD)).isTrue();
        assertThat(stands(manager, GRANDCHILD)).isTrue();
    }

    @Test
    void what_did_not_arrive_is_handed_over_when_the_parent_works_again() {
        var broken = new AtomicBoolean(true);
        List<AgentId> arrived = new ArrayList<>();
        LifecycleManager manager = shop.open(builder -> builder.policy(POLICY)
                .credentials(new RepeatableIssuer())
                .credentialSink((agent, credential) -> {
                    if (broken.get()) {
                        throw new IOException("the agent cannot be reached");
                    }
                    arrived.add(agent.id());
                }));
        activate(manager, request(PARENT.value()));
        activate(manager, request(CHILD.value()).parent(PARENT));
        shop.clock.advance(Duration.ofHours(14));
        manager.rotateCredentials(PARENT);
        manager.sweeper().sweep();
        assertThat(manager.get(CHILD).credentials().undelivered()).isTrue();
        manager.suspend(PARENT, "", ADMIN);
        broken.set(false);

        for (int step = 0; step < 6 * 60; step++) {
            shop.clock.advance(Duration.ofSeconds(10));
            manager.sweeper().sweep();
        }
        assertThat(arrived).isEmpty();
        assertThat(count(manager, CHILD, EventKind.CREDENTIAL_ROTATION_FAILED)).isBetween(5L, 20L);

        manager.resume(PARENT, ADMIN);
        for (int step = 0; step < 6 * 20; step++) {
            shop.clock.advance(Duration.ofSeconds(10));
            manager.sweeper().sweep();
        }
        assertThat(arrived).containsExactly(CHILD);
        assertThat(stands(manager, CHILD)).isTrue();
    }

    @Test
    void the_fleet_report_says_which_parent_stands_in_the_way() {
        LifecycleManager manager = shop.open(POLICY);
        family(manager);
        manager.suspend(PARENT, "", ADMIN);
        shop.clock.advance(Duration.ofHours(20));

        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome, RotationResult::detail)
                .allSatisfy(result -> assertThat(result.toList().toString())
                        .contains("FAILED", "agent agent:parent, which it works for, is SUSPENDED", "parent-running"));
        assertThat(count(manager, CHILD, EventKind.CREDENTIAL_ROTATION_FAILED)).isEqualTo(1);
        assertThat(manager.get(CHILD).credentials().retry()).isPresent();
    }
}
