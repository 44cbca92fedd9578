package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.PemKeys;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two processes with one store and one directory of keys, of which one has not heard what the other did with the keys. */
class TwoProcessesTest {
    private static final LifecyclePolicy POLICY = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofDays(400))
            .orphanThreshold(Duration.ofDays(900))
            .build();

    @TempDir
    Path home;

    private final MutableClock clock = MutableClock.at("2026-01-01T00:00:00Z");
    private final LifecycleStore store = LifecycleStore.inMemory();

    /** What one process has open. */
    private final class Process {
        private final Ed25519CredentialIssuer issuer;
        private final LifecycleManager manager;
        private final List<String> delivered = new ArrayList<>();

        Process() {
            SigningKeyStore keys =
                    PemKeys.openOrCreate(home.resolve("keys"), Purpose.CREDENTIALS, "passphrase"::toCharArray, clock);
            issuer = Ed25519CredentialIssuer.builder(keys).issuer(Bench.ISSUER).build();
            manager = LifecycleManager.builder()
                    .policy(POLICY)
                    .clock(clock)
                    .credentials(issuer)
                    .store(store)
                    .credentialSink((agent, credential) ->
                            delivered.add(credential.token().reveal()))
                    .build();
        }

        int renewed() {
            delivered.clear();
            clock.advance(Duration.ofMinutes(1));
            manager.sweeper().sweep();
            return delivered.size();
        }

        boolean accepts(String token) {
            return CredentialVerifier.create(manager, issuer).verify(token).accepted();
        }
    }

    @Test
    void one_that_is_behind_does_not_replace_what_the_other_issued_and_accepts_it_once_it_has_opened_the_keys_anew() {
        var one = new Process();
        var behind = new Process();
        for (int i = 0; i < 3; i++) {
            one.manager.activate(one.manager
                    .requestProvisioning(ProvisioningRequest.builder("bot" + i)
                            .id(AgentId.of("bot" + i))
                            .owner("alice@company.com")
                            .build())
                    .id());
        }
        one.renewed();
        behind.renewed();
        var keys = new IssuerKeys(one.issuer, clock);

        keys.taint(one.issuer.goodKeys().orElseThrow().iterator().next());

        assertThat(one.renewed()).isEqualTo(3);
        String issued = one.delivered.get(0);
        for (int round = 0; round < 3; round++) {
            assertThat(behind.renewed()).isZero();
            assertThat(one.renewed()).isZero();
        }
        assertThat(one.accepts(issued)).isTrue();
        assertThat(behind.accepts(issued)).as("it has not heard of the key").isFalse();
        assertThat(new Process().accepts(issued)).isTrue();
    }

    @Test
    void when_keys_live_shorter_the_first_sweep_replaces_what_is_refused_by_now() {
        try (var before = new Bench(builder -> builder.store(store))) {
            String old = before.activate("bot").token().reveal();
            var shorter = Ed25519CredentialIssuer.builder(before.keys)
                    .issuer(Bench.ISSUER)
                    .audience(Bench.AUDIENCE)
                    .keyLife(Duration.ofDays(4))
                    .build();
            List<String> delivered = new ArrayList<>();
            LifecycleManager after = LifecycleManager.builder()
                    .policy(LifecyclePolicy.builder()
                            .requireApproval(false)
                            .credentialPolicy(POLICY.credentialPolicy().withMaxCredentialTtl(Duration.ofHours(16)))
                            .build())
                    .clock(before.clock)
                    .credentials(shorter)
                    .store(store)
                    .credentialSink((agent, credential) ->
                            delivered.add(credential.token().reveal()))
                    .build();
            CredentialVerifier verifier = CredentialVerifier.create(after, shorter);
            assertThat(verifier.verify(old).accepted()).isFalse();

            after.sweeper().sweep();

            assertThat(delivered).hasSize(1);
            assertThat(verifier.verify(delivered.get(0)).accepted()).isTrue();
            after.sweeper().sweep();
            assertThat(delivered).hasSize(1);
        }
    }
}
