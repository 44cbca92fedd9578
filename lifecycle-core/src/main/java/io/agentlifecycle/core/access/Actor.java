package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.text.Normalizer;
import java.util.Locale;

/**
 * Who asked for something. The library records the name that the host gives; authenticating it is the host's part.
 *
 * @param id 1 to 256 characters on one line
 */
public record Actor(Type type, String id) {
    /** What kind of actor it is. */
    public enum Type {
        /** A person. Only a person can approve. */
        HUMAN,
        /** An agent acting for itself. */
        AGENT,
        /** Another program. */
        SERVICE,
        /** This library or its host. */
        SYSTEM,
        /** A rule that decided by itself, such as {@code auto}. */
        POLICY;

        /** The name in events and stored records. */
        public String wire() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The host itself, where no one else is named. */
    public static final Actor SYSTEM = new Actor(Type.SYSTEM, "system");

    public Actor {
        requireNonNull(type, "type");
        Text.line("actor id", id, 256);
    }

    /** A person, by an address or account name. */
    public static Actor human(String id) {
        return new Actor(Type.HUMAN, id);
    }

    /** An agent acting for itself. */
    public static Actor agent(AgentId id) {
        return new Actor(Type.AGENT, id.value());
    }

    /** A part of the host. */
    public static Actor system(String id) {
        return new Actor(Type.SYSTEM, id);
    }

    /** A program that is not an agent. */
    public static Actor service(String id) {
        return new Actor(Type.SERVICE, id);
    }

    /** A rule that decides by itself. */
    public static Actor policy(String id) {
        return new Actor(Type.POLICY, id);
    }

    /** True if {@code name} is this actor's id, whatever its case, outer blanks or Unicode form. */
    public boolean isNamed(String name) {
        return fold(id).equals(fold(name));
    }

    private static String fold(String name) {
        return Normalizer.normalize(name, Normalizer.Form.NFKC).strip().toLowerCase(Locale.ROOT);
    }

    /** {@code type:id}. */
    @Override
    public String toString() {
        return type.wire() + ":" + id;
    }
}
