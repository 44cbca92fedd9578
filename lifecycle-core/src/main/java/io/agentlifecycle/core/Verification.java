package io.agentlifecycle.core;

/**
 * What {@link LifecycleManager#verify} looked at and found in order.
 *
 * @param events how many events
 * @param streams how many chains
 * @param agents how many agents, whose records are what their events say
 * @param signed how many events carry a signature, each checked
 * @param unsigned how many are from before the log had a key, or all of them if it has none: whoever can write to the
 *     store could have written them
 * @param endorsedLate how many could not be signed when they happened, and have a signed one after them
 * @param waiting how many could not be signed when they happened, and still have none
 * @param redacted how many of the events had something beside them that was erased
 * @param pruned how many have lost their texts; of agents that have such events, only that the record counts them all, and that
 *     they are retired, was compared
 * @param anchored how many events, from the first of the log on, are in checkpoints that all anchors have, as the
 *     {@link io.agentlifecycle.core.spi.CheckpointLog} says; 0 without anchors
 */
public record Verification(
        long events,
        long streams,
        long agents,
        long signed,
        long unsigned,
        long endorsedLate,
        long waiting,
        long redacted,
        long pruned,
        long anchored) {
    /** How many events come after those: who has the machine and the key could write them anew, and nobody could tell. */
    public long unanchored() {
        return events - anchored;
    }
}
