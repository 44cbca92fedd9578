package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.credential.ApiKeyId;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.store.RequestId;
import java.time.Instant;
import java.util.HexFormat;
import java.util.UUID;
import java.util.random.RandomGenerator;

/** Everything that is drawn at random. */
record Draws(RandomGenerator random) {
    byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** For one value that is to be erasable: with 128 bits nobody can guess it from its digest. */
    byte[] salt() {
        return bytes(16);
    }

    /** {@code agent:} and 128 bits, so that ids of the tutorial's form do not collide. */
    AgentId agentId() {
        return AgentId.of("agent:" + hex());
    }

    CredentialId credentialId() {
        return CredentialId.of("cred:" + hex());
    }

    ApiKeyId apiKeyId() {
        return ApiKeyId.of("key:" + hex());
    }

    RequestId requestId() {
        return new RequestId("r-" + hex());
    }

    /** A UUID of version 7 (RFC 9562): the time in milliseconds, then 74 random bits. */
    UUID eventId(Instant at) {
        long millis = at.toEpochMilli() & 0xFFFF_FFFF_FFFFL;
        long high = millis << 16 | 0x7000L | random.nextLong() & 0x0FFFL;
        long low = 0x8000_0000_0000_0000L | random.nextLong() & 0x3FFF_FFFF_FFFF_FFFFL;
        return new UUID(high, low);
    }

    private String hex() {
        return HexFormat.of().formatHex(bytes(16));
    }
}
