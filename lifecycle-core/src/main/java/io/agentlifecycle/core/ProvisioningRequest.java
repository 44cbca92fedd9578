package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Entitlements;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.agent.Profile;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.secret.SecretRef;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What someone asks for: an agent that does not exist yet. Immutable.
 *
 * @param id the agent's id, if the caller chooses it; otherwise one is drawn
 * @param idempotencyKey the caller's own id of this request; asking again with it gives the same agent
 */
public record ProvisioningRequest(
        Optional<AgentId> id,
        Profile profile,
        Entitlements entitlements,
        Lifespan lifespan,
        Lineage lineage,
        Optional<Owner> owner,
        Actor requestedBy,
        Optional<String> idempotencyKey) {
    public ProvisioningRequest {
        requireNonNull(id, "id");
        requireNonNull(profile, "profile");
        requireNonNull(entitlements, "entitlements");
        requireNonNull(lifespan, "lifespan");
        requireNonNull(lineage, "lineage");
        requireNonNull(owner, "owner");
        requireNonNull(requestedBy, "requestedBy");
        idempotencyKey.ifPresent(key -> Text.line("idempotency key", key, 128));
        profile.tags().forEach((key, value) -> {
            // not the value: it may be the secret itself
            if (key.startsWith(Profile.SECRET) && (key.equals(Profile.SECRET) || !SecretRef.isRef(value))) {
                throw new IllegalArgumentException(
                        "tag " + key + " must name a secret by a reference, such as env:NAME; add it with secret(..)");
            }
        });
    }

    /** The same for another life, under another key. */
    ProvisioningRequest with(Lifespan next, Optional<String> nextKey) {
        return new ProvisioningRequest(id, profile, entitlements, next, lineage, owner, requestedBy, nextKey);
    }

    /**
     * A builder for an agent of that name: type {@code autonomous}, no purpose, no tags, no capabilities, no owner, the
     * role of an agent, no limits in time, requested by the host.
     */
    public static Builder builder(String name) {
        return new Builder(name);
    }

    /** Collects what is asked for. Not safe for use by several threads. */
    public static final class Builder {
        private final String name;
        private Optional<AgentId> id = Optional.empty();
        private String purpose = "";
        private String agentType = "autonomous";
        private final Map<String, String> tags = new TreeMap<>();
        private final Set<String> capabilities = new TreeSet<>();
        private Role role = Role.AGENT;
        private Optional<String> costCentre = Optional.empty();
        private Optional<String> audience = Optional.empty();
        private Optional<String> keyThumbprint = Optional.empty();
        private Optional<String> manifestDigest = Optional.empty();
        private Optional<Instant> notBefore = Optional.empty();
        private Optional<Instant> notAfter = Optional.empty();
        private Optional<AgentId> parent = Optional.empty();
        private Optional<Owner> owner = Optional.empty();
        private Actor requestedBy = Actor.SYSTEM;
        private Optional<String> idempotencyKey = Optional.empty();

        private Builder(String name) {
            this.name = Text.line("name", name, 256);
        }

        /** Chooses the agent's id. */
        public Builder id(AgentId value) {
            id = Optional.of(value);
            return this;
        }

        /** Says what it is for. */
        public Builder purpose(String value) {
            purpose = requireNonNull(value, "purpose");
            return this;
        }

        /** Says what it is built with, such as {@code langchain}. */
        public Builder agentType(String value) {
            agentType = requireNonNull(value, "agentType");
            return this;
        }

        /** Adds a tag, or replaces the one of that key. */
        public Builder tag(String key, String value) {
            tags.put(requireNonNull(key, "key"), requireNonNull(value, "value"));
            return this;
        }

        /** Adds tags. */
        public Builder tags(Map<String, String> values) {
            tags.putAll(values);
            return this;
        }

        /**
         * Says where a secret is that it works with; the secret itself stays there. It becomes the tag {@code secret/NAME}, so
         * queries find all agents that use it.
         *
         * @param secret what the agent calls it, 1 to 57 of A-Z a-z 0-9 . _ / -
         */
        public Builder secret(String secret, SecretRef ref) {
            return tag(Profile.SECRET + requireNonNull(secret, "secret"), ref.value());
        }

        /**
         * Adds something that it may be asked to do: a name, {@code *} for all, or {@code prefix:*}. Wildcards are in no
         * token.
         */
        public Builder capability(String value) {
            capabilities.add(requireNonNull(value, "capability"));
            return this;
        }

        /** Adds what it may be asked to do. */
        public Builder capabilities(Set<String> values) {
            capabilities.addAll(values);
            return this;
        }

        /** Its permission tier. */
        public Builder role(Role value) {
            role = requireNonNull(value, "role");
            return this;
        }

        /** Who pays. */
        public Builder costCentre(String value) {
            costCentre = Optional.of(value);
            return this;
        }

        /** For whom its credentials are meant. */
        public Builder audience(String value) {
            audience = Optional.of(value);
            return this;
        }

        /** The key that its credentials are bound to (RFC 7638). */
        public Builder keyThumbprint(String value) {
            keyThumbprint = Optional.of(value);
            return this;
        }

        /** The digest of the manifest that it was built from. */
        public Builder manifestDigest(String value) {
            manifestDigest = Optional.of(value);
            return this;
        }

        /** From when on it may act. */
        public Builder notBefore(Instant value) {
            notBefore = Optional.of(value);
            return this;
        }

        /** From when on it may not act any more. */
        public Builder notAfter(Instant value) {
            notAfter = Optional.of(value);
            return this;
        }

        /**
         * The agent of the same tenant that it works for. It may do nothing that this one may not, has no credential that
         * outlives that one's, and stops when that one stops.
         */
        public Builder parent(AgentId value) {
            parent = Optional.of(value);
            return this;
        }

        /** Who answers for it, as {@link Owner#of} reads it; blank means nobody. */
        public Builder owner(String value) {
            owner = requireNonNull(value, "owner").isBlank() ? Optional.empty() : Optional.of(Owner.of(value));
            return this;
        }

        /** Who asks. */
        public Builder requestedBy(Actor value) {
            requestedBy = requireNonNull(value, "requestedBy");
            return this;
        }

        /** The caller's own id of this request; 1 to 128 characters. */
        public Builder idempotencyKey(String value) {
            idempotencyKey = Optional.of(value);
            return this;
        }

        /** The request. */
        public ProvisioningRequest build() {
            return new ProvisioningRequest(
                    id,
                    new Profile(name, purpose, agentType, tags),
                    new Entitlements(capabilities, role, costCentre, audience, keyThumbprint, manifestDigest),
                    new Lifespan(notBefore, notAfter),
                    new Lineage(parent),
                    owner,
                    requestedBy,
                    idempotencyKey);
        }
    }
}
