package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.delegation.Lineage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What stands in an agent's way now, by what is in memory of it and of those that it works for. That stands in several places, and
 * may go from one to another: an agent is held, and then the kill switch is released. Whoever looks at them one after the other could
 * miss both, so it looks again if there was a commit meanwhile. Safe for use by many threads.
 */
record Standing(FleetView fleet, Stops stops, GuardPolicy policy) {
    Standing(FleetView fleet, GuardPolicy policy) {
        this(fleet, fleet.stops(), policy);
    }

    /**
     * May this agent do that at {@code now}, in nanoseconds of the epoch? Makes nothing if it may, unless it works for another, or its
     * calls are limited.
     */
    Verdict check(TenantId tenant, AgentId id, Operation operation, CallMeter.Use use, long now) {
        // most of those who ask may, so this is all that the compiler sees of it; a loop would keep it from doing its
        // best
        long before = fleet.commits();
        boolean deniedHere = stops.isDenied(tenant, id); // ends only after the state that replaces it can be seen
        FleetEntry entry = fleet.get(tenant, id);
        return entry != null && may(entry, deniedHere, operation, now) && entry.straight() && fleet.commits() == before
                ? entry.allowed()
                : weigh(new AgentKey(tenant, id), Optional.empty(), operation, use, now);
    }

    /** May this agent do that at {@code now}, with this credential? */
    Verdict check(AgentKey key, CredentialId id, Operation operation, CallMeter.Use use, long now) {
        return weigh(key, Optional.of(id), operation, use, now);
    }

    private Verdict weigh(
            AgentKey key, Optional<CredentialId> credential, Operation operation, CallMeter.Use use, long now) {
        long before;
        FleetEntry entry;
        List<Reason> reasons;
        do {
            // in one picture: what is said of the agent and of its credential goes together
            before = fleet.commits();
            boolean deniedHere = stops.isDenied(key.tenant(), key.id());
            entry = fleet.get(key);
            reasons = reasons(entry, deniedHere, operation, now);
            if (entry != null) {
                if (credential.isPresent()) {
                    credentialReason(entry, credential.get(), now).ifPresent(reasons::add);
                }
                above(key, entry, now, credential.isPresent()).ifPresent(reasons::add);
            }
        } while (fleet.commits() != before);
        // last, and once: only what nothing else stands in the way of is a call
        if (operation == Operation.INVOKE && entry != null && isOneTooMany(entry, reasons, use, now)) {
            reasons.add(Reason.RATE_LIMITED);
        }
        return verdict(key, entry, reasons, now);
    }

    private static boolean isOneTooMany(FleetEntry entry, List<Reason> reasons, CallMeter.Use use, long now) {
        FleetEntry.Rate rate = entry.rate();
        if (rate == null || use == CallMeter.Use.IGNORED) {
            return false;
        }
        return use == CallMeter.Use.COUNTED && reasons.isEmpty()
                ? !rate.meter().count(rate.limit(), now)
                : rate.isUsedUp(now);
    }

    /** How many calls are left to that agent in this minute; empty if nobody counts them. */
    OptionalLong callsLeft(AgentKey key, long now) {
        FleetEntry entry = fleet.get(key);
        FleetEntry.Rate rate = entry == null ? null : entry.rate();
        return rate == null
                ? OptionalLong.empty()
                : OptionalLong.of(rate.meter().left(rate.limit(), now));
    }

    private boolean may(FleetEntry entry, boolean deniedHere, Operation operation, long now) {
        return !deniedHere
                && !stops.isKilled(entry)
                && policy.allows(entry.state(), operation)
                && !entry.held()
                && entry.lives(now);
    }

    private Verdict verdict(AgentKey key, @Nullable FleetEntry entry, List<Reason> reasons, long now) {
        if (entry != null && reasons.isEmpty()) {
            return entry.allowed();
        }
        return new Verdict.Denied(
                "agent " + key,
                reasons,
                policy.httpStatusOf(reasons.get(0)),
                entry == null ? Optional.empty() : entry.retryAt(reasons, now));
    }

