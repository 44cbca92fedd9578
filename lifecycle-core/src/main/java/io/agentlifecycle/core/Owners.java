package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.OwnerReport.Outcome;
import io.agentlifecycle.core.OwnerReport.Result;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.error.AgentNotFoundException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.OwnerDirectory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Those who answer for agents: who else does, and what becomes of agents whose owner is gone. That is planned first, so that somebody
 * can look at it, and then done: nobody is moved silently. Owners are told apart by their text, as {@link AgentQuery#owner} does. Methods
 * throw what {@link LifecycleManager} says, and what the {@link OwnerDirectory} throws; nothing is changed then. Safe for use by many
 * threads.
 */
public final class Owners {
    private static final Logger LOG = LoggerFactory.getLogger(Owners.class);

    private final LifecycleManager manager;
    private final Engine engine;
    private final TenantId tenant;

    Owners(LifecycleManager manager, Engine engine, TenantId tenant) {
        this.manager = manager;
        this.engine = engine;
        this.tenant = tenant;
    }

    /**
     * Lets somebody answer for an agent beside its owner, wherever its owner could be changed. They cannot approve its request, which
     * has no votes from then on if it waits.
     *
     * @throws PolicyViolationException rule {@code co-owner-stands}, if they do already, under any spelling; {@code co-owner-count}, if
     *     {@link Agent#MOST_CO_OWNERS} others do; {@code owner-unknown} or {@code owner-inactive} by the word of the directory;
     *     {@code request-changes}, as {@link LifecycleManager#changeOwner}
     */
    public Agent addCoOwner(AgentId agent, Owner owner, Actor actor) {
        AgentKey key = key(agent);
        return run(key, actor, rules().addCoOwner(requireNonNull(owner, "owner"), actor));
    }

    /**
     * Ends that. If the request for the agent waits, they still cannot approve it.
     *
     * @param owner under any spelling
     * @throws PolicyViolationException rule {@code no-such-co-owner}, if they are none, or {@code request-changes}
     */
    public Agent removeCoOwner(AgentId agent, Owner owner, Actor actor) {
        AgentKey key = key(agent);
        return run(key, actor, rules().removeCoOwner(requireNonNull(owner, "owner"), actor));
    }

    /**
     * What is to become of the agents of an owner who is gone, by the word of the host, as {@link LifecyclePolicy#ownerLoss} says. Left
     * out are those that are being retired, or held for {@link io.agentlifecycle.core.hold.HoldReason#OWNER_LOST} already. Whom the
     * directory calls SUSPENDED may come back: their agents are to be held, whatever the policy says. Changes nothing; what they are
     * co-owner of stays as it is, see {@link #removeCoOwner}. An agent that cannot be read is in no plan; the host's own log has it, and
     * {@link LifecycleManager#verify} tells of it.
     */
    public OwnerPlan left(Owner owner) {
        requireNonNull(owner, "owner");
        Succession succession = succession();
        List<OwnerPlan.Step> steps = new ArrayList<>();
        manager.forEach(of(owner), agent -> succession.step(agent, owner).ifPresent(steps::add));
        return new OwnerPlan(engine.now(), steps);
    }

    /**
     * The same for all owners of agents whom the directory does not know any more, or calls LEFT or SUSPENDED. It looks at every agent
     * of the tenant, and asks about each owner once. Changes nothing.
     *
     * @throws PolicyViolationException rule {@code owner-directory}, if there is none
     */
    public OwnerPlan lost() {
        if (!engine.owners().hasDirectory()) {
            throw new PolicyViolationException(
                    "owner-directory",
                    "nobody can tell which owners are gone; build the manager with ownerDirectory(..), or say with left(..) who is");
        }
        Succession succession = succession();
        List<OwnerPlan.Step> steps = new ArrayList<>();
        manager.forEach(
                AgentQuery.all().state(OwnerRules.LIVE),
                agent -> agent.owner()
                        .filter(owner -> succession
                                .find(owner)
                                .filter(OwnerStanding::isActive)
                                .isEmpty())
                        .flatMap(owner -> succession.step(agent, owner))
                        .ifPresent(steps::add));
        return new OwnerPlan(engine.now(), steps);
    }

    /**
     * All agents of {@code from} that are not being retired, those that are held among them, for {@code to}. Holds stay as they are.
     * Changes nothing.
     *
     * @throws IllegalArgumentException if both are the same
     * @throws PolicyViolationException rule {@code owner-unknown}, {@code owner-inactive} or {@code owner-limit}, by the word of the
     *     directory on {@code to}
     */
    public OwnerPlan handOver(Owner from, Owner to) {
        if (requireNonNull(from, "from").equals(requireNonNull(to, "to"))) {
            throw new IllegalArgumentException("agents of %s cannot be handed over to %s".formatted(from, to));
        }
        List<OwnerPlan.Step> steps = new ArrayList<>();
        manager.forEach(of(from), agent -> steps.add(new OwnerPlan.Succeed(agent.key(), agent.version(), from, to)));
        engine.owners().requireRoom(tenant, to, steps.size());
        return new OwnerPlan(engine.now(), steps);
    }

    /**
     * Does what {@code plan} says, step by step, each a commit of its own, and nothing else. A step that fails stops no other, and
     * one whose agent has changed since is not done; applied again, a plan does what is left of it. Each step is refused as
     * {@link LifecycleManager#changeOwner} and {@link LifecycleManager#placeHold} are. An ACTIVE agent that gets another owner is due
     * for another credential at once.
     *
     * @throws io.agentlifecycle.core.error.StoreException if this manager is closed
     */
    public OwnerReport apply(OwnerPlan plan, Actor actor) {
        requireNonNull(plan, "plan");
        engine.requireOpen();
        engine.control().require(actor, Right.CHANGE_OWNER, tenant);
        return new OwnerReport(
                engine.now(),
                plan.steps().stream().map(step -> perform(step, actor)).toList());
    }

    private Outcome perform(OwnerPlan.Step step, Actor actor) {
        try {
            if (!step.agent().tenant().equals(tenant)) {
                throw new AgentNotFoundException(step.agent());
            }
            Engine.Effect effect = step instanceof OwnerPlan.Hold ? Engine.Effect.RESTRICTS : Engine.Effect.NEUTRAL;
            Right right = step instanceof OwnerPlan.Hold ? Right.HOLD : Right.CHANGE_OWNER;
            Plan.Decision decision = engine.control().permit(actor, right, rules().perform(step, actor));
            boolean done =
                    engine.runAt(step.agent(), step.version(), effect, decision).isPresent();
            return new Outcome(step, done ? Result.DONE : Result.MOVED, Optional.empty());
        } catch (RuntimeException e) {
            LOG.warn("what becomes of agent {} after its owner is left to the next plan", step.agent(), e);
            return new Outcome(step, Result.FAILED, Optional.of(e));
        }
    }

    private Succession succession() {
        return new Succession(engine.owners(), engine.rules().policy().ownerLoss(), tenant);
    }

    /** Those of that owner that count. */
    private static AgentQuery of(Owner owner) {
        return AgentQuery.all().state(OwnerRules.LIVE).owner(owner.toString());
    }

    private Agent run(AgentKey key, Actor actor, Plan.Decision decision) {
        return engine.run(key, Engine.Effect.NEUTRAL, engine.control().permit(actor, Right.CHANGE_OWNER, decision))
                .agent();
    }

    private OwnerRules rules() {
        return engine.rules().owners();
    }

    private AgentKey key(AgentId agent) {
        return new AgentKey(tenant, agent);
    }
}
