package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.agent.Tally;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.hold.HoldReason;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The last event of an agent says what its life came to. */
class FinalReportTest {
    private static final HoldReason BILLING = HoldReason.of("billing");

    @RegisterExtension
    final Workshop shop = new Workshop();

    private boolean bucketWorks = true;
    private final LifecycleManager manager = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR)
            .teardownTask(new FlakyTask("worker", () -> true))
            .teardownTask(new FlakyTask("bucket", () -> bucketWorks)));

    private AuditEvent last(LifecycleManager of) {
        List<AuditEvent> trail = of.auditTrail(ID).stream().map(s -> s.event()).toList();
        return trail.get(trail.size() - 1);
    }

    private Instant later(Duration by) {
        shop.clock.advance(by);
        return shop.clock.instant();
    }

    @Test
    void it_has_what_happened_how_often_when_it_was_last_heard_and_how_it_ended() {
        Instant created = shop.clock.instant();
        manager.requestProvisioning(Workshop.request("agent:1").build());
        Instant firstActive = later(Duration.ofMinutes(1));
        manager.activate(ID);
        manager.heartbeat(ID);
        later(Duration.ofMinutes(15));
        manager.sweeper().sweep();
        later(Duration.ofMinutes(5));
        manager.sweeper().sweep();
        manager.heartbeat(ID);
        manager.rotateCredentials(ID);
        manager.rotateCredentials(ID);
        manager.suspend(ID, "maintenance", ADMIN);
        manager.placeHold(ID, BILLING, "unpaid", ADMIN);
        manager.releaseHold(ID, BILLING, ADMIN);
        manager.resume(ID, ADMIN);
        manager.markOrphaned(ID, ADMIN);
        Instant lastActive = later(Duration.ofMinutes(1));
        manager.reclaim(ID, "bob@company.com", ADMIN);
        Instant lastHeard = later(Duration.ofMinutes(1));
        manager.heartbeat(ID);
        manager.suspend(ID, "to be retired", ADMIN);
        bucketWorks = false;
        Instant started = later(Duration.ofHours(1));
        manager.decommission(ID, "Feature sunset", ADMIN);
        assertThat(manager.finalReport(ID)).as("while a task is left").isEmpty();
        bucketWorks = true;
        later(Duration.ofMinutes(1));
        manager.sweeper().sweep();

        assertThat(manager.finalReport(ID))
                .contains(new FinalReport(
                        Retirement.Cause.RETIRED,
                        AgentState.SUSPENDED,
                        started,
                        List.of("worker", "bucket"),
                        1,
                        created,
                        Optional.of(firstActive),
                        Optional.of(lastActive),
                        manager.auditTrail(ID).size(),
                        5,
                        new Tally(2, 3, 1, 1, 0, 2),
                        Optional.of(new Liveness(lastHeard, 3))));
        assertThat(Workshop.kinds(manager, ID))
                .as("two sweeps noticed the one silence")
                .filteredOn(EventKind.HEARTBEAT_MISSED::equals)
                .hasSize(2);
        assertThat(last(manager).details().get("report").orElseThrow())
                .as("what the event says")
                .isEqualTo(ReportJson.write(manager.finalReport(ID).orElseThrow()));
    }

    @Test
    void an_agent_that_never_worked_is_reported_with_what_there_is() {
        LifecycleManager plain = shop.open(builder -> builder.policy(Workshop.OPEN_DOOR));
        plain.requestProvisioning(Workshop.request("agent:1").build());
        Instant created = shop.clock.instant();
        Instant retired = later(Duration.ofDays(1));

        plain.decommission(ID, "", ADMIN);

        assertThat(plain.finalReport(ID))
                .contains(new FinalReport(
                        Retirement.Cause.RETIRED,
                        AgentState.PROVISIONED,
                        retired,
                        List.of(),
                        0,
                        created,
                        Optional.empty(),
                        Optional.empty(),
                        5,
                        0,
                        Tally.NONE,
                        Optional.empty()));
        assertThat(plain.auditTrail(ID).get(4).canonical())
                .contains("\"report\":{\"cause\":\"retired\",\"createdAt\":\"" + created + "\",\"credentials\":0,"
                        + "\"events\":5,\"failedAttempts\":0,\"from\":\"provisioned\",\"heartbeats\":0,\"holds\":0,"
                        + "\"orphanings\":0,\"rotations\":0,\"silences\":0,\"startedAt\":\"" + retired
                        + "\",\"suspensions\":0,\"tasks\":[]}");
    }

    @Test
    void one_that_time_ended_says_so_and_one_that_came_in_suspended_had_a_hold() {
        Instant end = shop.clock.instant().plus(Duration.ofDays(1));
        ProvisioningRequest request = Workshop.request("agent:1").notAfter(end).build();
        manager.importAgents(
                List.of(new AgentImport(request, AgentState.SUSPENDED, shop.clock.instant())), "elsewhere", ADMIN);
        later(Duration.ofDays(2));

        manager.sweeper().sweep();

        FinalReport report = manager.finalReport(ID).orElseThrow();
        assertThat(report.cause()).isEqualTo(Retirement.Cause.EXPIRED);
        assertThat(report.from()).isEqualTo(AgentState.SUSPENDED);
        assertThat(report.tally()).as("nobody suspended it here").isEqualTo(new Tally(0, 1, 0, 0, 0, 0));
    }

    @Test
    void who_did_not_retire_here_has_none() {
        LifecycleManager strict = shop.open(LifecyclePolicy.defaults());
        strict.requestProvisioning(Workshop.request("agent:1").build());
        assertThat(strict.finalReport(ID)).as("not yet").isEmpty();
        strict.reject(ID, "a duplicate", ADMIN);
        AgentId old = AgentId.of("agent:old");
        strict.importAgents(List.of(shop.imported(old.value(), AgentState.DECOMMISSIONED)), "elsewhere", ADMIN);

        assertThat(strict.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(strict.finalReport(ID)).as("turned down").isEmpty();
        assertThat(strict.get(old).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(strict.finalReport(old)).as("retired elsewhere").isEmpty();
    }

    @Test
    void it_is_found_behind_what_came_after_it() {
        var sealer = new TestSealer();
        LifecycleManager signed = shop.open(
                builder -> builder.policy(Workshop.OPEN_DOOR).sealer(sealer).signFromHere());
        active(signed, "agent:1");
        sealer.fail();
        signed.decommission(ID, "enough", ADMIN);
        long events = signed.auditTrail(ID).size();
        sealer.heal();
        later(Duration.ofMinutes(61));
        signed.sweeper().sweep();
        signed.placeLegalHold(ID, "case 1", ADMIN);

        assertThat(Workshop.kinds(signed, ID))
                .endsWith(EventKind.AGENT_DECOMMISSIONED, EventKind.LOG_GAP_ENDORSED, EventKind.LEGAL_HOLD_PLACED);
        assertThat(signed.finalReport(ID).orElseThrow().events()).isEqualTo(events);
        shop.close(manager);
    }

    @Test
    void heartbeats_that_the_store_cannot_tell_keep_nobody_from_being_retired() {
        var store = new FaultStore(shop.store);
        LifecycleManager deaf = shop.open(builder -> builder.store(store).policy(Workshop.OPEN_DOOR));
        active(deaf, "agent:1");
        deaf.heartbeat(ID);
        deaf.heartbeat(ID);
        store.breakAt(FaultStore.Call.LIVENESS::equals);

        deaf.decommission(ID, "enough", ADMIN);

        store.heal();
        assertThat(deaf.finalReport(ID).orElseThrow().liveness())
                .as("what this host heard")
                .contains(new Liveness(shop.clock.instant(), 2));
    }

    @Test
    void another_tenant_is_told_nothing_of_it() {
        active(manager, "agent:1");
        manager.decommission(ID, "enough", ADMIN);

        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));

        assertThat(manager.finalReport(ID)).isPresent();
        assertThatThrownBy(() -> acme.finalReport(ID)).isInstanceOf(AgentNotFoundException.class);
    }
}
