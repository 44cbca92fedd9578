package io.agentlifecycle.core;

import static io.agentlifecycle.core.agent.AgentState.ACTIVE;

import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.hold.Hold;
import io.agentlifecycle.core.hold.HoldReason;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * When time alone changes something about an agent, and what: pure functions of its record, the policy and what is known
 * of its heartbeats. A deadline counts from its instant.
 *
 * @param graceUntil before this, nobody is silent
 * @param delivers whether there is a sink that takes new credentials to their agents
 * @param keys whether the key of a credential still counts, which is one of two things that no record of the agent says
 * @param standing what those have that an agent works for, which is the other one
 */
record Deadlines(Rules rules, Instant graceUntil, boolean delivers, KeyWatch keys, Standing standing) {
    /** A new credential that ends less than that after the old one is not worth having: a token has whole seconds. */
    private static final Duration LEAST_GAIN = Duration.ofSeconds(1);

    /** So many attempts wait for as long as any do. */
    private static final int MANY = 100;

    /** Something that is to be done at an instant. */
    record Deadline(Instant at, SweepAction action) {}

    /**
     * All deadlines of {@code agent}, those that have passed included: first that of its gap, which is closed whatever
     * else is due, and then the most decisive first.
     */
    List<Deadline> of(Agent agent, Optional<Liveness> liveness) {
        List<Deadline> deadlines = new ArrayList<>();
        if (agent.activity().unsignedFrom().isPresent()) {
            deadlines.add(new Deadline(agent.activity().updatedAt(), SweepAction.ENDORSE_GAP));
        }
        if (agent.state() == AgentState.PENDING_APPROVAL) {
            agent.approval().expiresAt().ifPresent(at -> add(deadlines, agent, at, SweepAction.EXPIRE_REQUEST));
            agent.lifespan().notAfter().ifPresent(at -> add(deadlines, agent, at, SweepAction.EXPIRE_REQUEST));
            addEndOfHold(deadlines, agent);
            rules.approvals()
                    .warnAt(agent)
                    .ifPresent(at -> deadlines.add(new Deadline(at, SweepAction.WARN_OF_EXPIRY)));
            return deadlines;
        }
        agent.lifespan().notAfter().ifPresent(at -> add(deadlines, agent, at, SweepAction.EXPIRE));
        agent.retirement()
                .filter(retirement -> retirement.endedAt().isEmpty())
                .ifPresent(retirement -> add(deadlines, agent, teardownAt(retirement), SweepAction.RETRY_TEARDOWN));
        addLongestHold(deadlines, agent);
        addEndOfHold(deadlines, agent);
        addInactivity(deadlines, agent, liveness);
        if (agent.state() == ACTIVE) {
            addSilence(deadlines, agent, liveness);
            addExpiry(deadlines, agent);
            addRenewal(deadlines, agent);
            addAging(deadlines, agent);
        }
        return deadlines;
    }

    /** The first of all deadlines, so that a sweep looks at the agent then. */
    Optional<Instant> first(Agent agent, Optional<Liveness> liveness) {
        return of(agent, liveness).stream().map(Deadline::at).min(Comparator.naturalOrder());
    }

    /** When to look at the agent again: the first deadline after {@code now}, or when those above it may have moved. */
    Optional<Instant> firstAfter(Agent agent, Optional<Liveness> liveness, Instant now) {
        return of(agent, liveness).stream()
                .flatMap(deadline -> deadline.at().isAfter(now)
                        ? Stream.of(deadline.at())
                        : lookAgainAt(agent, deadline, now).stream())
                .min(Comparator.naturalOrder());
    }

    /** What is to be done now. After the most decisive step the agent is looked at again, so only that one is named. */
    List<SweepAction> due(Agent agent, Optional<Liveness> liveness, Instant now) {
        List<SweepAction> due = new ArrayList<>();
        for (Deadline deadline : of(agent, liveness)) {
            // of one that has run out, that says more
            boolean stale = deadline.action() == SweepAction.NOTE_AGING && due.contains(SweepAction.EXPIRE_CREDENTIAL);
            if (!now.isBefore(deadline.at())
                    && !stale
                    && !due.contains(deadline.action())
                    && !(isRenewal(deadline) && waits(agent, now))) {
                due.add(deadline.action());
                if (deadline.action().isDecisive()) {
                    return due;
                }
            }
        }
        return due;
    }

    private static boolean isRenewal(Deadline deadline) {
        return deadline.action() == SweepAction.ROTATE_CREDENTIAL
                || deadline.action() == SweepAction.REPORT_ROTATION_DUE;
    }

