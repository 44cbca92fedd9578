package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/** Names one agent inside its tenant, for ever: the id of a retired agent is never given out again. */
public record AgentId(String value) implements Comparable<AgentId> {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9._:-]{1,128}");

    public AgentId {
        if (!isValid(value)) {
            throw new IllegalArgumentException(
                    "agent id must be 1-128 of A-Z a-z 0-9 . _ : - but was \"" + value + "\"");
        }
    }

    /** The id with that text. */
    public static AgentId of(String value) {
        return new AgentId(value);
    }

    /** True if {@link #of} reads it. */
    public static boolean isValid(String value) {
        return FORM.matcher(requireNonNull(value, "value")).matches();
    }

    @Override
    public int compareTo(AgentId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
