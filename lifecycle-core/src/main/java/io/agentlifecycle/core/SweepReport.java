package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What a sweep did, and what it could not do. Agents for which there was nothing to do are not in it.
 *
 * @param at the time that the sweep worked with
 * @param examined how many agents it looked at
 * @param more whether more was due than the limit let in: sweep again
 * @param massSilence tenants in which it made no orphans, because too many agents fell silent at once
 */
public record SweepReport(Instant at, int examined, List<Outcome> outcomes, boolean more, Set<TenantId> massSilence) {
    public SweepReport {
        requireNonNull(at, "at");
        outcomes = List.copyOf(outcomes);
        massSilence = Set.copyOf(massSilence);
    }

    /** The outcomes of that result. */
    public List<Outcome> with(Result result) {
        return outcomes.stream().filter(outcome -> outcome.result() == result).toList();
    }

    /**
     * How many of the agents that it looked at are due for a credential, and are left for the next sweep, because it had done
     * {@link LifecycleManager.Builder#maxPerSweep} renewals.
     */
    public int left() {
        return with(Result.LEFT).size();
    }

    /** The orphans that were not made, as a plan: {@link Sweeper#apply} makes them if the host decides so. */
    public SweepPlan heldBack() {
        return new SweepPlan(
                at, with(Result.HELD_BACK).stream().map(Outcome::item).toList(), false);
    }

    /**
     * What became of one step.
     *
     * @param failure what went wrong, if it failed
     */
    public record Outcome(SweepPlan.Item item, Result result, Optional<RuntimeException> failure) {
        public Outcome {
            requireNonNull(item, "item");
            requireNonNull(result, "result");
            requireNonNull(failure, "failure");
        }

        /** The agent that the step was for. */
        public AgentKey agent() {
            return item.agent();
        }

        /** What was to be done. */
        public SweepAction action() {
            return item.action();
        }
    }

    /** How a step ended. */
    public enum Result {
        /** It was done. */
        DONE,
        /** The agent changed or was heard in between; nothing was done, and the next sweep looks at it again. */
        MOVED,
        /** It could not be done; it is tried again, later each time. */
        FAILED,
        /** It was not done because too many agents of the tenant fell silent at once; see {@link #heldBack}. */
        HELD_BACK,
        /** The renewal was one more than a sweep does; it is still due, and a next sweep comes to it; see {@link #left}. */
        LEFT,
        /** The credential is due, and there is nobody to hand a new one to: call {@link CredentialRotator}. */
        DUE_NO_SINK
    }
}
