package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/**
 * Why an agent is held. An agent has at most one hold per reason, so a deposit can lift one reason and leave another.
 *
 * @param code the stable name: lower-case words joined by {@code _}
 */
public record HoldReason(String code) implements Comparable<HoldReason> {
    private static final Pattern FORM = Pattern.compile("[a-z][a-z0-9_]{0,63}");

    /** An operator suspended it. */
    public static final HoldReason OPERATOR = new HoldReason("operator");

    /** It did nothing for longer than the policy allows. */
    public static final HoldReason INACTIVE = new HoldReason("inactive");

    public HoldReason {
        if (!FORM.matcher(requireNonNull(code, "code")).matches()) {
            throw new IllegalArgumentException(
                    "hold reason must be 1-64 of a-z 0-9 _ and begin with a letter but was \"" + code + "\"");
        }
    }

    /** A reason of the host's own. */
    public static HoldReason of(String code) {
        return new HoldReason(code);
    }

    @Override
    public int compareTo(HoldReason other) {
        return code.compareTo(other.code);
    }

    @Override
    public String toString() {
        return code;
    }
}
