package io.agentlifecycle.core.error;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A rule of the policy, or of the library, forbids it. Its code is {@code policy-violation}. */
public final class PolicyViolationException extends RefusedException {
    private static final long serialVersionUID = 1L;

    private final String rule;

    private final transient @Nullable Actor actor;

    /**
     * Says which rule forbids what.
     *
     * @param rule the stable name of the rule, such as {@code self-approval}
     * @param message whom it is about, what the rule is, and what would help
     */
    public PolicyViolationException(String rule, String message) {
        super("policy-violation", message + " (rule " + rule + ")");
        this.rule = rule;
        this.actor = null;
    }

    /**
     * Says which rule forbids what to whom, while it may let somebody else do the same: an attempt at power.
     *
     * @param rule the stable name of the rule, such as {@code hold-authority}
     * @param actor who lacks the right
     * @param message whom it is about, what the rule is, and what would help
     */
    public PolicyViolationException(String rule, Actor actor, String message) {
        super("policy-violation", message + " (rule " + rule + ")");
        this.rule = rule;
        this.actor = requireNonNull(actor, "actor");
    }

    /** The stable name of the rule. */
    public String rule() {
        return rule;
    }

    /**
     * Who lacks the right to what somebody else may do. Managers count such refusals, and sweeps write them down on stream
     * {@code access}. Empty if the rule refuses everybody, and after serialization.
     */
    public Optional<Actor> actor() {
        return Optional.ofNullable(actor);
    }
}
