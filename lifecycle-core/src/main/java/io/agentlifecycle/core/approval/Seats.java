package io.agentlifecycle.core.approval;

import io.agentlifecycle.core.access.Actor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Seats the named voters of stages, each person once, to find out whether all quorums can be met: a bipartite matching. */
final class Seats {
    private final List<Actor> people;
    private final Map<Integer, Stage> seated = new HashMap<>();

    private Seats(List<Actor> people) {
        this.people = people;
    }

    /** A stage that cannot be passed beside the others; empty if all can. Stages that name nobody find people enough. */
    static Optional<Stage> unfilled(List<Stage> stages) {
        int most = stages.stream().mapToInt(Stage::quorum).sum();
        // with so many voters one is left for each seat, whoever sits elsewhere
        List<Stage> scarce = stages.stream()
                .filter(stage -> !stage.voters().isEmpty() && stage.voters().size() < most)
                .toList();
        var seats = new Seats(distinct(scarce));
        for (Stage stage : scarce) {
            for (int seat = 0; seat < stage.quorum(); seat++) {
                if (!seats.seat(stage, new HashSet<>())) {
                    return Optional.of(stage);
                }
            }
        }
        return Optional.empty();
    }

    /** One stage alone names nobody twice, and two may spell a person differently. */
    private static List<Actor> distinct(List<Stage> stages) {
        Set<String> spellings = new TreeSet<>();
        stages.forEach(stage -> spellings.addAll(stage.voters()));
        List<Actor> people = new ArrayList<>();
        for (String spelling : spellings) {
            if (people.stream().noneMatch(person -> person.isNamed(spelling))) {
                people.add(Actor.human(spelling));
            }
        }
        return people;
    }

    /** Finds somebody for a seat, who perhaps gives up another that somebody else can take. */
    private boolean seat(Stage stage, Set<Integer> asked) {
        for (int person = 0; person < people.size(); person++) {
            if (!stage.names(people.get(person)) || !asked.add(person)) {
                continue;
            }
            Stage other = seated.get(person);
            if (other == null || seat(other, asked)) {
                seated.put(person, stage);
                return true;
            }
        }
        return false;
    }
}
