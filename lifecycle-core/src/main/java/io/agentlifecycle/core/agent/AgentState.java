package io.agentlifecycle.core.agent;

import java.util.Locale;
import java.util.Optional;

/** Where an agent stands in its life. Health, deployment and credentials are axes of their own. */
public enum AgentState {
    /** Asked for; a person has to decide. */
    PENDING_APPROVAL,
    /** Let in, not running yet. */
    PROVISIONED,
    /** May act. */
    ACTIVE,
    /** Under suspicion. */
    QUARANTINED,
    /** Held: at least one hold stands. */
    SUSPENDED,
    /** Nobody answers for it, or it fell silent. */
    ORPHANED,
    /** Being taken down. */
    DECOMMISSIONING,
    /** Retired for ever. */
    DECOMMISSIONED;

    /** The name in events and stored records, for example {@code pending_approval}. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The state of that wire name. */
    public static Optional<AgentState> ofWire(String wire) {
        for (AgentState state : values()) {
            if (state.wire().equals(wire)) {
                return Optional.of(state);
            }
        }
        return Optional.empty();
    }

    /**
     * True if an agent that goes from here to {@code next} gains nothing by it: it may do no more than before, and no
     * decision is passed over that it would have needed.
     */
    public boolean gainsNothingBy(AgentState next) {
        return next == this
                || switch (next) {
                    case SUSPENDED -> this == ACTIVE || this == QUARANTINED;
                    // a quarantine may end by itself, and a suspension never does
                    case QUARANTINED -> this == ACTIVE;
                    case ORPHANED -> this == ACTIVE || this == SUSPENDED || this == QUARANTINED;
                    case DECOMMISSIONING -> !isTerminal();
                    case DECOMMISSIONED -> true;
                    case PENDING_APPROVAL, PROVISIONED, ACTIVE -> false;
                };
    }

    /** True for the one state that nothing leads out of. */
    public boolean isTerminal() {
        return this == DECOMMISSIONED;
    }
}
