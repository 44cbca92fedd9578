package io.agentlifecycle.core.hold;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The kill switches that are engaged, at most one for each scope. Immutable.
 *
 * @param all the oldest first
 */
public record Kills(List<Kill> all) {
    /** How many there may be beside that of everything: so many of whole tenants, and so many of parts of them. */
    public static final int MOST = 200;

    /** None. */
    public static final Kills NONE = new Kills(List.of());

    public Kills {
        all = List.copyOf(all);
        if (all.stream().map(Kill::scope).distinct().count() < all.size()) {
            throw new IllegalArgumentException("two kill switches of one scope");
        }
    }

    /** True if nobody is stopped. */
    public boolean isEmpty() {
        return all.isEmpty();
    }

    /** The one of that scope, if it is engaged. */
    public Optional<Kill> get(KillScope scope) {
        return all.stream().filter(kill -> kill.scope().equals(scope)).findFirst();
    }

    /**
     * True if that one can be engaged, too. There is always room for everything, and whoever fills that for parts of tenants leaves
     * that for whole tenants as it is.
     */
    public boolean haveRoomFor(KillScope scope) {
        return scope instanceof KillScope.Everything
                || all.stream()
                                .filter(kill -> isOfTenant(kill.scope()) == isOfTenant(scope)
                                        && !(kill.scope() instanceof KillScope.Everything))
                                .count()
                        < MOST;
    }

    private static boolean isOfTenant(KillScope scope) {
        return scope instanceof KillScope.OfTenant;
    }

    /** True if one of them stops that agent. */
    public boolean cover(AgentKey agent, Optional<Owner> owner, String agentType) {
        for (Kill kill : all) {
            if (kill.scope().covers(agent, owner, agentType)) {
                return true;
            }
        }
        return false;
    }

    /** With that one, too. */
    public Kills engaged(KillScope scope, Instant at) {
        List<Kill> next = new ArrayList<>(all);
        next.add(new Kill(scope, at));
        return new Kills(next);
    }

    /** Without the one of that scope; empty if it is not engaged. */
    public Optional<Kills> released(KillScope scope) {
        List<Kill> next = new ArrayList<>(all);
        return next.removeIf(kill -> kill.scope().equals(scope)) ? Optional.of(new Kills(next)) : Optional.empty();
    }
}
