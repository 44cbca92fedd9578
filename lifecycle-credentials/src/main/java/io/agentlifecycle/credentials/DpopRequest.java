package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import java.util.Set;

/**
 * The HTTP request that a token and its proof came with, as the host that answers it sees it. It comes from outside, so
 * nothing is checked here: what is no method and no URI agrees with no proof. Immutable.
 *
 * @param method word for word, such as {@code GET}
 * @param uri what was asked for, with scheme and host as the agent knows them, also behind a proxy: those that the host
 *     answers for, not what the header {@code Host} says. Query and fragment do not count
 * @param nonces what the host accepts as nonce, such as the newest and the one before; empty if it demands none
 */
public record DpopRequest(String method, String uri, Set<String> nonces) {
    public DpopRequest {
        requireNonNull(method, "method");
        requireNonNull(uri, "uri");
        nonces = Set.copyOf(nonces);
    }

    /** A request for which no nonce is demanded. */
    public static DpopRequest of(String method, String uri) {
        return new DpopRequest(method, uri, Set.of());
    }

    /** The same request, whose proof must have one of these as nonce. */
    public DpopRequest withNonces(Set<String> demanded) {
        return new DpopRequest(method, uri, demanded);
    }

    /** The URI as it is compared: without the query, which may hold what is nobody's business, and in one line. */
    @Override
    public String toString() {
        return "DpopRequest[" + HttpUri.withoutQuery(uri).orElse("no http or https URI") + "]";
    }
}
