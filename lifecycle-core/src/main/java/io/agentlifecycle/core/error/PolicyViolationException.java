package io.agentlifecycle.core.error;

/** A rule of the policy, or of the library, forbids it. Its code is {@code policy-violation}. */
public final class PolicyViolationException extends RefusedException {
    private static final long serialVersionUID = 1L;

    private final String rule;

    /**
     * Says which rule forbids what.
     *
     * @param rule the stable name of the rule, such as {@code self-approval}
     * @param message whom it is about, what the rule is, and what would help
     */
    public PolicyViolationException(String rule, String message) {
        super("policy-violation", message + " (rule " + rule + ")");
        this.rule = rule;
    }

    /** The stable name of the rule. */
    public String rule() {
        return rule;
    }
}
