package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict.Reason;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * What an agent may do in which state, and what the guard does besides saying so. Immutable.
 *
 * @param quarantine what an agent in quarantine may do
 * @param endsExpired whether {@code guard.require} retires an agent whose life it finds to be over, or only denies it
 * @param httpStatus the HTTP status to answer with for a reason, where it is another than {@link Reason#httpStatus}
 */
public record GuardPolicy(QuarantineAccess quarantine, boolean endsExpired, Map<Reason, Integer> httpStatus) {
    /** What is left to an agent in quarantine: the source systems differ. */
    public enum QuarantineAccess {
        /** Nothing (kAI). */
        NONE,
        /** What is about itself. */
        RESTRICTED,
        /** Everything (BrainstormRouter). */
        FULL
    }

    /** Nothing for agents in quarantine, and the guard only denies. */
    public static final GuardPolicy DEFAULT = new GuardPolicy(QuarantineAccess.NONE, false, Map.of());

    private static final GuardPolicy BRAINSTORM_ROUTER =
            new GuardPolicy(QuarantineAccess.FULL, true, Map.of(Reason.SUSPENDED, 402));

    public GuardPolicy {
        requireNonNull(quarantine, "quarantine");
        Map<Reason, Integer> sorted = new EnumMap<>(Reason.class);
        sorted.putAll(httpStatus);
        sorted.values().forEach(status -> {
            if (status < 400 || status > 599) {
                throw new IllegalArgumentException("an HTTP status for a denial must be 400 to 599 but was " + status);
            }
        });
        httpStatus = Collections.unmodifiableMap(sorted);
    }

    /**
     * BrainstormRouter's: agents in quarantine keep full access, one whose life is over is retired by the request that finds it,
     * and a suspended one is told 402.
     */
    public static GuardPolicy brainstormRouter() {
        return BRAINSTORM_ROUTER;
    }

    /** With another access in quarantine. */
    public GuardPolicy withQuarantine(QuarantineAccess access) {
        return new GuardPolicy(access, endsExpired, httpStatus);
    }

    /** With or without ending what is found expired. */
    public GuardPolicy withEndsExpired(boolean ends) {
        return new GuardPolicy(quarantine, ends, httpStatus);
    }

    /** Whether an agent in {@code state} may do it, as far as its state goes. */
    public boolean allows(AgentState state, Operation operation) {
        return switch (state) {
            case ACTIVE -> true;
            case PROVISIONED -> operation.isAboutItself();
            case QUARANTINED ->
                switch (quarantine) {
                    case NONE -> false;
                    case RESTRICTED -> operation.isAboutItself();
                    case FULL -> true;
                };
            case PENDING_APPROVAL, SUSPENDED, ORPHANED, DECOMMISSIONING, DECOMMISSIONED -> false;
        };
    }

    /** The HTTP status to answer a denial with. */
    public int httpStatusOf(Reason reason) {
        Integer own = httpStatus.get(reason);
        return own == null ? reason.httpStatus() : own;
    }
}
