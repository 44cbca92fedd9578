package io.agentlifecycle.core.agent;

import java.util.Locale;
import java.util.Optional;

/** What can be asked of an agent that exists. {@link TransitionTable} says in which states, and where it leads. */
public enum Command {
    /** A person lets it in. */
    APPROVE,
    /** A person keeps it out. */
    REJECT,
    /** Whoever asked takes the request back. */
    WITHDRAW,
    /** Nobody decided in time. */
    EXPIRE_REQUEST(Giver.LIBRARY),
    /** It starts to work. */
    ACTIVATE,
    /** {@link #ACTIVATE}, when holds stand. */
    ACTIVATE_HELD(Giver.CALLER_OF_HELD),
    /** It says that it is alive. */
    HEARTBEAT,
    /** It gets a new credential. */
    ROTATE_CREDENTIALS,
    /** Its credentials are taken back. */
    REVOKE_CREDENTIALS,
    /** Someone else answers for it. */
    CHANGE_OWNER,
    /** Its life ends later than before. */
    RENEW,
    /** It is held. */
    SUSPEND,
    /** Its last hold is released. */
    RESUME,
    /** A hold is added, and the state stays. */
    PLACE_HOLD,
    /** A hold is released, and the state stays. */
    RELEASE_HOLD,
    /** It comes under suspicion. */
    QUARANTINE,
    /** The suspicion is cleared by a decision. */
    RELEASE,
    /** The suspicion is cleared, when holds stand. */
    RELEASE_HELD(Giver.CALLER_OF_HELD),
    /** The suspicion is cleared by a recovery that worked. */
    RECOVER,
    /** It fell silent, or nobody answers for it. */
    MARK_ORPHANED,
    /** A new owner takes it. */
    RECLAIM,
    /** {@link #RECLAIM}, when holds stand. */
    RECLAIM_HELD(Giver.CALLER_OF_HELD),
    /** It is retired. */
    DECOMMISSION,
    /** Its time is over. */
    EXPIRE(Giver.LIBRARY),
    /** Teardown is tried again. */
    RETRY_TEARDOWN(Giver.LIBRARY),
    /** Everything of it is gone. */
    COMPLETE_TEARDOWN(Giver.LIBRARY);

    private enum Giver {
        CALLER,
        CALLER_OF_HELD,
        LIBRARY
    }

    private final Giver giver;

    Command() {
        this(Giver.CALLER);
    }

    Command(Giver giver) {
        this.giver = giver;
    }

    /** True if only time or the library itself gives this command; presets do not restrict it. */
    public boolean isSystem() {
        return giver == Giver.LIBRARY;
    }

    /** True if it is what another command becomes when holds stand; nobody asks for it by itself. */
    public boolean isForHeld() {
        return giver == Giver.CALLER_OF_HELD;
    }

    /** The name in events, for example {@code mark_orphaned}. */
    public String wire() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The command of that wire name. */
    public static Optional<Command> ofWire(String wire) {
        for (Command command : values()) {
            if (command.wire().equals(wire)) {
                return Optional.of(command);
            }
        }
        return Optional.empty();
    }
}
