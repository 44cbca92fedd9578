package io.agentlifecycle.audit;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Some agents with a signed log, and a sealer that fails when it is told to. */
final class SignedLog {
    static final Actor ALICE = Actor.human("alice@company.com");
    static final Actor ADMIN = Actor.human("admin@company.com").assured(IdentityAssurance.STRONG);

    final MutableClock clock = MutableClock.at("2026-04-11T04:31:00Z");
    final FailingSealer sealer;
    final LifecycleManager manager;

    SignedLog(SigningKeys keys, LifecycleStore store, String origin, long seed) {
        this.sealer = new FailingSealer(keys.sealer());
        this.manager = LifecycleManager.builder()
                .store(store)
                .policy(LifecyclePolicy.builder()
                        .heartbeatInterval(Duration.ofHours(1))
                        .build())
                .clock(clock)
                .random(new Random(seed))
                .logOrigin(origin)
                .sealer(sealer)
                .build();
    }

    SignedLog(String origin) {
        this(new SigningKeys(JdkKeys.fresh()), LifecycleStore.inMemory(), origin, 1);
    }

    /** What a test knows of the keys of a log. */
    record SigningKeys(JdkKeys keys) {
        AuditSealer sealer() {
            return Ed25519AuditSealer.create(keys);
        }
    }

    /** Passes on to another sealer, unless it fails. */
    static final class FailingSealer implements AuditSealer {
        private final AuditSealer to;
        private volatile boolean failing;

        FailingSealer(AuditSealer to) {
            this.to = to;
        }

        void fail(boolean value) {
            failing = value;
        }

        @Override
        public PublicJwk publicKey() {
            return to.publicKey();
        }

        @Override
        public byte[] sign(String payloadType, String payload) {
            if (failing) {
                throw new IllegalStateException("the key server is down");
            }
            return to.sign(payloadType, payload);
        }

        @Override
        public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
            return to.verify(key, payloadType, payload, signature);
        }
    }

    Ed25519PublicKey key() {
        return Ed25519PublicKey.of(sealer.publicKey());
    }

    LogVerifier verifier() {
        return LogVerifier.of(key());
    }

    /** The same for many logs that are nearly this one: it checks a good signature once. */
    LogVerifier rememberingVerifier() {
        SignatureVerifier real = new Dsse();
        Set<List<Object>> good = ConcurrentHashMap.newKeySet();
        return LogVerifier.of(key(), (key, payloadType, payload, signature) -> {
            List<Object> all = List.of(key, payloadType, payload, ByteBuffer.wrap(signature));
            boolean answer = good.contains(all) || real.verify(key, payloadType, payload, signature);
            if (answer) {
                good.add(all);
            }
            return answer;
        });
    }

    AgentId active(String id) {
        AgentId agent = AgentId.of(id);
        manager.requestProvisioning(ProvisioningRequest.builder("Agent " + id)
                .id(agent)
                .owner(ALICE.id())
                .requestedBy(ALICE)
                .build());
        manager.approve(agent, ADMIN);
        manager.activate(agent);
        return agent;
    }

    /** Exactly thirty events on three streams, with some that could not be signed in time. */
    SignedLog thirty() {
        AgentId a = active("a");
        AgentId b = active("b");
        manager.heartbeat(a);
        clock.advance(Duration.ofMinutes(1));
        manager.suspend(a, "maintenance", ADMIN);
        manager.placeHold(a, HoldReason.of("unpaid"), "late again", ADMIN);
        manager.releaseHold(a, HoldReason.of("unpaid"), ADMIN);
        manager.resume(a, ADMIN);
        manager.rotateCredentials(a);
        sealer.fail(true);
        manager.suspend(b, "maintenance", ADMIN);
        manager.placeHold(b, HoldReason.of("unpaid"), "", ADMIN);
        sealer.fail(false);
        manager.sweeper().sweep();
        manager.changeOwner(b, "bob@company.com", ADMIN);
        manager.releaseHold(b, HoldReason.of("unpaid"), ADMIN);
        manager.resume(b, ADMIN);
        manager.revokeCredentials(b, "leaked", ADMIN);
        manager.markOrphaned(a, ADMIN);
        manager.decommission(a, "sunset", ADMIN);
        return this;
    }

    List<SealedEvent> events() {
        return manager.events(0, Integer.MAX_VALUE).events();
    }

    List<String> lines() {
        return events().stream().map(EventLine::write).toList();
    }
}
