package io.agentlifecycle.credentials;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.time.Duration;
import java.util.Set;
import java.util.function.UnaryOperator;

/** A manager with signed credentials, and all that a test needs to disturb it. */
final class Bench implements AutoCloseable {
    static final String ISSUER = "https://issuer.example";
    static final String AUDIENCE = "https://tools.example";
    static final Actor ADMIN = Actor.human("admin@company.com");
    static final AgentId BOT = AgentId.of("bot");

    final MutableClock clock = MutableClock.at("2026-04-11T04:30:00.25Z");
    final OpenKeys keys = new OpenKeys(InMemoryKeys.create(Purpose.CREDENTIALS, clock));
    final Ed25519CredentialIssuer issuer;
    final LifecycleManager manager;

    Bench() {
        this(builder -> builder);
    }

    Bench(UnaryOperator<LifecycleManager.Builder> settings) {
        issuer = Ed25519CredentialIssuer.builder(keys)
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .build();
        manager = settings.apply(LifecycleManager.builder()
                        .policy(LifecyclePolicy.builder().requireApproval(false).build())
                        .clock(clock)
                        .credentials(issuer))
                .build();
    }

    /** The key that signs now. */
    String keyId() {
        return issuer.trustedKeys().signing(issuer.schedule(), clock.instant()).orElseThrow();
    }

    UnaryOperator<byte[]> signer(String keyId) {
        return bytes -> keys.sign(keyId, bytes);
    }

    AgentId request(LifecycleManager where, String id) {
        return where.requestProvisioning(ProvisioningRequest.builder(id)
                        .id(AgentId.of(id))
                        .owner("alice@company.com")
                        .capabilities(Set.of("read", "tools:search"))
                        .build())
                .id();
    }

    IssuedCredential activate(LifecycleManager where, String id) {
        return where.activate(request(where, id)).issued();
    }

    IssuedCredential activate(String id) {
        return activate(manager, id);
    }

    /** The credential of an agent that works for another, which becomes ACTIVE here, too. */
    IssuedCredential activateBelow(String parent, String id) {
        activate(parent);
        return manager.activate(manager.requestProvisioning(ProvisioningRequest.builder(id)
                                .id(AgentId.of(id))
                                .owner("alice@company.com")
                                .capabilities(Set.of("read"))
                                .parent(AgentId.of(parent))
                                .build())
                        .id())
                .issued();
    }

    /** A draft from the token of an agent that is ACTIVE. */
    TokenDraft draft(IssuedCredential issued) {
        return TokenDraft.of(
                issued.token().reveal(), signer(issued.credential().keyId().orElseThrow()));
    }

    CredentialVerifier verifier() {
        return CredentialVerifier.create(manager, issuer);
    }

    CredentialVerifier cached() {
        return CredentialVerifier.builder(manager, issuer).cache(1_000).build();
    }

    void advance(Duration by) {
        clock.advance(by);
    }

    @Override
    public void close() {
        manager.verify();
        manager.close();
    }
}
