package io.agentlifecycle.core.error;

import io.agentlifecycle.core.access.Verdict;

/** The guard says no, or a manager was asked for another tenant's things. Its code is {@code access-denied}. */
public final class AccessDeniedException extends RefusedException {
    private static final long serialVersionUID = 1L;

    private final transient Verdict.Denied verdict;

    /** Says what the guard said about {@code what}. */
    public AccessDeniedException(String what, Verdict.Denied verdict) {
        super(
                "access-denied",
                "%s is denied to %s: %s (%s)"
                        .formatted(what, verdict.subject(), verdict.reason().text(), verdict.reasons()));
        this.verdict = verdict;
    }

    /** All that stood in the way. */
    public Verdict.Denied verdict() {
        return verdict;
    }
}
