package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.text.Normalizer;
import java.util.Locale;
import java.util.Optional;

/**
 * Who asked for something. The library records the name that the host gives; authenticating it is the host's part.
 *
 * @param id 1 to 256 characters on one line
 * @param assurance how sure the host is of it; empty if it did not say
 */
public record Actor(Type type, String id, Optional<IdentityAssurance> assurance) {
    /** What kind of actor it is. */
    public enum Type {
        /** A person. Only people approve, unless a stage of the policy takes services too. */
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
    public static final Actor SYSTEM = of(Type.SYSTEM, "system");

    public Actor {
        requireNonNull(type, "type");
        Text.line("actor id", id, 256);
        requireNonNull(assurance, "assurance");
    }

    private static Actor of(Type type, String id) {
        return new Actor(type, id, Optional.empty());
    }

    /** The same actor, with how sure the host is that it is. */
    public Actor assured(IdentityAssurance level) {
        return new Actor(type, id, Optional.of(level));
    }

    /** A person, by an address or account name. */
    public static Actor human(String id) {
        return of(Type.HUMAN, id);
    }

    /** An agent acting for itself. */
    public static Actor agent(AgentId id) {
        return of(Type.AGENT, id.value());
    }

    /** A part of the host. */
    public static Actor system(String id) {
        return of(Type.SYSTEM, id);
    }

    /** A program that is not an agent. */
    public static Actor service(String id) {
        return of(Type.SERVICE, id);
    }

    /** A rule that decides by itself. */
    public static Actor policy(String id) {
        return of(Type.POLICY, id);
    }

    /** True if {@code other} is the same actor, however sure the host was of either. */
    public boolean isSame(Actor other) {
        return type == other.type && id.equals(other.id);
    }

    /** True if {@code name} is this actor's id, whatever its case, outer blanks, Unicode form or invisible characters. */
    public boolean isNamed(String name) {
        return fold(id).equals(fold(name));
    }

    /** What two names have in common that people take for one. */
    static String fold(String name) {
        StringBuilder seen = new StringBuilder();
        nfkc(name).codePoints().filter(c -> !Text.isIgnorable(c)).forEach(seen::appendCodePoint);
        // there and back: some letters have one capital and two small ones, or a capital of two letters
        String folded = seen.toString()
                .strip()
                .toLowerCase(Locale.ROOT)
                .toUpperCase(Locale.ROOT)
                .toLowerCase(Locale.ROOT);
        return nfkc(folded);
    }

    private static String nfkc(String text) {
        return Normalizer.normalize(text, Normalizer.Form.NFKC);
    }

    /** {@code type:id}. */
    @Override
    public String toString() {
        return type.wire() + ":" + id;
    }
}
