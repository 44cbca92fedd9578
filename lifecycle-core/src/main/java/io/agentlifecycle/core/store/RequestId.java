package io.agentlifecycle.core.store;

import io.agentlifecycle.core.access.Text;

/** Names one commit, so that it can be found when nobody knows whether it was stored. At most 128 characters. */
public record RequestId(String value) {
    public RequestId {
        Text.line("request id", value, 128);
    }

    @Override
    public String toString() {
        return value;
    }
}
