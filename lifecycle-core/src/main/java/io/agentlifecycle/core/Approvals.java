package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.approval.ApprovalStatus;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.error.PolicyViolationException;

/**
 * Decides on requests, and on changes of agents that are in, by votes: in stages, one after the other, each with a quorum, as
 * {@link LifecyclePolicy.Builder#approvalStages} says. A vote is an event of the log, with who cast it by the word of the host,
 * how sure the host was of that, what they saw and why. The log's key signs it, not the voter's. Methods throw what
 * {@link LifecycleManager} says. Safe for use by many threads.
 */
public final class Approvals {
    private final Engine engine;
    private final TenantId tenant;

    Approvals(Engine engine, TenantId tenant) {
        this.engine = engine;
        this.tenant = tenant;
    }

    /**
     * Casts a vote in the stage that is open. The last one that is needed lets the agent in: PENDING_APPROVAL to PROVISIONED. One
     * against it keeps it out: PENDING_APPROVAL to DECOMMISSIONED. Look at the state of what is returned. An agent that is in, and waits
     * to be approved anew, stays what it is: once it is approved, {@link LifecycleManager#releaseHold} with
     * {@link io.agentlifecycle.core.hold.HoldReason#REAPPROVAL} lets it go, and a vote against it leaves it held until it is amended
     * or retired.
     *
     * <p>Once the request was amended, or got another owner, a vote for it says what was seen: {@link Ballot#onSeeing}. A vote against
     * it is open to whoever may vote in any stage, also if they asked for it or have voted for it. While the vote cannot be signed,
     * the rejection alone is written. If the policy wants less than it did, so that no vote is missing, the next vote of somebody
     * who counts already lets the agent in, and is not written down again.
     *
     * <p>A vote counts by the policy that is in force when it is counted: one of somebody who may not vote any more, or in a stage
     * that is not there any more, does not.
     *
     * @throws PolicyViolationException rule {@code approval-decided}, {@code request-expired}, {@code approver-human},
     *     {@code approver-kind}, {@code self-approval}, {@code vote-twice}, {@code approver-unknown}, {@code vote-count},
     *     {@code approval-outdated} or {@code manifest-blocked}
     */
    public Agent vote(AgentId agent, Ballot ballot, Actor actor) {
        requireNonNull(ballot, "ballot");
        Right right = ballot.choice() == Vote.Choice.DENY ? Right.REJECT : Right.VOTE;
        try {
            Plan.Decision vote = rules().vote(ballot, actor);
            return run(agent, right, actor, right == Right.VOTE ? unlessOwn(actor, vote) : vote);
        } catch (AuditUnavailableException e) {
            // of an agent that is in nothing would be left: it is held already
            if (ballot.choice() == Vote.Choice.APPROVE
                    || ReapprovalRules.isIn(engine.load(key(agent)).agent())) {
                throw e;
            }
            return run(agent, right, actor, rules().denial(ballot, actor));
        }
    }

    /**
     * Writes down what somebody thinks of a request, who may be an agent: it never counts, decides nothing, and leaves them their
     * vote. It takes the place of what they thought before; the log keeps that.
     *
     * @throws PolicyViolationException rule {@code approval-decided}, {@code request-expired}, {@code vote-count} or
     *     {@code approval-outdated}
     */
    public Agent advise(AgentId agent, Ballot ballot, Actor actor) {
        return run(agent, Right.ADVISE, actor, rules().advise(requireNonNull(ballot, "ballot"), actor));
    }

    /**
     * Replaces what a waiting request asks for: the profile, the entitlements and the lifespan. All votes on it are void, and the
     * approval timeout runs on; only the end of the agent's life, with which its request ends too, may be another then. Who amends it
     * has a part in it, and cannot approve it. Asking for what is asked for already changes
     * nothing.
     *
     * <p>Of an agent that is in, this replaces what it is, and takes back its credentials and its API keys. If the policy requires
     * approval, it is also held for {@link io.agentlifecycle.core.hold.HoldReason#REAPPROVAL}, ACTIVE to SUSPENDED, and its request is
     * opened anew: nobody has voted on it, and it ends only with the agent's life. If not, it needs a new credential, by
     * {@link LifecycleManager#rotateCredentials} or by becoming ACTIVE. Its identity key stays: a request that names none leaves it, and {@link LifecycleManager#rotateKey} changes it.
     *
     * @param next what is asked for now; an id, owner or parent that it names must be the agent's; its requester and its
     *     idempotency key are ignored
     * @throws PolicyViolationException rule {@code approval-decided}, {@code request-expired}, {@code request-changes}, {@code amendment-scope},
     *     {@code lifespan-over}, {@code lifespan-long}, {@code lifespan-begin}, {@code manifest-blocked}, {@code role-escalation} or {@code event-size}; for an agent with a parent as
     *     {@link LifecycleManager#requestProvisioning}; {@code delegation-scope} also if agents that are in work for it and may do
     *     what it may not any more
     * @throws io.agentlifecycle.core.error.InvalidTransitionException if it must be held, and the table does not allow that in its state
     */
    public Agent amend(AgentId agent, ProvisioningRequest next, Actor actor) {
        AgentKey key = key(agent);
        requireNonNull(next, "next");
        engine.control().require(actor, Right.AMEND, key);
        // what those above it may do can change meanwhile; it is looked at again when it is to get a credential
        Agent before = engine.load(key).agent();
        var self = new Delegation.Member(
                key, next.entitlements().capabilities(), before.lineage().parent());
        if (ReapprovalRules.isIn(before)) {
            Delegation.requireWide(self, engine.below(key));
        }
        Delegation.of(self, above -> engine.find(above).map(found -> Delegation.Member.of(found.agent())))
                .require(engine.rules().policy());
        Plan.Decision amend = engine.control().permitAmendment(actor, next, rules().amend(next, actor));
        return engine.run(key, Engine.Effect.NEUTRAL, amend).agent();
    }

    /** How the request for an agent stands by the policy now in force, or what was decided on it: no vote is counted again then. */
    public ApprovalStatus status(AgentId agent) {
        return rules().status(engine.load(key(agent)).agent());
    }

    /** A vote that is an approval alone, where one person is enough. */
    Agent approve(AgentId agent, Actor actor) {
        return run(agent, Right.VOTE, actor, unlessOwn(actor, rules().approve(actor)));
    }

    private Plan.Decision unlessOwn(Actor actor, Plan.Decision vote) {
        return rules().unlessOwn(actor, vote, key -> engine.find(key).map(AgentCodec.Stored::agent));
    }

    private Agent run(AgentId agent, Right right, Actor actor, Plan.Decision decision) {
        return engine.run(key(agent), Engine.Effect.NEUTRAL, engine.control().permit(actor, right, decision))
                .agent();
    }

    private ApprovalRules rules() {
        return engine.rules().approvals();
    }

    private AgentKey key(AgentId agent) {
        return new AgentKey(tenant, agent);
    }
}
