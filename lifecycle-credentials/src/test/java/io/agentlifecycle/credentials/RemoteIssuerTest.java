package io.agentlifecycle.credentials;

import static io.agentlifecycle.credentials.Bench.ADMIN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.Activation;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.KeysUnavailableException;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import io.agentlifecycle.testkit.RemoteSigner;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Credentials whose key is in a service elsewhere, which fails, is slow, or answers with something else. */
class RemoteIssuerTest {
    private final MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
    private final RemoteSigner signer = RemoteSigner.of(InMemoryKeys.create(Purpose.CREDENTIALS, clock));
    private final Ed25519CredentialIssuer issuer = Ed25519CredentialIssuer.create(signer);
    private final LifecycleManager manager = LifecycleManager.builder()
            .policy(LifecyclePolicy.builder().requireApproval(false).build())
            .clock(clock)
            .credentials(issuer)
            .build();
    private final CredentialVerifier verifier = CredentialVerifier.create(manager, issuer);
    private final ExecutorService pool = Executors.newCachedThreadPool();

    @AfterEach
    void the_log_is_what_the_records_say() {
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

    private void assertGood(Token token) {
        assertThat(verifier.verify(token.reveal()).accepted()).isTrue();
    }

    private static <T> T within(Future<T> future) throws Exception {
        return future.get(60, TimeUnit.SECONDS);
    }

    private void assertChangesNothing(AgentId agent, Runnable command) {
        Agent before = manager.get(agent);
        int events = manager.auditTrail(agent).size();
        assertThatThrownBy(command::run)
                .isInstanceOfSatisfying(
                        KeysUnavailableException.class,
                        e -> assertThat(e.code()).isEqualTo("keys-unavailable"));
        assertThat(manager.get(agent)).isEqualTo(before);
        assertThat(manager.auditTrail(agent)).hasSize(events);
    }

    @Test
    void a_signer_that_fails_changes_nothing_and_the_old_credential_lives_on() {
        AgentId agent = request("bot");
        AgentId waiting = request("waiting");
        Token token = manager.activate(agent).issued().token();
        signer.fail();

        assertChangesNothing(agent, () -> manager.rotateCredentials(agent, ADMIN));
        assertChangesNothing(waiting, () -> manager.activate(waiting, ADMIN));

        assertGood(token);
        signer.work();
        assertGood(manager.rotateCredentials(agent).issued().token());
        assertGood(manager.activate(waiting).issued().token());
    }

    /** It would else be committed: the agent would get a token that nobody takes, instead of one that was good. */
    @Test
    void a_wrong_signature_never_gets_out_and_the_old_credential_lives_on() {
        AgentId agent = request("bot");
        Token token = manager.activate(agent).issued().token();
        signer.answerWrongly();

        assertChangesNothing(agent, () -> manager.rotateCredentials(agent, ADMIN));
        assertThatThrownBy(() -> new RevocationSnapshots(manager, issuer).take())
                .isInstanceOf(KeysUnavailableException.class);

        assertGood(token);
    }

    @Test
    void while_one_agent_waits_for_its_signature_all_others_are_verified_and_suspended() throws Exception {
        AgentId slow = request("slow");
        AgentId other = request("other");
        Token token = manager.activate(other).issued().token();
        signer.hold();
        Future<Activation> waiting = pool.submit(() -> manager.activate(slow));
        signer.awaitHeld(1);

        // in another thread, so that a lock that is held shows as a failure and not as a test without an end
        assertThat(within(pool.submit(() -> verifier.verify(token.reveal()))).accepted())
                .isTrue();
        Agent stopped = within(pool.submit(() -> manager.suspend(other, "found idle", ADMIN)));
        assertThat(stopped.state()).isEqualTo(AgentState.SUSPENDED);
        assertThat(within(pool.submit(() -> verifier.verify(token.reveal()))).accepted())
                .isFalse();
        assertThat(manager.get(slow).state()).isEqualTo(AgentState.PROVISIONED);

        signer.letAllGo();
        assertGood(within(waiting).issued().token());
    }

    @Test
    void an_agent_that_is_suspended_while_its_credential_is_signed_gets_none() throws Exception {
        AgentId agent = request("bot");
        Token token = manager.activate(agent).issued().token();
        signer.hold();
        Future<Activation> waiting = pool.submit(() -> manager.rotateCredentials(agent));
        signer.awaitHeld(1);

        within(pool.submit(() -> manager.suspend(agent, "found idle", ADMIN)));
        signer.letAllGo();

        assertThatThrownBy(() -> within(waiting)).hasCauseInstanceOf(InvalidTransitionException.class);
        assertThat(manager.get(agent).credentials().generation()).isEqualTo(1);
        assertThat(verifier.verify(token.reveal()).accepted()).isFalse();
    }

    @Test
    void a_signer_that_fails_after_a_long_wait_fails_the_command_and_nothing_else() throws Exception {
        AgentId agent = request("bot");
        signer.hold();
        Future<Activation> waiting = pool.submit(() -> manager.activate(agent));
        signer.awaitHeld(1);
        signer.fail();
        signer.letAllGo();

        assertThatThrownBy(() -> within(waiting)).hasCauseInstanceOf(KeysUnavailableException.class);
        assertThat(manager.get(agent).state()).isEqualTo(AgentState.PROVISIONED);
        signer.work();
        assertGood(manager.activate(agent).issued().token());
    }
}
