package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.agent.Entitlements;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.agent.Profile;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.delegation.Lineage;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What was asked for, as it stands in the details of {@code agent.requested} and in the agent's record: the same members
 * in both.
 */
record RequestJson(
        Profile profile, Entitlements entitlements, Lifespan lifespan, Lineage lineage, Optional<Owner> owner) {

    static RequestJson of(ProvisioningRequest request) {
        return new RequestJson(
                request.profile(), request.entitlements(), request.lifespan(), request.lineage(), request.owner());
    }

    /** Adds the members to {@code object}; those without a value are left out. */
    Json.ObjBuilder putInto(Json.ObjBuilder object) {
        object.put("name", profile.name())
                .put("purpose", profile.purpose())
                .put("type", profile.agentType())
                .put("role", entitlements.role().name().toLowerCase(Locale.ROOT))
                .put("costCentre", entitlements.costCentre())
                .put("audience", entitlements.audience())
                .put("keyThumbprint", entitlements.keyThumbprint())
                .put("manifestDigest", entitlements.manifestDigest())
                .put("notBefore", lifespan.notBefore())
                .put("notAfter", lifespan.notAfter())
                .put("parent", lineage.parent())
                .put("owner", owner);
        if (!profile.tags().isEmpty()) {
            Map<String, Json> tags = new TreeMap<>();
            profile.tags().forEach((key, value) -> tags.put(key, Json.of(value)));
            object.put("tags", new Json.Obj(tags));
        }
        if (!entitlements.capabilities().isEmpty()) {
            object.put("capabilities", Json.of(entitlements.capabilities()));
        }
        return object;
    }

    /** Takes the members out of {@code fields}. */
    static RequestJson takeFrom(JsonFields fields) {
        var profile = new Profile(
                fields.string("name"), fields.string("purpose"), fields.string("type"), fields.strings("tags"));
        var entitlements = new Entitlements(
                new LinkedHashSet<>(fields.list("capabilities")),
                fields.parsed("role", wire -> Role.valueOf(wire.toUpperCase(Locale.ROOT))),
                fields.optional("costCentre"),
                fields.optional("audience"),
                fields.optional("keyThumbprint"),
                fields.optional("manifestDigest"));
        return new RequestJson(
                profile,
                entitlements,
                new Lifespan(fields.optionalInstant("notBefore"), fields.optionalInstant("notAfter")),
                new Lineage(fields.optionalParsed("parent", AgentId::of)),
                fields.optionalParsed("owner", Owner::of));
    }

    /** The digest of all of it: what an approver is shown. */
    String digest() {
        return Digests.sha256(CanonicalJson.write(putInto(Json.object()).build()));
    }
}
