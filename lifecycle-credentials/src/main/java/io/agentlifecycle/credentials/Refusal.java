package io.agentlifecycle.credentials;

import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import io.agentlifecycle.credentials.TokenVerdict.Rejected;
import java.util.Optional;

/** Ends the checking of a token. It never leaves the verifier; it has no text and no stack trace. */
final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Rejected verdict;

    Refusal(Reason reason) {
        this(new Rejected(reason, Optional.empty()));
    }

    Refusal(Reason reason, Verdict.Denied standing) {
        this(new Rejected(reason, Optional.of(standing)));
    }

    private Refusal(Rejected verdict) {
        super(null, null, false, false);
        this.verdict = verdict;
    }

    Rejected verdict() {
        return verdict;
    }

    static void unless(boolean good, Reason reason) {
        if (!good) {
            throw new Refusal(reason);
        }
    }
}
