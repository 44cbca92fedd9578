package io.agentlifecycle.core.hold;

import static java.util.Objects.requireNonNull;

import java.util.Set;
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

    /** Its account is empty (Society AI): a deposit lifts it. */
    public static final HoldReason INSUFFICIENT_BALANCE = new HoldReason("insufficient_balance");

    /** Its account was closed and its credit is used up (Society AI). */
    public static final HoldReason BILLING_CANCELLED = new HoldReason("billing_cancelled");

    /** It used up what it may spend. */
    public static final HoldReason BUDGET_EXHAUSTED = new HoldReason("budget_exhausted");

    /** It broke a rule (Society AI): only an admin lifts it. */
    public static final HoldReason POLICY_VIOLATION = new HoldReason("policy_violation");

    /** Somebody else may hold its credential or its key. */
    public static final HoldReason CREDENTIAL_COMPROMISED = new HoldReason("credential_compromised");

    /** Whoever answered for it is gone. */
    public static final HoldReason OWNER_LOST = new HoldReason("owner_lost");

    /** The agent that it works for is held. */
    public static final HoldReason PARENT_HELD = new HoldReason("parent_held");

    /** It was to be quarantined while it was not ACTIVE. */
    public static final HoldReason QUARANTINE = new HoldReason("quarantine");

    /** It was in quarantine, and no recovery worked. */
    public static final HoldReason RECOVERY_FAILED = new HoldReason("recovery_failed");

    /** It was changed after it came in, and what it is now waits for approval; only the library holds for that. */
    public static final HoldReason REAPPROVAL = new HoldReason("reapproval");

    private static final Set<HoldReason> FOR_BILLING =
            Set.of(INSUFFICIENT_BALANCE, BILLING_CANCELLED, BUDGET_EXHAUSTED);
    private static final Set<HoldReason> FOR_ADMINS = Set.of(POLICY_VIOLATION, CREDENTIAL_COMPROMISED, OWNER_LOST);

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

    /** Who may release a hold of this reason, unless whoever places it says otherwise. */
    public ReleaseAuthority authority() {
        if (FOR_ADMINS.contains(this)) {
            return ReleaseAuthority.ADMIN;
        }
        return FOR_BILLING.contains(this) ? ReleaseAuthority.BILLING : ReleaseAuthority.OPERATOR;
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
