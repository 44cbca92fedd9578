package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.EventPage;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Follows the log of one store, and signs from time to time what the log was: whoever remembers such a checkpoint can tell
 * whether a later log still begins with that one.
 *
 * <ol>
 *   <li>{@link #open} is called when a manager has opened its store, and before it writes anything into it. If it throws,
 *       the manager does not open.
 *   <li>{@link #follow} is called at the end of every sweep, by two at once if two end at once, and before old trails
 *       are pruned. No other command calls it: nobody's approval waits for it. If it throws, {@code health()} says so; what was not taken over is taken over the
 *       next time.
 *   <li>{@link #close} is called when the manager closes, before the store does, and when it could not be opened after all.
 *       After it, another manager may open it.
 *   <li>Nothing is signed that does not begin with what was signed before.
 * </ol>
 *
 * <p>Must be safe for use by many threads.
 */
public interface CheckpointLog {
    /** All events of a log in the order of their commits, as {@link LifecycleStore#events} gives them. */
    interface Events {
        /** Those of commits after number {@code cursor}, at least {@code limit} of them if there are so many. */
        EventPage after(long cursor, int limit);

        /** What is disclosed of the events of a stream, as {@link LifecycleStore#disclosures} gives it; nothing by default. */
        default List<Disclosure> disclosures(String stream, long from, int limit) {
            return List.of();
        }
    }

    /**
     * The key that signs the checkpoints, if it is not one of those that sign events: the first event of a new log names it,
     * and it is that for ever. Empty if the keys of the log sign its checkpoints, too.
     */
    default Optional<PublicJwk> ownKey() {
        return Optional.empty();
    }

    /**
     * Begins to follow a log.
     *
     * @param origin the name of the log
     * @param keys those of the log once it is open; none if it is not signed
     * @throws io.agentlifecycle.core.error.AuditTamperedException if it is not the log that was followed so far
     */
    void open(String origin, LogKeys keys, Events log, Instant now);

    /** Takes over what the log has beyond what was taken over, and signs a checkpoint if one is due. */
    void follow(Instant now);

    /** Takes over the rest, signs a last checkpoint if there is something new, and lets go of the log. */
    void close(Instant now);

    /**
     * How many events, from the first of the log on, are in checkpoints that are kept elsewhere, so that nobody can write them anew
     * unnoticed; 0 by default.
     */
    default long anchoredThrough() {
        return 0;
    }
}
