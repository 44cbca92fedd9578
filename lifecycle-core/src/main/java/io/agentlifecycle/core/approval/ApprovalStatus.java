package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How a request stands: what a voter has to see, and what is missing. Immutable.
 *
 * @param request the request with all votes on it as it is now, advice included
 * @param shown the digest of what is asked for, for {@link Ballot#onSeeing}
 * @param stages all stages of the policy, in order; a person who approved without a vote, where one is enough, stands only in
 *     the decision
 * @param open the stage that a vote would count for now; empty once it is decided
 * @param endsAt when a sweep turns the request down unless somebody decides before
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
     * @param counted the votes that count for it now
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
