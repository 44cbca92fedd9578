package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What became of an {@link OwnerPlan}: one outcome for each step, in its order. Immutable.
 *
 * @param at when it was applied
 */
public record OwnerReport(Instant at, List<Outcome> outcomes) {
    public OwnerReport {
        requireNonNull(at, "at");
        outcomes = List.copyOf(outcomes);
    }

    /** The outcomes of that result. */
    public List<Outcome> with(Result result) {
        return outcomes.stream().filter(outcome -> outcome.result() == result).toList();
    }

    /**
     * What became of one step.
     *
     * @param failure what went wrong, if it failed
     */
    public record Outcome(OwnerPlan.Step step, Result result, Optional<RuntimeException> failure) {
        public Outcome {
            requireNonNull(step, "step");
            requireNonNull(result, "result");
            requireNonNull(failure, "failure");
        }
    }

    /** How a step ended. */
    public enum Result {
        /** It was done. */
        DONE,
        /** The agent has changed since it was planned, by this very step perhaps; nothing was done: plan anew. */
        MOVED,
        /** It was refused, or could not be stored; nothing was done. */
        FAILED
    }
}