    /**
     * True while the agent has a good credential and a new one would end no later, since those that it works for have none
     * that does. It would be due again at once, so it waits for theirs.
     */
    boolean waits(Agent agent, Instant now) {
        if (agent.lineage().parent().isEmpty()) {
            return false;
        }
        Duration eighth = eighth(agent);
        Duration least = eighth.compareTo(LEAST_GAIN) < 0 ? eighth : LEAST_GAIN;
        return agent.credentials()
                .usable(now)
                .filter(has -> !isOutdated(agent, has))
                .flatMap(has -> standing.endAbove(agent.key(), Pulse.nanos(now))
                        .filter(end -> end.isBefore(has.expiresAt().plus(least))))
                .isPresent();
    }

    /** Nothing in a record says when those above renew theirs, so it is looked at, more often the nearer its end is. */
    private Optional<Instant> lookAgainAt(Agent agent, Deadline passed, Instant now) {
        if (!isRenewal(passed) || !waits(agent, now)) {
            return Optional.empty();
        }
        Credential has = agent.credentials().current().orElseThrow();
        CredentialPolicy policy = rules.policyFor(agent).credentialPolicy();
        Instant seldom = now.plus(policy.retryAfter(has.id().value(), MANY));
        Instant often = later(
                now.plus(policy.retryAfter(has.id().value(), 1)),
                now.plus(Duration.between(now, has.expiresAt()).dividedBy(4)));
        return Optional.of(often.isBefore(seldom) ? often : seldom);
    }

    private Duration eighth(Agent agent) {
        return rules.policyFor(agent).credentialPolicy().maxCredentialTtl().dividedBy(8);
    }

    /** Since when an ACTIVE agent is silent: its last heartbeat, or the moment when it became ACTIVE. */
    static Instant silentSince(Agent agent, Optional<Liveness> liveness) {
        Instant watched =
                agent.activity().watchedSince().orElse(agent.activity().createdAt());
        return liveness.map(Liveness::lastSeen)
                .filter(seen -> seen.isAfter(watched))
                .orElse(watched);
    }

    /** How many whole heartbeat intervals have passed since {@code since}. */
    long windows(Agent agent, Instant since, Instant now) {
        return now.isBefore(since)
                ? 0
                : Duration.between(since, now).dividedBy(rules.policyFor(agent).heartbeatInterval());
    }

    /** From when on a silence that began at {@code since} makes an orphan. */
    Instant orphanAt(Agent agent, Instant since) {
        return later(since.plus(rules.policyFor(agent).orphanThreshold()), graceUntil);
    }

    /** From when on nothing happened to the agent for too long. */
    Instant inactiveAt(Agent agent, Optional<Liveness> liveness) {
        Instant updated = agent.activity().updatedAt();
        Instant last = liveness.map(Liveness::lastSeen)
                .filter(seen -> seen.isAfter(updated))
                .orElse(updated);
        return last.plus(rules.policyFor(agent).maxInactive());
    }

    /** A hold that ends by itself before keeps nobody too long. */
    private void addLongestHold(List<Deadline> deadlines, Agent agent) {
        for (Hold hold : agent.holds().all()) {
            Duration longest = rules.policyFor(agent).maxHolds().get(hold.reason());
            if (longest != null) {
                Instant at = hold.placedAt().plus(longest);
                if (hold.until().filter(end -> !end.isAfter(at)).isEmpty()) {
                    add(deadlines, agent, at, SweepAction.DECOMMISSION_HELD);
                }
            }
        }
    }

    private void addEndOfHold(List<Deadline> deadlines, Agent agent) {
        Instant notBefore =
                agent.credentials().retry().map(Credentials.Retry::nextAt).orElse(Instant.MIN);
        agent.holds().nextEnd().ifPresent(end -> {
            if (rules.table().next(agent.state(), HoldRules.ending(agent, end)).isPresent()) {
                deadlines.add(new Deadline(later(end, notBefore), SweepAction.END_HOLD));
            }
        });
    }

    private void addInactivity(List<Deadline> deadlines, Agent agent, Optional<Liveness> liveness) {
        SweepAction action = switch (rules.policyFor(agent).inactivityAction()) {
            case REPORT -> null;
            case SUSPEND -> SweepAction.SUSPEND_INACTIVE;
            case DECOMMISSION -> SweepAction.DECOMMISSION_INACTIVE;
        };
        boolean held = agent.holds().get(HoldReason.INACTIVE).isPresent();
        if (action != null && !(action == SweepAction.SUSPEND_INACTIVE && held)) {
            add(
                    deadlines,
                    agent,
                    inactiveAt(agent, liveness).plus(rules.policyFor(agent).inactivityGrace()),
                    action);
        }
    }

