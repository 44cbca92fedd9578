package io.agentlifecycle.benchmarks;

import java.time.Duration;
import java.util.List;

/**
 * How much is measured.
 *
 * @param rounds how often each rate is measured; the median counts
 * @param round how long one rate is measured
 * @param heartbeatAgents the sizes of the fleets that are heard
 * @param sweepAgents the size of the fleet that is swept
 * @param openAgents agents in the snapshot, and lines after it, of a store that is opened
 * @param checkpointTime how long commits are timed while checkpoints come and go
 * @param heapAgents the size of the fleets whose memory is measured
 * @param peerAgents how many agents live through their life in each store
 * @param verifiedEvents how many events are verified in all
 * @param provenEvents the size of the tree that proofs are taken from
 */
record Scale(
        int rounds,
        Duration round,
        List<Integer> heartbeatAgents,
        int sweepAgents,
        int openAgents,
        Duration checkpointTime,
        int heapAgents,
        List<Integer> peerAgents,
        int verifiedEvents,
        int provenEvents) {

    /** At most 50 s on two idle cores. */
    static final Scale QUICK = new Scale(
            3,
            Duration.ofMillis(200),
            List.of(1_000),
            20_000,
            3_000,
            Duration.ofSeconds(2),
            6_000,
            List.of(200),
            5_000,
            20_000);

    /** As large as the bars of the design say; takes many minutes. */
    static final Scale FULL = new Scale(
            5,
            Duration.ofSeconds(3),
            List.of(1_000, 100_000, 1_000_000),
            1_000_000,
            100_000,
            Duration.ofSeconds(30),
            1_000_000,
            List.of(1_000, 10_000),
            100_000,
            1_000_000);

    boolean isQuick() {
        return this == QUICK;
    }
}
