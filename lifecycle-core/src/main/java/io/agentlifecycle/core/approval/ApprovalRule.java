package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Owner;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Who may approve a request, and until when.
 *
 * @param required false lets every request in by itself, which the trail shows as the actor {@code policy:auto}
 * @param selfApproval true lets the person who asked, the owner, or who changed the owner approve; for teams of one
 * @param timeout how long a request may wait; positive; empty means for ever
 */
public record ApprovalRule(boolean required, boolean selfApproval, Optional<Duration> timeout) {
    /** A person other than the one who asked, and other than the owner, must approve; a request waits for ever. */
    public static final ApprovalRule DEFAULT = new ApprovalRule(true, false, Optional.empty());

    public ApprovalRule {
        requireNonNull(timeout, "timeout");
        if (timeout.isPresent() && (timeout.get().isZero() || timeout.get().isNegative())) {
            throw new IllegalArgumentException("approval timeout must be positive but was " + timeout.get());
        }
    }

    /** When a request made at {@code requestedAt} dies of old age. */
    public Optional<Instant> expiry(Instant requestedAt) {
        return timeout.map(requestedAt::plus);
    }

    /** Why {@code approver} may not approve {@code request} at {@code now}; empty if they may. */
    public Optional<Objection> objection(ApprovalRequest request, Optional<Owner> owner, Actor approver, Instant now) {
        if (request.isExpired(now)) {
            return Optional.of(Objection.REQUEST_EXPIRED);
        }
        if (approver.type() != Actor.Type.HUMAN) {
            return Optional.of(Objection.NOT_HUMAN);
        }
        boolean self = request.involves(approver)
                || owner.filter(o -> approver.isNamed(o.id())).isPresent();
        return self && !selfApproval ? Optional.of(Objection.SELF_APPROVAL) : Optional.empty();
    }

    /** Why an approval does not count. */
    public enum Objection {
        /** The request waited too long. */
        REQUEST_EXPIRED("request-expired", "the request expired; file a new one"),
        /** Only people approve. */
        NOT_HUMAN("approver-human", "only a human can approve; pass Actor.human(..)"),
        /** The person asked for it, or owns it. */
        SELF_APPROVAL(
                "self-approval",
                "who requested or owns an agent, or had a part in who owns it, cannot approve it;"
                        + " ask someone else or allow it by policy");

        private final String rule;
        private final String text;

        Objection(String rule, String text) {
            this.rule = rule;
            this.text = text;
        }

        /** The stable name of the rule. */
        public String rule() {
            return rule;
        }

        /** True if it is about who approves, so that somebody else might. */
        public boolean isOfApprover() {
            return this != REQUEST_EXPIRED;
        }

        /** The rule and the way out, for people. */
        public String text() {
            return text;
        }
    }
}
