package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.Command;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What time alone asks for. */
public enum SweepAction {
    /** A request waited too long: it is turned down. */
    EXPIRE_REQUEST(Command.EXPIRE_REQUEST, true),
    /** A request will be turned down soon: it is written down. */
    WARN_OF_EXPIRY(null, false),
    /** An agent's time is over: it is retired. */
    EXPIRE(Command.EXPIRE, true),
    /** A retirement did not finish: its tasks are tried again. */
    RETRY_TEARDOWN(Command.RETRY_TEARDOWN, true),
    /** An agent was held for too long: it is retired. */
    DECOMMISSION_HELD(Command.EXPIRE, true),
    /** The time of a hold is over: it is released, and the agent may go on if it was the last. */
    END_HOLD(null, true),
    /** An agent did nothing for too long: it is held. */
    SUSPEND_INACTIVE(Command.SUSPEND, true),
    /** An agent did nothing for too long: it is retired. */
    DECOMMISSION_INACTIVE(Command.DECOMMISSION, true),
    /** An agent was silent for too long: it becomes an orphan. */
    MARK_ORPHANED(Command.MARK_ORPHANED, true),
    /** Heartbeats are missing: it is written down. */
    NOTE_SILENCE(null, false),
    /** Events of its trail could not be signed when they happened: a signed one vouches for them. */
    ENDORSE_GAP(null, false),
    /** A credential ran out: it is written down. */
    EXPIRE_CREDENTIAL(null, false),
    /** A credential is due for rotation: it is replaced, and the sink takes the new one to the agent. */
    ROTATE_CREDENTIAL(Command.ROTATE_CREDENTIALS, false),
    /** A new credential did not reach its agent: it is handed over again. */
    DELIVER_CREDENTIAL(null, false),
    /** Three quarters of a credential's life are over, and it was not replaced: it is written down. */
    NOTE_AGING(null, false),
    /** A credential is due for rotation, and nobody is there to take the new one: it is reported. */
    REPORT_ROTATION_DUE(null, false),
    /** It is due, but its record cannot be read; only ever reported as failed. */
    EXAMINE(null, false);

    private final Optional<Command> command;
    private final boolean decisive;

    SweepAction(@Nullable Command command, boolean decisive) {
        this.command = Optional.ofNullable(command);
        this.decisive = decisive;
    }

    /** The command of the transition table that it is, if it is one. */
    Optional<Command> command() {
        return command;
    }

    /** True if an agent may get a credential, or the token of one, by it. */
    boolean givesCredential() {
        return this == END_HOLD || this == ROTATE_CREDENTIAL || this == DELIVER_CREDENTIAL;
    }

    /** True if a heartbeat makes it wrong. */
    boolean isOfSilence() {
        return this == SUSPEND_INACTIVE
                || this == DECOMMISSION_INACTIVE
                || this == MARK_ORPHANED
                || this == NOTE_SILENCE;
    }

    /** True if it makes the issuer or the sink work, so that a sweep does only so many of them. */
    boolean isRenewal() {
        return this == ROTATE_CREDENTIAL || this == DELIVER_CREDENTIAL;
    }

    /** True if nothing else need be done for the agent after it. */
    boolean isDecisive() {
        return decisive;
    }
}
