package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.Kills;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What stops agents whatever their own records say: kill switches, and in this process what was to stop them and could not be
 * stored. Safe for use by many threads.
 */
final class Stops {
    /** One of the denials of this process, by number; {@code stop} if the agent was to be stopped altogether. */
    private record Denial(long number, boolean stop) {}

    private final Map<AgentKey, Denial> denied = new ConcurrentHashMap<>();

    private final AtomicLong denials = new AtomicLong();

    /** The kill switches as of one version of the record that has them. */
    private record Killed(long version, Kills kills) {}

    private final AtomicReference<Killed> killed = new AtomicReference<>(new Killed(0, Kills.NONE));

    /** Those that could not be stored, so that they stop agents in this process only. */
    private final Set<KillScope> killedHere = ConcurrentHashMap.newKeySet();

    /** Takes over the kill switches of a record, unless it has seen a later one. */
    void saw(LogRecord log) {
        killed.accumulateAndGet(new Killed(log.version(), log.kills()), (a, b) -> a.version() > b.version() ? a : b);
    }

    /** True if a kill switch stops that agent; those that it works for are looked at elsewhere. */
    boolean isKilled(FleetEntry entry) {
        return entry.isCoveredBy(killed.get().kills())
                || !killedHere.isEmpty() && killedHere.stream().anyMatch(entry::isCoveredBy);
    }

    /** Stops in this process whom a kill switch was to stop that could not be stored. */
    void stop(KillScope scope) {
        killedHere.add(scope);
    }

    /** Ends {@link #stop}. */
    void letGo(KillScope scope) {
        killedHere.remove(scope);
    }

    /** Denies an agent in this process, because its restriction could not be stored. */
    void deny(AgentKey key, boolean stop) {
        denied.merge(
                key,
                new Denial(denials.incrementAndGet(), stop),
                (a, b) -> new Denial(Math.max(a.number(), b.number()), a.stop() || b.stop()));
    }

    /** Makes no key while nobody is denied, which is so nearly always. */
    boolean isDenied(TenantId tenant, AgentId id) {
        return !denied.isEmpty() && denied.containsKey(new AgentKey(tenant, id));
    }

    /** The number of the latest denial. */
    long denials() {
        return denials.get();
    }

    /**
     * Ends the denial of an agent, unless it came after number {@code upTo}.
     *
     * @param stops whether also one that was to stop the agent altogether
     */
    void allow(AgentKey key, long upTo, boolean stops) {
        denied.computeIfPresent(
                key, (k, denial) -> denial.number() <= upTo && (stops || !denial.stop()) ? null : denial);
    }

    Set<AgentKey> denied() {
        return Set.copyOf(denied.keySet());
    }

    void clear() {
        killedHere.clear();
        denied.clear();
    }
}
