package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.ActorJson;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.hold.KillScope;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Counts attempts at power that were refused: in memory only, in room that does not grow, so that whoever tries again and
 * again costs no more than the first time. Safe for use by many threads.
 */
final class Refusals {
    /** So many different ones are told apart; all others are counted together. */
    static final int MOST = 1_000;

    /** So many of those who tried the same are named. */
    static final int NAMED = 5;

    private static final Duration MINUTE = Duration.ofMinutes(1);

    /**
     * What somebody tried to change.
     *
     * @param tenant the tenant that the manager speaks for
     * @param stream where it would stand if it had been done
     * @param scope of a kill switch
     */
    record Target(TenantId tenant, String stream, Optional<KillScope> scope) {
        static Target of(AgentKey agent) {
            return new Target(agent.tenant(), StreamPosition.streamOf(agent), Optional.empty());
        }

        static Target of(TenantId tenant, KillScope scope) {
            return new Target(tenant, StreamPosition.LOG, Optional.of(scope));
        }

        static Target ofLog(TenantId tenant) {
            return new Target(tenant, StreamPosition.LOG, Optional.empty());
        }
    }

    /** What is counted by itself. */
    private record Attempt(Target target, String rule, Instant minute) {}

    /**
     * What was tried in one minute by the same rule on the same thing; or, without these, all that there was no room for.
     *
     * @param actors the first ones, each once
     */
    record Summary(
            Optional<Target> target,
            Optional<String> rule,
            long attempts,
            List<Actor> actors,
            Instant since,
            Instant until) {
        private Summary and(Actor actor, Instant at) {
            List<Actor> named = actors;
            if (actors.size() < NAMED && actors.stream().noneMatch(actor::isSame)) {
                named = new ArrayList<>(actors);
                named.add(actor);
            }
            return new Summary(
                    target, rule, attempts + 1, named, at.isBefore(since) ? at : since, at.isAfter(until) ? at : until);
        }

        EventContent content() {
            Json.ObjBuilder details = Json.object()
                    .put(
                            "actors",
                            new Json.Arr(
                                    actors.stream().<Json>map(ActorJson::write).toList()))
                    .put("attempts", attempts)
                    .put("rule", rule)
                    .put("since", since.toString())
                    .put("until", until.toString());
            target.ifPresent(to -> details.put("scope", to.scope().map(KillScope::wire))
                    .put("target", to.stream())
                    .put("tenant", to.tenant().value()));
            return EventContent.of(EventKind.ACCESS_REFUSED, Actor.SYSTEM, details.build());
        }
    }

    private final ReentrantLock lock = new ReentrantLock();

    /** In the order in which they began; empty for what there was no room for. */
    private final Map<Optional<Attempt>, Summary> counted = new LinkedHashMap<>();

    /** Counts one that was refused at {@code now}. */
    void count(Target target, String rule, Actor actor, Instant now) {
        var attempt = Optional.of(new Attempt(target, rule, minute(now)));
        lock.lock();
        try {
            boolean room = counted.size() < MOST || counted.containsKey(attempt);
            Optional<Attempt> key = room ? attempt : Optional.empty();
            Summary before = counted.get(key);
            counted.put(
                    key,
                    before == null
                            ? new Summary(key.map(Attempt::target), key.map(Attempt::rule), 1, List.of(actor), now, now)
                            : before.and(actor, now));
        } finally {
            lock.unlock();
        }
    }

    /** Takes out, the oldest first, at most {@code limit} of those whose minute is over then. */
    List<Summary> take(Instant now, int limit) {
        List<Summary> taken = new ArrayList<>();
        lock.lock();
        try {
            Iterator<Summary> all = counted.values().iterator();
            while (all.hasNext() && taken.size() < limit) {
                Summary next = all.next();
                if (!now.isBefore(minute(next.since()).plus(MINUTE))) {
                    taken.add(next);
                    all.remove();
                }
            }
        } finally {
            lock.unlock();
        }
        return taken;
    }

    private static Instant minute(Instant at) {
        return at.truncatedTo(ChronoUnit.MINUTES);
    }
}
