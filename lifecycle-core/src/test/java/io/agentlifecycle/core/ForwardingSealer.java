package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.AuditSealer;

/** Hands everything on, for a test to disturb one call. */
class ForwardingSealer implements AuditSealer {
    private final AuditSealer to;

    ForwardingSealer(AuditSealer to) {
        this.to = to;
    }

    @Override
    public PublicJwk publicKey() {
        return to.publicKey();
    }

    @Override
    public byte[] sign(String payloadType, String payload) {
        return to.sign(payloadType, payload);
    }

    @Override
    public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
        return to.verify(key, payloadType, payload, signature);
    }
}
