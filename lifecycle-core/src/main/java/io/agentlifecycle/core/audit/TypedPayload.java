package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * What is signed of a payload and its type: the pre-authentication encoding of DSSE, version 1, so that what was signed as one
 * thing never counts as another.
 */
public final class TypedPayload {
    private TypedPayload() {}

    /** The bytes that are signed. */
    public static byte[] encode(String type, String payload) {
        int typeBytes = type.getBytes(UTF_8).length;
        int payloadBytes = payload.getBytes(UTF_8).length;
        return ("DSSEv1 " + typeBytes + ' ' + type + ' ' + payloadBytes + ' ' + payload).getBytes(UTF_8);
    }
}
