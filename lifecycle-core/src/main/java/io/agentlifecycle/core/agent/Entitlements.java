package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Capability;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.Text;
import java.util.Collections;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * What an agent is let in for.
 *
 * @param capabilities what it may be asked to do, as {@link Capability} says; at most 128, ordered; without any, nothing
 * @param role its permission tier
 * @param costCentre who pays, at most 64 characters
 * @param audience for whom its credentials are meant, at most 256 characters
 * @param keyThumbprint the key that its credentials are bound to: RFC 7638, 43 characters of base64url
 * @param manifestDigest the manifest it was built from: SHA-256, 43 characters of base64url
 */
public record Entitlements(
        Set<String> capabilities,
        Role role,
        Optional<String> costCentre,
        Optional<String> audience,
        Optional<String> keyThumbprint,
        Optional<String> manifestDigest) {
    private static final Pattern DIGEST = Pattern.compile("[A-Za-z0-9_-]{43}");
    private static final int MOST_CAPABILITIES = 128;

    /** Nothing but the role of an agent. */
    public static final Entitlements NONE = new Entitlements(
            Set.of(), Role.AGENT, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

    public Entitlements {
        if (requireNonNull(capabilities, "capabilities").size() > MOST_CAPABILITIES) {
            throw new IllegalArgumentException(
                    "at most " + MOST_CAPABILITIES + " capabilities are allowed but there were " + capabilities.size());
        }
        for (String capability : capabilities) {
            if (!Capability.isName(capability) && !Capability.isWildcard(capability)) {
                throw new IllegalArgumentException(
                        "capability must be 1-128 of A-Z a-z 0-9 . _ : / -, or *, or such a prefix and :* behind it, but was \""
                                + capability + "\"");
            }
        }
        capabilities = Collections.unmodifiableSet(new TreeSet<>(capabilities));
        requireNonNull(role, "role");
        costCentre.ifPresent(text -> Text.line("costCentre", text, 64));
        audience.ifPresent(text -> Text.line("audience", text, 256));
        keyThumbprint.ifPresent(text -> requireDigest("keyThumbprint", text));
        manifestDigest.ifPresent(text -> requireDigest("manifestDigest", text));
    }

    /** Whether it may be asked to do that; for a wildcard, to do all that this stands for. */
    public boolean allows(String capability) {
        return Capability.covers(capabilities, capability);
    }

    /** With that key to bind credentials to. */
    public Entitlements boundTo(String nextThumbprint) {
        return new Entitlements(capabilities, role, costCentre, audience, Optional.of(nextThumbprint), manifestDigest);
    }

    private static void requireDigest(String what, String text) {
        if (!DIGEST.matcher(text).matches()) {
            throw new IllegalArgumentException(what + " must be 43 characters of base64url but was \"" + text + "\"");
        }
    }
}