    /**
     * What stands in the way above an agent: whoever works for others stops when one of them does.
     *
     * @param withCredential whether each of them must have a good credential, too
     */
    private Optional<Reason> above(AgentKey key, FleetEntry entry, long now, boolean withCredential) {
        Lineage lineage = entry.lineage();
        for (int depth = 0; lineage.parent().isPresent(); depth++) {
            var above = new AgentKey(key.tenant(), lineage.parent().get());
            boolean deniedHere = stops.isDenied(above.tenant(), above.id()); // before the state, as ever
            FleetEntry superior = fleet.get(above);
            if (superior == null || depth == Lineage.DEEPEST) {
                return Optional.of(Reason.PARENT_UNKNOWN);
            }
            if (!may(superior, deniedHere, Operation.INVOKE, now)) {
                return Optional.of(Reason.PARENT_STOPPED);
            }
            if (withCredential && superior.goodUntil(now).isEmpty()) {
                return Optional.of(Reason.PARENT_CREDENTIAL);
            }
            lineage = superior.lineage();
        }
        return Optional.empty();
    }

    /** When the first of those has no good credential any more that an agent works for; empty if one does not work now. */
    Optional<Instant> endAbove(AgentKey key, long now) {
        FleetEntry entry = fleet.get(key);
        if (entry == null || above(key, entry, now, true).isPresent()) {
            return Optional.empty();
        }
        Optional<Instant> end = Optional.empty();
        Lineage lineage = entry.lineage();
        for (int depth = 0; lineage.parent().isPresent() && depth < Lineage.DEEPEST; depth++) {
            FleetEntry superior =
                    fleet.get(new AgentKey(key.tenant(), lineage.parent().get()));
            if (superior == null) {
                return Optional.empty();
            }
            end = Stream.concat(end.stream(), superior.goodUntil(now).stream()).min(Comparator.naturalOrder());
            lineage = superior.lineage();
        }
        return end;
    }

    private static Optional<Reason> credentialReason(FleetEntry entry, CredentialId id, long now) {
        Optional<Credential> credential =
                entry.credentials().stream().filter(c -> c.id().equals(id)).findFirst();
        if (credential.isEmpty()) {
            return Optional.of(Reason.CREDENTIAL_UNKNOWN);
        }
        return switch (credential.get().status(Pulse.instant(now))) {
            case ACTIVE, RETIRING -> Optional.empty();
            case RETIRED -> Optional.of(Reason.CREDENTIAL_RETIRED);
            case REVOKED -> Optional.of(Reason.CREDENTIAL_REVOKED);
            case EXPIRED -> Optional.of(Reason.CREDENTIAL_EXPIRED);
        };
    }

    /** All that stands in the way; empty if nothing does. */
    private List<Reason> reasons(@Nullable FleetEntry entry, boolean deniedHere, Operation operation, long now) {
        List<Reason> reasons = new ArrayList<>();
        if (deniedHere) {
            reasons.add(Reason.DENIED_HERE);
        }
        if (entry == null) {
            reasons.add(Reason.UNKNOWN_AGENT);
            return reasons;
        }
        if (stops.isKilled(entry)) {
            reasons.add(Reason.KILLED);
        }
        if (!policy.allows(entry.state(), operation)) {
            reasons.add(
                    switch (entry.state()) {
                        case PENDING_APPROVAL -> Reason.PENDING_APPROVAL;
                        case PROVISIONED -> Reason.PROVISIONED;
                        case ACTIVE -> throw new AssertionError("whoever is ACTIVE may do " + operation);
                        case QUARANTINED -> Reason.QUARANTINED;
                        case SUSPENDED -> Reason.SUSPENDED;
                        case ORPHANED -> Reason.ORPHANED;
                        case DECOMMISSIONING -> Reason.DECOMMISSIONING;
                        case DECOMMISSIONED -> Reason.DECOMMISSIONED;
                    });
        } else if (entry.held()) {
            reasons.add(Reason.HELD);
        }
        if (entry.isOver(now)) {
            reasons.add(Reason.EXPIRED);
        }
        if (entry.isYetToBegin(now)) {
            reasons.add(Reason.NOT_YET_VALID);
        }
        return reasons;
    }

    /** True if a kill switch stops that agent, or one that it works for. */
    boolean isKilled(AgentKey key) {
        Optional<AgentId> next = Optional.of(key.id());
        for (int depth = 0; next.isPresent() && depth <= Lineage.DEEPEST; depth++) {
            FleetEntry entry = fleet.get(key.tenant(), next.get());
            if (entry == null) {
                return false;
            }
            if (stops.isKilled(entry)) {
                return true;
            }
            next = entry.lineage().parent();
        }
        return false;
    }
}
