package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.util.Locale;

/**
 * Who answers for an agent. Its text form is the id for a person ({@code alice@company.com}) and {@code team:},
 * {@code system:} or {@code agent:} before the id otherwise; {@link #of(String)} reads it back.
 *
 * @param id 1 to 256 characters on one line
 */
public record Owner(Type type, String id) {
    /** What kind of owner it is. */
    public enum Type {
        /** A person. */
        PERSON,
        /** A group of people. */
        TEAM,
        /** Another system. */
        SYSTEM,
        /** Another agent. */
        AGENT;

        private String prefix() {
            return name().toLowerCase(Locale.ROOT) + ":";
        }
    }

    public Owner {
        requireNonNull(type, "type");
        Text.line("owner", id, 256);
        if (!id.equals(id.strip())) {
            throw new IllegalArgumentException("owner must not begin or end with a blank but was \"" + id + "\"");
        }
        if (type == Type.PERSON && typeOf(id) != Type.PERSON) {
            throw new IllegalArgumentException(
                    "a person's name must not begin like " + typeOf(id).prefix());
        }
    }

    /**
     * Reads the text form.
     *
     * @throws IllegalArgumentException if it is blank, longer than 256 characters, or has control characters
     */
    public static Owner of(String text) {
        Type type = typeOf(requireNonNull(text, "owner"));
        return new Owner(
                type, type == Type.PERSON ? text : text.substring(type.prefix().length()));
    }

    private static Type typeOf(String text) {
        for (Type type : Type.values()) {
            if (type != Type.PERSON && text.startsWith(type.prefix())) {
                return type;
            }
        }
        return Type.PERSON;
    }

    /** True if {@code other} is this owner, whatever the case, outer blanks, Unicode form or invisible characters of the name. */
    public boolean isSame(Owner other) {
        return type == other.type && Actor.fold(id).equals(Actor.fold(other.id));
    }

    @Override
    public String toString() {
        return type == Type.PERSON ? id : type.prefix() + id;
    }
}