    private void addSilence(List<Deadline> deadlines, Agent agent, Optional<Liveness> liveness) {
        Instant since = silentSince(agent, liveness);
        add(deadlines, agent, orphanAt(agent, since), SweepAction.MARK_ORPHANED);
        long noticed = agent.activity()
                .silence()
                .filter(silence -> silence.since().equals(since))
                .map(silence -> silence.windows())
                .orElse(0L);
        long next = Math.max(noticed + 1, rules.policyFor(agent).missedHeartbeats());
        Instant at = later(since.plus(rules.policyFor(agent).heartbeatInterval().multipliedBy(next)), graceUntil);
        deadlines.add(new Deadline(at, SweepAction.NOTE_SILENCE));
    }

    private static void addExpiry(List<Deadline> deadlines, Agent agent) {
        agent.credentials()
                .current()
                .filter(c -> c.recorded() == CredentialStatus.ACTIVE)
                .ifPresent(c -> deadlines.add(new Deadline(c.expiresAt(), SweepAction.EXPIRE_CREDENTIAL)));
    }

    private void addRenewal(List<Deadline> deadlines, Agent agent) {
        Credentials credentials = agent.credentials();
        boolean active = credentials
                .current()
                .filter(c -> c.recorded() == CredentialStatus.ACTIVE)
                .isPresent();
        if (!delivers) {
            if (active) {
                renewalDue(agent).ifPresent(at -> add(deadlines, agent, at, SweepAction.REPORT_ROTATION_DUE));
            }
            return;
        }
        Instant notBefore = credentials.retry().map(Credentials.Retry::nextAt).orElse(Instant.MIN);
        if (credentials.undelivered()) {
            Instant taken = deliveryTakenOverAt(agent, credentials.current().orElseThrow());
            deadlines.add(
                    new Deadline(credentials.retry().isPresent() ? notBefore : taken, SweepAction.DELIVER_CREDENTIAL));
        } else {
            renewalDue(agent)
                    .ifPresent(at -> add(deadlines, agent, later(at, notBefore), SweepAction.ROTATE_CREDENTIAL));
        }
    }

    /** What a new one could not outlive needs no warning. */
    private static void addAging(List<Deadline> deadlines, Agent agent) {
        agent.credentials()
                .unwarned()
                .filter(c -> !isLast(agent, c))
                .ifPresent(c -> deadlines.add(new Deadline(c.agesAt(), SweepAction.NOTE_AGING)));
    }

    /** When an ACTIVE agent is due for a new credential; empty if it gets none by itself. */
    private Optional<Instant> renewalDue(Agent agent) {
        CredentialPolicy policy = rules.policyFor(agent).credentialPolicy();
        Optional<Credential> current = agent.credentials().current();
        if (current.isEmpty()) {
            return agent.activity().watchedSince();
        }
        Credential credential = current.get();
        // before autoRotate: that is about age, and this one is good for nothing any more, or known to who is not to
        // use it
        if (credential.recorded() == CredentialStatus.ACTIVE && isOutdated(agent, credential)) {
            return Optional.of(credential.issuedAt());
        }
        if (!policy.autoRotate() || credential.recorded() == CredentialStatus.REVOKED) {
            return Optional.empty();
        }
        if (isLast(agent, credential)) {
            return Optional.empty();
        }
        return Optional.of(
                credential.recorded() == CredentialStatus.EXPIRED
                        ? credential.expiresAt()
                        : credential.rotateAt(policy));
    }

    /** True if its current credential is due whatever its age: its key counts no more, or the agent had another owner then. */
    boolean isOutdated(Agent agent, Credential current) {
        return agent.credentials().due() || keys.isWithdrawn(current);
    }

    /** True if a new credential would end no later than this one, because the agent ends then. */
    static boolean isLast(Agent agent, Credential credential) {
        return agent.lifespan()
                .notAfter()
                .filter(end -> !credential.expiresAt().isBefore(end))
                .isPresent();
    }

    /** Only what the table allows can fall due. */
    private void add(List<Deadline> deadlines, Agent agent, Instant at, SweepAction action) {
        if (action.command().isEmpty()
                || rules.table().next(agent.state(), action.command().get()).isPresent()) {
            deadlines.add(new Deadline(at, action));
        }
    }

    /** Whoever began a retirement has a while to finish it before sweeps take it over. */
    private static Instant teardownAt(Retirement retirement) {
        return retirement.retryAt().orElse(retirement.startedAt().plus(Rules.backOff(1)));
    }

    /** Likewise, whoever issued a credential has a while to hand it over; another host would replace it meanwhile. */
    private Instant deliveryTakenOverAt(Agent agent, Credential issued) {
        CredentialPolicy policy = rules.policyFor(agent).credentialPolicy();
        return issued.issuedAt().plus(policy.retryAfter(issued.id().value(), 1));
    }

    private static Instant later(Instant a, Instant b) {
        return a.isAfter(b) ? a : b;
    }
}
