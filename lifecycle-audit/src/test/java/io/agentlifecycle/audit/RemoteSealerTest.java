package io.agentlifecycle.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.testkit.RemoteSigner;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A log whose key is in a service elsewhere, which fails, is slow, or answers with something else. */
class RemoteSealerTest {
    private final RemoteSigner signer = RemoteSigner.of(JdkKeys.fresh());
    private final LifecycleManager manager = LifecycleManager.builder()
            .policy(LifecyclePolicy.builder().requireApproval(false).build())
            .sealer(Ed25519AuditSealer.create(signer))
            .build();
    private final ExecutorService pool = Executors.newCachedThreadPool();

    @AfterEach
    void no_event_has_a_wrong_signature() {
        signer.close();
        pool.shutdownNow();
        manager.verify();
        manager.close();
    }

    private AgentId request(String id) {
        return manager.requestProvisioning(ProvisioningRequest.builder(id)
                        .id(AgentId.of(id))
                        .owner("alice@company.com")
                        .build())
                .id();
    }

    private AgentId active(String id) {
        return manager.activate(request(id)).agent().id();
    }

    private static <T> T within(Future<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    /** Not only the first signature of a sealer is looked at: one wrong event would break the log for good. */
    @Test
    void a_wrong_signature_after_many_right_ones_grants_nothing_and_a_suspension_waits_for_another() {
        AgentId agent = active("a");
        AgentId waiting = request("b");
        signer.answerWrongly();

        assertThatThrownBy(() -> manager.activate(waiting))
                .isInstanceOf(AuditUnavailableException.class)
                .hasCauseInstanceOf(KeysUnavailableException.class);
        assertThat(manager.get(waiting).state()).isEqualTo(AgentState.PROVISIONED);
        assertThat(manager.suspend(agent, "found idle", SignedLog.ADMIN).state())
                .isEqualTo(AgentState.SUSPENDED);
        manager.verify();

        signer.work();
        manager.sweeper().sweep();
        assertThat(manager.auditTrail(agent))
                .extracting(event -> event.event().kind())
                .contains(EventKind.LOG_GAP_ENDORSED);
    }

    @Test
    void while_one_event_waits_for_its_signature_other_agents_are_suspended() throws Exception {
        AgentId other = active("a");
        AgentId slow = request("b");
        signer.holdNext(1);
        Future<Agent> waiting = pool.submit(() -> manager.activate(slow).agent());
        signer.awaitHeld(1);

        Future<Agent> suspending = pool.submit(() -> manager.suspend(other, "found idle", SignedLog.ADMIN));
        assertThat(within(suspending).state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(manager.get(slow).state()).isEqualTo(AgentState.PROVISIONED);

        signer.letAllGo();
        assertThat(within(waiting).state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void a_signer_that_fails_after_a_long_wait_grants_nothing() throws Exception {
        AgentId slow = request("b");
        signer.hold();
        Future<Agent> waiting = pool.submit(() -> manager.activate(slow).agent());
        signer.awaitHeld(1);
        signer.fail();
        signer.letAllGo();

        assertThatThrownBy(() -> within(waiting)).hasCauseInstanceOf(AuditUnavailableException.class);
        assertThat(manager.get(slow).state()).isEqualTo(AgentState.PROVISIONED);
        signer.work();
        assertThat(manager.activate(slow).agent().state()).isEqualTo(AgentState.ACTIVE);
    }
}
