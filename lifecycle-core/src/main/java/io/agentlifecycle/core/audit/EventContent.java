package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import java.util.Optional;

/**
 * What happened, before it has a place in the log.
 *
 * @param from the state before, for events of an agent that existed
 * @param to the state after, for events of an agent
 * @param command what was asked for, if it is one of the table's commands
 * @param cause what it was done for: the caller's own id of it, if one was given
 * @param policy the policy in force, for events of an agent
 * @param details what the kind's table says, see {@link EventKind}
 */
public record EventContent(
        EventKind kind,
        Actor actor,
        Optional<AgentState> from,
        Optional<AgentState> to,
        Optional<Command> command,
        Optional<String> cause,
        Optional<PolicyRef> policy,
        Optional<ApprovalRef> approval,
        Optional<CredentialRef> credential,
        Json.Obj details) {
    public EventContent {
        requireNonNull(kind, "kind");
        requireNonNull(actor, "actor");
        requireNonNull(from, "from");
        requireNonNull(to, "to");
        requireNonNull(command, "command");
        requireNonNull(cause, "cause");
        requireNonNull(policy, "policy");
        requireNonNull(approval, "approval");
        requireNonNull(credential, "credential");
        kind.require(details);
    }

    /** An event of the log itself. */
    public static EventContent of(EventKind kind, Actor actor, Json.Obj details) {
        return new EventContent(
                kind,
                actor,
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                details);
    }

    /** The first event of an agent. */
    public EventContent to(AgentState state) {
        return with(Optional.empty(), Optional.of(state), command, cause, policy, approval, credential);
    }

    /** A step from a state to a state, perhaps the same one. */
    public EventContent step(AgentState before, AgentState after) {
        return with(Optional.of(before), Optional.of(after), command, cause, policy, approval, credential);
    }

    /** What was asked for. */
    public EventContent by(Command asked) {
        return with(from, to, Optional.of(asked), cause, policy, approval, credential);
    }

    /** What it was done for. */
    public EventContent because(Optional<String> given) {
        return with(from, to, command, given, policy, approval, credential);
    }

    /** The policy in force. */
    public EventContent under(PolicyRef inForce) {
        return with(from, to, command, cause, Optional.of(inForce), approval, credential);
    }

    /** Who approved what. */
    public EventContent approved(ApprovalRef given) {
        return with(from, to, command, cause, policy, Optional.of(given), credential);
    }

    /** The credential that it is about. */
    public EventContent about(CredentialRef subject) {
        return with(from, to, command, cause, policy, approval, Optional.of(subject));
    }

    private EventContent with(
            Optional<AgentState> nextFrom,
            Optional<AgentState> nextTo,
            Optional<Command> nextCommand,
            Optional<String> nextCause,
            Optional<PolicyRef> nextPolicy,
            Optional<ApprovalRef> nextApproval,
            Optional<CredentialRef> nextCredential) {
        return new EventContent(
                kind,
                actor,
                nextFrom,
                nextTo,
                nextCommand,
                nextCause,
                nextPolicy,
                nextApproval,
                nextCredential,
                details);
    }
}
