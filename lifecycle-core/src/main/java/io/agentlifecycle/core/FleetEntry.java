package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Lifespan;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.Kills;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One agent as the guard needs it, as of one version. Its heartbeats live on when the version changes.
 *
 * @param role in which it gives commands to others
 * @param held whether a hold stands
 * @param rate how often it may be let through, if that is limited
 * @param straight true if nothing but what stands here says whether it may act: it works for nobody else, and its calls are not counted
 * @param freeAt when the last of its holds ends by itself, if all do
 */
record FleetEntry(
        long version,
        AgentState state,
        boolean heard,
        boolean silent,
        Lifespan lifespan,
        Lineage lineage,
        List<Credential> credentials,
        Optional<Owner> owner,
        String agentType,
        Role role,
        boolean held,
        @Nullable Instant freeAt,
        @Nullable Rate rate,
        boolean straight,
        Pulse pulse,
        Verdict.Allowed allowed) {

    /** A limit, and what was used of it; that lives on when the limit changes. */
    record Rate(RateLimit limit, CallMeter meter) {
        boolean isUsedUp(long now) {
            return meter.left(limit, now) == 0;
        }
    }

    boolean lives(long now) {
        return !isOver(now) && !isYetToBegin(now);
    }

    boolean isOver(long now) {
        Optional<Instant> end = lifespan.notAfter();
        return end.isPresent() && now >= Pulse.nanos(end.get());
    }

    boolean isYetToBegin(long now) {
        Optional<Instant> begin = lifespan.notBefore();
        return begin.isPresent() && now < Pulse.nanos(begin.get());
    }

    /** When all of these will have ended by time alone, if they will. */
    Optional<Instant> retryAt(List<Reason> reasons, long now) {
        Instant latest = Instant.MIN;
        for (Reason reason : reasons) {
            Instant end = switch (reason) {
                case SUSPENDED, HELD -> freeAt;
                case NOT_YET_VALID -> lifespan.notBefore().orElseThrow();
                case RATE_LIMITED -> rate == null ? null : rate.meter().nextMinute(now);
                default -> null;
            };
            if (end == null) {
                return Optional.empty();
            }
            latest = end.isAfter(latest) ? end : latest;
        }
        return Optional.of(latest);
    }

    boolean isCoveredBy(KillScope scope) {
        return scope.covers(pulse.agent(), owner, agentType);
    }

    boolean isCoveredBy(Kills kills) {
        return !kills.isEmpty() && kills.cover(pulse.agent(), owner, agentType);
    }

    /** Until when one of its credentials is good, if one is. */
    Optional<Instant> goodUntil(long now) {
        Instant at = Pulse.instant(now);
        return credentials.stream()
                .filter(c -> c.status(at).isUsable())
                .map(Credential::goodUntil)
                .max(Comparator.naturalOrder());
    }
}
