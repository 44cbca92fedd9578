package io.agentlifecycle.core.audit;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.IdentityAssurance;
import java.util.Optional;

/** How events and records name an actor. All methods are pure and safe for use by many threads. */
public final class ActorJson {
    private ActorJson() {}

    /** The object that names {@code actor}. */
    public static Json.Obj write(Actor actor) {
        return Json.object()
                .put("type", actor.type().wire())
                .put("id", actor.id())
                .put("assurance", actor.assurance().map(IdentityAssurance::wire))
                .build();
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws IllegalArgumentException if it is anything else
     */
    public static Actor read(JsonFields fields) {
        Actor.Type type = fields.parsed("type", ActorJson::typeOf);
        String id = fields.string("id");
        Optional<IdentityAssurance> assurance = fields.optionalParsed("assurance", ActorJson::assuranceOf);
        fields.end();
        return new Actor(type, id, assurance);
    }

    private static Actor.Type typeOf(String wire) {
        for (Actor.Type type : Actor.Type.values()) {
            if (type.wire().equals(wire)) {
                return type;
            }
        }
        throw new JsonFormatException("unknown type of actor");
    }

    private static IdentityAssurance assuranceOf(String wire) {
        for (IdentityAssurance assurance : IdentityAssurance.values()) {
            if (assurance.wire().equals(wire)) {
                return assurance;
            }
        }
        throw new JsonFormatException("unknown assurance");
    }
}
