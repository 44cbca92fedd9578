package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.SweepReport.Outcome;
import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Activity;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.error.AuditUnavailableException;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does what time alone asks for, in all tenants, whenever the host calls it; nothing here runs by itself. It looks only
 * at agents that are due, runs ordinary commands, and goes on when one fails. Several threads or hosts may sweep at
 * once: each step counts only if the agent has not changed since it was looked at. Sweeps of one manager take turns, and
 * teardown tasks run inside them. What is expired is unusable whether or not anyone sweeps. Safe for use by many threads.
 */
public final class Sweeper {
    /** How many agents one sweep looks at, unless told otherwise. */
    public static final int DEFAULT_LIMIT = 10_000;

    private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);

    /** An agent that is due, with what is to be done about it. */
    private record Due(Agent agent, Optional<Liveness> liveness, List<SweepAction> actions) {}

    /**
     * What a sweep does not do, although it is due.
     *
     * @param orphans the tenants in which it makes no orphans
     * @param renewals the agents whose renewal it leaves for the next one
     * @param more whether there are agents that it does not look at
     */
    private record Held(Set<TenantId> orphans, Set<AgentKey> renewals, boolean more) {}

    private final Engine engine;
    private final Teardown teardown;
    private final Renewal renewal;
    private final int maxRenewals;
    private final ReentrantLock lock = new ReentrantLock();
    private final SilenceBreaker breaker;

    /** Failures in a row, but for those of the sealer, which is nothing that an agent is stuck with. */
    private final Map<AgentKey, Integer> failures = new ConcurrentHashMap<>();

    /** How often in a row the sealer failed for an agent. */
    private final Map<AgentKey, Integer> unsealed = new ConcurrentHashMap<>();

    private volatile Set<TenantId> massSilence = Set.of();

    /** @param maxRenewals how many credentials one sweep renews or hands over again at the most */
    Sweeper(Engine engine, Teardown teardown, Renewal renewal, int maxRenewals) {
        this.engine = engine;
        this.teardown = teardown;
        this.renewal = renewal;
        this.maxRenewals = maxRenewals;
        LifecyclePolicy policy = engine.rules().policy();
        this.breaker = new SilenceBreaker(policy.heartbeatInterval(), policy.startupGrace());
    }

    /**
     * What is due now; no agent is changed. Applying it is the host's own decision, so it also names the orphans that
     * {@link #sweep()} would hold back. When a key of the issuer counts no more, it looks at the fleet as a sweep does, and the
     * store notes whom that makes due.
     */
    public SweepPlan plan() {
        Instant now = engine.now();
        engine.deadlines().keys().rearm(engine.store(), engine.deadlines(), now);
        List<RecordKey> keys = engine.store().due(now, DEFAULT_LIMIT + 1);
        List<SweepPlan.Item> items = new ArrayList<>();
        for (RecordKey key : keys.subList(0, Math.min(keys.size(), DEFAULT_LIMIT))) {
            look(key.agentKey(), now, e -> {})
                    .ifPresent(due -> due.actions().stream()
                            .filter(action -> !action.givesCredential()
                                    || !engine.issuance().isKilled(due.agent()))
                            .forEach(action -> items.add(item(due.agent(), action))));
        }
        return new SweepPlan(now, items, keys.size() > DEFAULT_LIMIT);
    }

    /** Does what is due now, for at most {@link #DEFAULT_LIMIT} agents. */
    public SweepReport sweep() {
        return sweep(DEFAULT_LIMIT);
    }

    /**
     * Does what is due now, for at most {@code limit} agents, the longest overdue first. Renewals beyond
     * {@link LifecycleManager.Builder#maxPerSweep} are left for the next sweep, and keep nothing else waiting.
     *
     * @throws io.agentlifecycle.core.error.StoreException if the store cannot say what is due
     */
    public SweepReport sweep(int limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("limit must be at least 1 but was " + limit);
        }
        SweepReport report = sweepAgents(limit);
        engine.leases().lookAtAll();
        // without the lock: it may wait for an anchor of the host, and other sweeps go on meanwhile
        engine.follower().follow(report.at());
        return report;
    }

    private SweepReport sweepAgents(int limit) {
        lock.lock();
        try {
            Instant now = engine.now();
            keepLog(now);
            engine.heartbeats().flush(now);
            breaker.settle(now);
            engine.deadlines().keys().rearm(engine.store(), engine.deadlines(), now);
            List<RecordKey> keys = engine.store().due(now, limit == Integer.MAX_VALUE ? limit : limit + 1);
            List<RecordKey> taken = keys.subList(0, Math.min(keys.size(), limit));
            List<Outcome> outcomes = new ArrayList<>();
            List<Due> found = new ArrayList<>();
            for (RecordKey key : taken) {
                AgentKey agent = key.agentKey();
                look(agent, now, e -> unreadable(agent, now, e, outcomes)).ifPresent(found::add);
            }
            Set<TenantId> heldBack = heldBack(found, now);
            var held = new Held(heldBack, left(found, now), keys.size() > limit);
            found.forEach(due -> sweep(due, held, now, outcomes));
            heldBack.addAll(breaker.tripped());
            massSilence = Set.copyOf(heldBack);
            return new SweepReport(now, taken.size(), outcomes, keys.size() > limit, massSilence);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Does what {@code plan} says, as far as it is still due, and nothing else. An agent that changed since is left
     * alone. With {@link SweepReport#heldBack} a host insists on orphans that a sweep did not make.
     */
    public SweepReport apply(SweepPlan plan) {
        requireNonNull(plan, "plan");
        lock.lock();
        try {
            Instant now = engine.now();
            List<Outcome> outcomes = new ArrayList<>();
            Map<AgentKey, Long> versions = new HashMap<>();
            for (SweepPlan.Item item : plan.items()) {
                long version = versions.getOrDefault(item.agent(), item.version());
                Optional<Due> due = look(item.agent(), now, e -> {})
                        .filter(d ->
                                d.agent().version() == version && d.actions().contains(item.action()));
                if (due.isEmpty()) {
                    outcomes.add(new Outcome(item, Result.MOVED, Optional.empty()));
                } else {
                    Agent after = step(due.get().agent(), due.get().liveness(), item.action(), now, outcomes);
                    versions.put(item.agent(), after.version());
                }
            }
            outcomes.stream()
                    .filter(outcome -> outcome.action() == SweepAction.MARK_ORPHANED)
                    .filter(outcome -> outcome.result() == Result.DONE)
                    .forEach(outcome -> breaker.overrule(outcome.agent().tenant(), now));
            massSilence = breaker.tripped();
            return new SweepReport(now, versions.size(), outcomes, plan.more(), massSilence);
        } finally {
            lock.unlock();
        }
    }

    /** Agents for which sweeps failed too often in a row. */
    Set<AgentKey> stuck() {
        return failures.entrySet().stream()
                .filter(entry -> entry.getValue() >= Rules.STUCK)
                .map(Map.Entry::getKey)
                .filter(key -> {
                    FleetEntry entry = engine.fleet().get(key);
                    return entry == null || !entry.state().isTerminal();
                })
                .collect(Collectors.toUnmodifiableSet());
    }

    Set<TenantId> massSilence() {
        return massSilence;
    }

    /** What is to be done about an agent; empty if it is gone, or cannot be read, which {@code unreadable} hears. */
    private Optional<Due> look(AgentKey key, Instant now, Consumer<RuntimeException> unreadable) {
        try {
            return engine.find(key).map(stored -> {
                Optional<Liveness> liveness = engine.liveness(key);
                return new Due(stored.agent(), liveness, engine.deadlines().due(stored.agent(), liveness, now));
            });
        } catch (RuntimeException e) {
            LOG.error("agent {} is due but cannot be looked at", key, e);
            unreadable.accept(e);
            return Optional.empty();
        }
    }

    private void unreadable(AgentKey key, Instant now, RuntimeException e, List<Outcome> outcomes) {
        Instant later = now.plus(Rules.backOff(failures.merge(key, 1, Integer::sum)));
        long version = 0;
        try {
            Optional<StoredRecord> found = engine.store().get(RecordKey.agent(key));
            version = found.map(StoredRecord::version).orElse(0L);
            engine.store().rearm(RecordKey.agent(key), version, Optional.of(later));
        } catch (RuntimeException again) {
            LOG.error("agent {} stays due", key, again);
        }
        var item = new SweepPlan.Item(key, version, SweepAction.EXAMINE);
        outcomes.add(new Outcome(item, Result.FAILED, Optional.of(e)));
    }

    /** The tenants in which this sweep makes no orphans. */
    private Set<TenantId> heldBack(List<Due> found, Instant now) {
        Map<TenantId, Integer> orphans = new HashMap<>();
        for (Due due : found) {
            if (due.actions().contains(SweepAction.MARK_ORPHANED)) {
                orphans.merge(due.agent().key().tenant(), 1, Integer::sum);
            }
        }
        Set<TenantId> heldBack = new HashSet<>();
        orphans.forEach((tenant, count) -> {
            if (!breaker.allows(tenant, count, now, () -> engine.fleet().active(tenant))) {
                heldBack.add(tenant);
            }
        });
        return heldBack;
    }

    /** The agents whose renewal is more than this sweep does. The longest overdue are not among them, so nobody is for ever. */
    private Set<AgentKey> left(List<Due> found, Instant now) {
        Map<AgentKey, Instant> renewals = new HashMap<>();
        for (Due due : found) {
            if (due.actions().stream().anyMatch(SweepAction::isRenewal)
                    && !engine.issuance().isKilled(due.agent())) {
                renewals.put(due.agent().key(), renewalAt(due, now));
            }
        }
        return renewals.entrySet().stream()
                .sorted(Map.Entry.comparingByValue())
                .skip(maxRenewals)
                .map(Map.Entry::getKey)
                .collect(Collectors.toUnmodifiableSet());
    }

    private Instant renewalAt(Due due, Instant now) {
        return engine.deadlines().of(due.agent(), due.liveness()).stream()
                .filter(deadline -> deadline.action().isRenewal())
                .map(Deadlines.Deadline::at)
                .findFirst()
                .orElse(now);
    }

    private void sweep(Due due, Held held, Instant now, List<Outcome> outcomes) {
        Agent agent = due.agent();
        boolean left = false;
        boolean again = due.actions().contains(SweepAction.REPORT_ROTATION_DUE);
        if (due.actions().isEmpty()) {
            failures.remove(agent.key());
        }
        int before = outcomes.size();
        for (SweepAction action : due.actions()) {
            if (action == SweepAction.REPORT_ROTATION_DUE && !isNews(agent, now)
                    || action == SweepAction.NOTE_AGING && !isStillDue(agent, due.liveness(), action, now)) {
                continue;
            }
            if (action.givesCredential() && engine.issuance().isKilled(agent)) {
                again = true; // it is looked at again when it may have been released
                continue;
            }
            if (action == SweepAction.MARK_ORPHANED
                    && held.orphans().contains(agent.key().tenant())) {
                outcomes.add(new Outcome(item(agent, action), Result.HELD_BACK, Optional.empty()));
                again = true;
            } else if (action.isRenewal() && held.renewals().contains(agent.key())) {
                outcomes.add(new Outcome(item(agent, action), Result.LEFT, Optional.empty()));
                left = true;
            } else {
                agent = step(agent, due.liveness(), action, now, outcomes);
            }
        }
        boolean waits = agent.activity().unsignedFrom().isPresent();
        if (!waits) {
            unsealed.remove(agent.key());
        }
        // what failed has its own next time; what moved was looked at too early, and stays due, and so does what this
        // sweep wrote and could not sign, and what has fallen due by what it did
        boolean open = waits
                || !due.actions().containsAll(engine.deadlines().due(agent, due.liveness(), now))
                || outcomes.subList(before, outcomes.size()).stream()
                        .anyMatch(outcome -> outcome.result() == Result.FAILED || outcome.result() == Result.MOVED);
        if (left) {
            if (held.more() && !open) {
                // behind those that this sweep did not come to
                rearm(agent, Optional.of(now));
            }
        } else if (!open) {
            Optional<Instant> next = engine.deadlines().firstAfter(agent, due.liveness(), now);
            rearm(agent, again ? sooner(next, again(now)) : next);
        }
    }

    /** What ages is no news once this very sweep has renewed it. */
    private boolean isStillDue(Agent agent, Optional<Liveness> liveness, SweepAction action, Instant now) {
        return engine.deadlines().due(agent, liveness, now).contains(action);
    }

    private static Optional<Instant> sooner(Optional<Instant> next, Instant again) {
        return Optional.of(next.filter(again::isAfter).orElse(again));
    }

    private Instant again(Instant now) {
        return now.plus(engine.rules().policy().heartbeatInterval());
    }

    /** A rotation is due for half of a credential's life; the host is told of it once in a heartbeat interval. */
    private boolean isNews(Agent agent, Instant now) {
        FleetEntry entry = engine.fleet().get(agent.key());
        return entry != null
                && agent.credential()
                        .filter(credential -> entry.pulse().tellRotation(credential.id(), now, again(now)))
                        .isPresent();
    }

    /** A sweep goes on whether or not the log as a whole can be kept up. */
    private void keepLog(Instant now) {
        try {
            engine.log().noteRegression();
            engine.log().endorse();
        } catch (RuntimeException e) {
            LOG.error("what happened to the log could not be written down, or not be vouched for, yet", e);
        }
        try {
            engine.access().write(now);
        } catch (RuntimeException e) {
            LOG.error("attempts at power that were refused are kept for the next sweep", e);
        }
    }

    /** Does one thing for one agent, reports it, and returns the agent as it is then. */
    private Agent step(
            Agent agent, Optional<Liveness> liveness, SweepAction action, Instant now, List<Outcome> outcomes) {
        AgentKey key = agent.key();
        SweepPlan.Item item = item(agent, action);
        try {
            if (action == SweepAction.REPORT_ROTATION_DUE) {
                outcomes.add(new Outcome(item, Result.DUE_NO_SINK, Optional.empty()));
                return agent;
            }
            Optional<Agent> after =
                    action.isOfSilence() && !engine.liveness(key).equals(liveness)
                            ? Optional.empty()
                            : perform(agent, liveness, action, now);
            Result result =
                    after.isEmpty() ? Result.MOVED : isUnfinished(action, after.get()) ? Result.FAILED : Result.DONE;
            outcomes.add(new Outcome(item, result, Optional.empty()));
            if (result == Result.FAILED) {
                failures.merge(key, 1, Integer::sum);
            } else {
                failures.remove(key);
            }
            return after.orElse(agent);
        } catch (RuntimeException e) {
            outcomes.add(new Outcome(item, Result.FAILED, Optional.of(e)));
            failed(agent, liveness, action, now, e);
            return agent;
        }
    }

    private static SweepPlan.Item item(Agent agent, SweepAction action) {
        return new SweepPlan.Item(agent.key(), agent.version(), action);
    }

    private static boolean isUnfinished(SweepAction action, Agent after) {
        return switch (action) {
            case RETRY_TEARDOWN -> after.state() == AgentState.DECOMMISSIONING;
            case END_HOLD, ROTATE_CREDENTIAL, DELIVER_CREDENTIAL ->
                after.credentials().retry().isPresent();
            default -> false;
        };
    }

    private void failed(Agent agent, Optional<Liveness> liveness, SweepAction action, Instant now, RuntimeException e) {
        boolean sealer = e instanceof AuditUnavailableException;
        int attempts = (sealer ? unsealed : failures).merge(agent.key(), 1, Integer::sum);
        LOG.warn("{} of agent {} failed {} times in a row", action, agent.key(), attempts, e);
        // the event makes the agent due anew, so it comes before the wait
        boolean stuck = attempts == Rules.STUCK && !sealer;
        Agent waiting = stuck ? noteStuck(agent, action, attempts, e) : agent;
        // what fails again and again keeps nothing else waiting
        Optional<Instant> next = engine.deadlines().firstAfter(waiting, liveness, now);
        rearm(waiting, sooner(next, now.plus(Rules.backOff(attempts))));
    }

    private Agent noteStuck(Agent agent, SweepAction action, int attempts, RuntimeException e) {
        try {
            return engine.run(
                            agent.key(),
                            Engine.Effect.NEUTRAL,
                            engine.rules().stuck(action, attempts, e.getClass().getName()))
                    .agent();
        } catch (RuntimeException again) {
            LOG.error("the failure of {} for agent {} could not be written down", action, agent.key(), again);
            return agent;
        }
    }

    /** An agent that cannot be moved stays due, which costs one more look at it. */
    private void rearm(Agent agent, Optional<Instant> next) {
        try {
            engine.store().rearm(RecordKey.agent(agent.key()), agent.version(), next);
        } catch (RuntimeException e) {
            LOG.error("agent {} stays due", agent.key(), e);
        }
    }

    /** Empty if the agent changed since it was looked at. */
    private Optional<Agent> perform(Agent agent, Optional<Liveness> liveness, SweepAction action, Instant now) {
        Rules rules = engine.rules();
        Instant since = Deadlines.silentSince(agent, liveness);
        return switch (action) {
            case EXPIRE_REQUEST -> command(agent, rules.expireRequest());
            case WARN_OF_EXPIRY -> command(agent, rules.approvals().warn());
            case EXPIRE ->
                teardown.retireAt(
                        agent.key(),
                        agent.version(),
                        rules.retirement()
                                .decommission(
                                        Command.EXPIRE, Retirement.Cause.EXPIRED, "its life is over", Actor.SYSTEM));
            case DECOMMISSION_HELD ->
                teardown.retireAt(
                        agent.key(),
                        agent.version(),
                        rules.retirement()
                                .decommission(
                                        Command.EXPIRE,
                                        Retirement.Cause.HELD,
                                        "held longer than the policy allows",
                                        Actor.SYSTEM));
            case DECOMMISSION_INACTIVE ->
                teardown.retireAt(
                        agent.key(),
                        agent.version(),
                        rules.retirement()
                                .decommission(
                                        Command.DECOMMISSION,
                                        Retirement.Cause.INACTIVE,
                                        "inactive longer than the policy allows",
                                        Actor.SYSTEM));
            case RETRY_TEARDOWN -> Optional.of(teardown.finish(agent));
            case END_HOLD ->
                renewal.enter(agent, rules.holds().end(engine.deadlines().delivers()));
            case SUSPEND_INACTIVE -> command(agent, rules.holds().suspendInactive());
            case MARK_ORPHANED -> {
                OrphanReason reason =
                        liveness.isPresent() && since.equals(liveness.get().lastSeen())
                                ? OrphanReason.SILENT
                                : OrphanReason.NEVER_HEARD;
                Optional<Agent> marked =
                        command(agent, rules.markOrphaned(Optional.of(reason), since, Actor.system("orphan-detector")));
                marked.ifPresent(done -> breaker.made(done.key().tenant(), now));
                yield marked;
            }
            case NOTE_SILENCE ->
                command(
                        agent,
                        rules.noteSilence(
                                new Activity.Silence(since, engine.deadlines().windows(agent, since, now))));
            case ENDORSE_GAP -> command(agent, rules.endorseGap());
            case NOTE_AGING -> command(agent, rules.credentials().noteAging());
            case EXPIRE_CREDENTIAL -> command(agent, rules.credentials().expire());
            case ROTATE_CREDENTIAL -> renewal.rotateAndDeliver(agent);
            case DELIVER_CREDENTIAL -> renewal.deliverAgain(agent);
            case REPORT_ROTATION_DUE, EXAMINE -> throw new AssertionError(action + " is no change");
        };
    }

    private Optional<Agent> command(Agent agent, Plan.Decision decision) {
        return engine.runAt(agent.key(), agent.version(), Engine.Effect.NEUTRAL, decision)
                .map(Activation::agent);
    }
}
