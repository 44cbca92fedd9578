package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.approval.ApprovalRule;
import io.agentlifecycle.core.approval.Vote;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.SealedEvent;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What {@code agent.approved} says of a stage, so that whoever has the log alone sees the quorum, and that it was met.
 *
 * @param quorum how many votes the policy wanted
 * @param votes how many counted
 */
record StageClaim(String name, int quorum, int votes) {
    static final String STAGES = "stages";

    /** The claims for a request that is passed; none where one person is enough, as the approval itself says that much. */
    static Json.Obj details(ApprovalRule rule, ApprovalRequest request, Optional<Owner> owner) {
        if (rule.takesOnePerson()) {
            return Json.Obj.EMPTY;
        }
        return Json.object()
                .put(
                        STAGES,
                        new Json.Arr(rule.stages().stream()
                                .<Json>map(stage -> new StageClaim(
                                                stage.name(),
                                                stage.quorum(),
                                                rule.counted(stage, request, owner)
                                                        .size())
                                        .toJson())
                                .toList()))
                .build();
    }

    private Json toJson() {
        return Json.object()
                .put("name", name)
                .put("quorum", quorum)
                .put("votes", votes)
                .build();
    }

    private static StageClaim read(JsonFields stage) {
        var claim = new StageClaim(stage.string("name"), number(stage, "quorum"), number(stage, "votes"));
        stage.end();
        return claim;
    }

    private static int number(JsonFields stage, String name) {
        long number = stage.integer(name);
        if (number < 1 || number > Vote.MOST) {
            throw new JsonFormatException(
                    "the %s of a stage must be 1 to %d but is %d".formatted(name, Vote.MOST, number));
        }
        return (int) number;
    }

    /**
     * Returns if the votes on {@code request} bear out what {@code approved} claims. By which policy they were counted no log
     * says, so there may be more votes than counted, and never fewer; and each person counts once over all stages.
     *
     * @throws JsonFormatException otherwise
     */
    static void requireBorneOut(JsonFields approved, ApprovalRequest request) {
        Set<String> names = new HashSet<>();
        List<Vote> ofAll = new ArrayList<>();
        int claimed = 0;
        for (JsonFields stage : approved.objects(STAGES)) {
            StageClaim claim = read(stage);
            if (!names.add(claim.name())) {
                throw new JsonFormatException("the stage %s was passed twice".formatted(claim.name()));
            }
            List<Vote> votes = request.votes().stream()
                    .filter(vote -> isFor(vote) && vote.stage().equals(claim.name()))
                    .toList();
            if (claim.votes() < claim.quorum() || claim.votes() > people(votes)) {
                throw new JsonFormatException(
                        "it was approved with %d votes in stage %s, which takes %d, and %d voted for it there"
                                .formatted(claim.votes(), claim.name(), claim.quorum(), people(votes)));
            }
            ofAll.addAll(votes);
            claimed += claim.votes();
        }
        if (claimed > people(ofAll)) {
            throw new JsonFormatException(
                    "it was approved with %d votes of %d people".formatted(claimed, people(ofAll)));
        }
    }

    /** True if one more vote in favour is that of a person who gave the same one before, which no policy allows. */
    static boolean isRepeated(ApprovalRequest request, Vote next) {
        return isFor(next)
                && isKnown(next)
                && request.votes().stream()
                        .anyMatch(vote -> isFor(vote)
                                && vote.stage().equals(next.stage())
                                && vote.by().type() == next.by().type()
                                && next.by().isNamed(vote.by().id()));
    }

    private static boolean isFor(Vote vote) {
        return vote.choice() == Vote.Choice.APPROVE && !vote.advisory();
    }

    /** Whose name is erased may be anybody. */
    private static boolean isKnown(Vote vote) {
        return !vote.by().id().equals(SealedEvent.REDACTED);
    }

    private static int people(List<Vote> votes) {
        List<Vote> distinct = new ArrayList<>();
        for (Vote vote : votes) {
            if (!isKnown(vote)
                    || distinct.stream()
                            .noneMatch(other -> vote.by().isNamed(other.by().id()))) {
                distinct.add(vote);
            }
        }
        return distinct.size();
    }
}
