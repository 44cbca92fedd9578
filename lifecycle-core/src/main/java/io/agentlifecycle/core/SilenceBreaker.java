package io.agentlifecycle.core;

import io.agentlifecycle.core.access.TenantId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Keeps a sweep from making orphans of a whole tenant when it is the network, not the agents, that fell silent. It trips
 * when more than 10, and more than 30 %, of the tenant's ACTIVE agents would become orphans within one heartbeat
 * interval (agents that fell silent together come due spread over one). It lets go when fewer are silent; then all get
 * the grace that they have after opening. The sweeper's lock protects it.
 */
final class SilenceBreaker {
    private static final int FEW = 10;
    private static final double SHARE = 0.3;

    private final Duration window;
    private final Duration grace;
    private final Map<TenantId, Deque<Instant>> candidates = new HashMap<>();
    private final Map<TenantId, Deque<Instant>> orphans = new HashMap<>();
    private final Map<TenantId, Instant> tripped = new HashMap<>();
    private final Map<TenantId, Instant> graceUntil = new HashMap<>();

    SilenceBreaker(Duration window, Duration grace) {
        this.window = window;
        this.grace = grace;
    }

    /**
     * Whether {@code found} agents of the tenant may become orphans now.
     *
     * @param active counts the ACTIVE agents of the tenant; asked only if it matters
     */
    boolean allows(TenantId tenant, int found, Instant now, LongSupplier active) {
        if (now.isBefore(graceUntil.getOrDefault(tenant, Instant.MIN))) {
            return false;
        }
        Deque<Instant> seen = recent(candidates, tenant, now);
        for (int i = 0; i < found; i++) {
            seen.addLast(now);
        }
        int made = recent(orphans, tenant, now).size();
        if (seen.size() > FEW && seen.size() > SHARE * (active.getAsLong() + made)) {
            tripped.put(tenant, now);
            return false;
        }
        if (tripped.containsKey(tenant)) {
            release(tenant, now);
            return false;
        }
        return true;
    }

    /** An agent of the tenant became an orphan. */
    void made(TenantId tenant, Instant now) {
        recent(orphans, tenant, now).addLast(now);
    }

    /** Lets go of tenants in which nobody has come due for as long as two windows. */
    void settle(Instant now) {
        for (Map.Entry<TenantId, Instant> entry : Map.copyOf(tripped).entrySet()) {
            if (!now.isBefore(entry.getValue().plus(window.multipliedBy(2)))) {
                release(entry.getKey(), now);
            }
        }
    }

    /** The host decided by itself: the tenant is out of the mode. */
    void overrule(TenantId tenant, Instant now) {
        if (tripped.containsKey(tenant)) {
            release(tenant, now);
        }
    }

    Set<TenantId> tripped() {
        return Set.copyOf(tripped.keySet());
    }

    private void release(TenantId tenant, Instant now) {
        tripped.remove(tenant);
        candidates.remove(tenant);
        graceUntil.put(tenant, now.plus(grace));
    }

    private Deque<Instant> recent(Map<TenantId, Deque<Instant>> times, TenantId tenant, Instant now) {
        Deque<Instant> found = times.computeIfAbsent(tenant, t -> new ArrayDeque<>());
        while (!found.isEmpty() && !found.peekFirst().plus(window).isAfter(now)) {
            found.removeFirst();
        }
        return found;
    }
}
