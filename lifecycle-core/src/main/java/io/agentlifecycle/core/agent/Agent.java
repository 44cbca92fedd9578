package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.credential.KeyHistory;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.hold.Holds;
import io.agentlifecycle.core.hold.LegalHold;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One governed agent as it stood at one version: an immutable picture, made of one component per subject. A component
 * knows its own rules and nothing of the agent. Every change is a command to the manager, which gives the next picture.
 *
 * @param version 1 for a new agent, and one more with every change that was stored
 * @param state where it stands; derived facts such as "may it act now" are the guard's
 * @param owner who answers for it, if anyone does
 * @param legalHolds why what is known of it must be kept, the oldest first; in any state, also after its end
 * @param keyHistory the identity keys that it had before the one in its entitlements
 * @param tally how often some things happened to it, for its final report
 * @param retirement its end, once that began
 */
public record Agent(
        AgentKey key,
        long version,
        AgentState state,
        Profile profile,
        Entitlements entitlements,
        Lifespan lifespan,
        Lineage lineage,
        Optional<Owner> owner,
        ApprovalRequest approval,
        Holds holds,
        List<LegalHold> legalHolds,
        Credentials credentials,
        KeyHistory keyHistory,
        Activity activity,
        Tally tally,
        Optional<Retirement> retirement) {
    public Agent {
        requireNonNull(key, "key");
        requireNonNull(state, "state");
        requireNonNull(profile, "profile");
        requireNonNull(entitlements, "entitlements");
        requireNonNull(lifespan, "lifespan");
        requireNonNull(lineage, "lineage");
        requireNonNull(owner, "owner");
        requireNonNull(approval, "approval");
        requireNonNull(holds, "holds");
        legalHolds = List.copyOf(legalHolds);
        requireNonNull(credentials, "credentials");
        requireNonNull(keyHistory, "keyHistory");
        requireNonNull(activity, "activity");
        requireNonNull(tally, "tally");
        requireNonNull(retirement, "retirement");
    }

    /** Its name inside its tenant. */
    public AgentId id() {
        return key.id();
    }

    /** What it is called. */
    public String name() {
        return profile.name();
    }

    /** Its newest credential, unless that was revoked; look at its status before relying on it. */
    public Optional<Credential> credential() {
        return credentials.current().filter(c -> !credentials.isRevoked());
    }

    /** The legal hold of that reference, if it stands. */
    public Optional<LegalHold> legalHold(String reference) {
        return legalHolds.stream()
                .filter(hold -> hold.reference().equals(reference))
                .findFirst();
    }

    /** When it was retired for good. */
    public Optional<Instant> decommissionedAt() {
        return retirement.flatMap(Retirement::endedAt);
    }

    /** With another version. */
    public Agent at(long next) {
        return copy(next, state, owner, approval, holds, legalHolds, credentials, activity, tally, retirement);
    }

    /** In another state. */
    public Agent in(AgentState next) {
        return copy(version, next, owner, approval, holds, legalHolds, credentials, activity, tally, retirement);
    }

    /** With another owner. */
    public Agent with(Owner next) {
        return copy(
                version,
                state,
                Optional.of(next),
                approval,
                holds,
                legalHolds,
                credentials,
                activity,
                tally,
                retirement);
    }

    /** With another request. */
    public Agent with(ApprovalRequest next) {
        return copy(version, state, owner, next, holds, legalHolds, credentials, activity, tally, retirement);
    }

    /** With other holds. */
    public Agent with(Holds next) {
        return copy(version, state, owner, approval, next, legalHolds, credentials, activity, tally, retirement);
    }

    /** With other legal holds. */
    public Agent with(List<LegalHold> next) {
        return copy(version, state, owner, approval, holds, next, credentials, activity, tally, retirement);
    }

    /** With other credentials. */
    public Agent with(Credentials next) {
        return copy(version, state, owner, approval, holds, legalHolds, next, activity, tally, retirement);
    }

    /** With another identity key, and the one before it in the history. */
    public Agent with(String nextThumbprint, KeyHistory next) {
        return new Agent(
                key,
                version,
                state,
                profile,
                entitlements.boundTo(nextThumbprint),
                lifespan,
                lineage,
                owner,
                approval,
                holds,
                legalHolds,
                credentials,
                next,
                activity,
                tally,
                retirement);
    }

    /** With another activity. */
    public Agent with(Activity next) {
        return copy(version, state, owner, approval, holds, legalHolds, credentials, next, tally, retirement);
    }

    /** With another tally. */
    public Agent with(Tally next) {
        return copy(version, state, owner, approval, holds, legalHolds, credentials, activity, next, retirement);
    }

    /** With another retirement. */
    public Agent with(Retirement next) {
        return copy(
                version, state, owner, approval, holds, legalHolds, credentials, activity, tally, Optional.of(next));
    }

    /** All that commands can change but the identity key; the rest is as it was asked for. */
    private Agent copy(
            long nextVersion,
            AgentState nextState,
            Optional<Owner> nextOwner,
            ApprovalRequest nextApproval,
            Holds nextHolds,
            List<LegalHold> nextLegalHolds,
            Credentials nextCredentials,
            Activity nextActivity,
            Tally nextTally,
            Optional<Retirement> nextRetirement) {
        return new Agent(
                key,
                nextVersion,
                nextState,
                profile,
                entitlements,
                lifespan,
                lineage,
                nextOwner,
                nextApproval,
                nextHolds,
                nextLegalHolds,
                nextCredentials,
                keyHistory,
                nextActivity,
                nextTally,
                nextRetirement);
    }
}
