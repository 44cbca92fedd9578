package io.agentlifecycle.testkit;

import io.agentlifecycle.core.access.Verdict;
import org.assertj.core.api.AbstractAssert;

/** Assertions about an answer of the guard. Not safe for use by several threads. */
public final class VerdictAssert extends AbstractAssert<VerdictAssert, Verdict> {
    VerdictAssert(Verdict actual) {
        super(actual, VerdictAssert.class);
    }

    /** Nothing stands in the way. */
    public VerdictAssert isAllowed() {
        isNotNull();
        if (actual instanceof Verdict.Denied denied) {
            throw failure(
                    "expected it to be allowed, but %s is denied for %s: %s",
                    denied.subject(), denied.reasons(), denied.reason().text());
        }
        return this;
    }

    /** Something stands in the way, and {@code reason} is a part of it. */
    public VerdictAssert isDenied(Verdict.Reason reason) {
        isNotNull();
        if (!(actual instanceof Verdict.Denied denied)) {
            throw failure("expected it to be denied for %s, but it is allowed", reason);
        }
        if (!denied.reasons().contains(reason)) {
            throw failure(
                    "expected it to be denied for %s, but %s is denied for %s",
                    reason, denied.subject(), denied.reasons());
        }
        return this;
    }
}
