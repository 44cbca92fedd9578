package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** The answer to "may this agent do this now?": {@link Allowed}, or {@link Denied} with every reason. Immutable. */
public sealed interface Verdict {
    /** True if nothing stands in the way. */
    boolean allowed();

    /** Nothing stands in the way. */
    record Allowed(AgentKey agent) implements Verdict {
        @Override
        public boolean allowed() {
            return true;
        }
    }

    /**
     * Something stands in the way.
     *
     * @param subject whom it was asked about: an agent, or the words "this token" if no agent could be told from it
     * @param reasons all that stands in the way, the first to be mended first; never empty
     * @param httpStatus the status to answer with, if the caller came by HTTP
     * @param retryAt when it is worth asking again, if time alone ends what stands in the way
     */
    record Denied(String subject, List<Reason> reasons, int httpStatus, Optional<Instant> retryAt) implements Verdict {
        public Denied {
            requireNonNull(subject, "subject");
            requireNonNull(retryAt, "retryAt");
            reasons = List.copyOf(reasons);
            if (reasons.isEmpty()) {
                throw new IllegalArgumentException("a denial needs a reason");
            }
        }

        /** With the status that usually goes with the first reason, and no time to ask again. */
        public Denied(String subject, List<Reason> reasons) {
            this(subject, reasons, reasons.isEmpty() ? 0 : reasons.get(0).httpStatus(), Optional.empty());
        }

        @Override
        public boolean allowed() {
            return false;
        }

        /** The reason to mend first. */
        public Reason reason() {
            return reasons.get(0);
        }
    }

    /** Why not. The constants' names are stable codes. */
    enum Reason {
        /** No such agent in this tenant. */
        UNKNOWN_AGENT("no such agent in this tenant"),
        /** It belongs to another tenant, or to all of them. */
        OTHER_TENANT("it is not this tenant's; ask the manager that was built"),
        /** A restricting command could not be stored; this process denies the agent until one succeeds. */
        DENIED_HERE(
                "a restriction could not be stored; repeat it once the store works, or suspend the agent and resume it"),
        /** A kill switch stops it. */
        KILLED("a kill switch stops it; an admin must release that"),
        /** The lease was closed, so nothing is asked of its agent any more. */
        LEASE_CLOSED("the lease is closed; take another"),
        /** Its request is not approved. */
        PENDING_APPROVAL("its request waits for approval"),
        /** It is approved but not activated. */
        PROVISIONED("it is not activated yet"),
        /** It is held. */
        SUSPENDED("it is suspended; resume it or release its holds"),
        /** Holds stand on it, although its state would let it act. */
        HELD("it is held; release its holds"),
        /** It is under suspicion. */
        QUARANTINED("it is in quarantine"),
        /** Nobody answers for it. */
        ORPHANED("it is orphaned; reclaim it for a new owner"),
        /** It is being retired. */
        DECOMMISSIONING("it is being retired"),
        /** It is retired for ever. */
        DECOMMISSIONED("it is retired"),
        /** Its life has not begun. */
        NOT_YET_VALID("its life has not begun"),
        /** Its life is over. */
        EXPIRED("its life is over"),
        /** It made as many calls in this minute as it may. */
        RATE_LIMITED("it made as many calls in this minute as it may; ask again in the next"),
        /** The credential is not listed for the agent, or its secret is wrong. */
        CREDENTIAL_UNKNOWN("the credential is not one of the agent's"),
        /** The credential was replaced and its overlap is over. */
        CREDENTIAL_RETIRED("the credential was replaced; use the newer one"),
        /** The credential was taken back. */
        CREDENTIAL_REVOKED("the credential was revoked"),
        /** The credential's time is over. */
        CREDENTIAL_EXPIRED("the credential has expired; rotate it"),
        /** An agent that it works for, directly or by way of others, may not act. */
        PARENT_STOPPED("an agent that it works for may not act; see to that one first"),
        /** An agent that it works for, directly or by way of others, has no good credential. */
        PARENT_CREDENTIAL("an agent that it works for has no good credential; rotate the credentials of that one"),
        /** It works for an agent that is not here, or for more agents than anyone may. */
        PARENT_UNKNOWN("an agent that it works for is not here, or there are too many of them");

        private final String text;

        Reason(String text) {
            this.text = text;
        }

        /** The HTTP status that usually goes with it. */
        public int httpStatus() {
            return switch (this) {
                case CREDENTIAL_UNKNOWN, CREDENTIAL_RETIRED, CREDENTIAL_REVOKED, CREDENTIAL_EXPIRED -> 401;
                case RATE_LIMITED -> 429;
                case DENIED_HERE -> 503;
                default -> 403;
            };
        }

        /** What it means and what would help, for people. */
        public String text() {
            return text;
        }
    }
}
