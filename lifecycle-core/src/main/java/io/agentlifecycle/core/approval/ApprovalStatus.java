package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How a request stands: what a voter has to see, and what is missing; or, once it is decided, what was decided. Immutable.
 *
 * @param request the request with all votes on it as it is now, advice included
 * @param shown the digest of what is asked for, for {@link Ballot#onSeeing}; once it is decided, the digest of what was voted on, or of
 *     what the agent is now if nobody had voted: {@code agent.approved} in the trail has what one person approved without a vote
 * @param stages all stages of the policy, in order; a person who approved without a vote, where one is enough, stands only in
 *     the decision
 * @param open the stage that a vote would count for now; empty once it is decided
 * @param endsAt from when on it takes no vote, and a sweep turns it down: the earlier of its own end and that of the agent's life;
 *     empty if there is none, or once it is decided
 */
public record ApprovalStatus(
        ApprovalRequest request,
        String shown,
        List<StageStatus> stages,
        Optional<Stage> open,
        Optional<Instant> endsAt) {
    public ApprovalStatus {
        requireNonNull(request, "request");
        requireNonNull(shown, "shown");
        stages = List.copyOf(stages);
        requireNonNull(open, "open");
        requireNonNull(endsAt, "endsAt");
    }

    /**
     * How one stage stands.
     *
     * @param counted the votes that count for it now; of a decided request all votes that were cast for it there, whoever might
     *     vote today
     */
    public record StageStatus(Stage stage, List<Vote> counted) {
        public StageStatus {
            requireNonNull(stage, "stage");
            counted = List.copyOf(counted);
        }

        /** How many votes it lacks. */
        public int missing() {
            return Math.max(0, stage.quorum() - counted.size());
        }
    }
}
