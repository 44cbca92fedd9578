package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;
import java.util.Optional;

/**
 * Where an event stands in its chain.
 *
 * @param stream {@code a/<tenant>/<agent id>} for an agent, {@code log} or {@code access}
 * @param n 0 for the first event of the stream
 * @param prev the leaf hash of the event before it, base64url; for the first one the hash of nothing
 */
public record StreamPosition(String stream, long n, String prev) {
    /** The stream of the log itself. */
    public static final String LOG = "log";

    /** The stream of refused attempts at power. */
    public static final String ACCESS = "access";

    public StreamPosition {
        Text.line("stream", stream, 256);
        requireNonNull(prev, "prev");
        if (n < 0 || n > Json.MAX_INTEGER) {
            throw new IllegalArgumentException("n must be 0 or more but was " + n);
        }
    }

    /** The stream of an agent. */
    public static String streamOf(AgentKey agent) {
        return "a/" + agent.tenant() + "/" + agent.id();
    }

    /**
     * The agent whose stream has that name; empty for the streams {@code log} and {@code access}.
     *
     * @throws IllegalArgumentException if no stream has such a name
     */
    public static Optional<AgentKey> agentOf(String stream) {
        if (stream.equals(LOG) || stream.equals(ACCESS)) {
            return Optional.empty();
        }
        String[] parts = stream.split("/", -1);
        if (parts.length != 3 || !parts[0].equals("a")) {
            throw new JsonFormatException("there is no stream of that name");
        }
        return Optional.of(new AgentKey(TenantId.of(parts[1]), AgentId.of(parts[2])));
    }

    /** Where a stream begins. */
    public static StreamPosition first(String stream) {
        return new StreamPosition(stream, 0, Digests.sha256(""));
    }
}
