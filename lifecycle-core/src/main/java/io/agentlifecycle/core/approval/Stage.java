package io.agentlifecycle.core.approval;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * One stage of an approval: who votes in it, and how many of them must vote for a request. Immutable.
 *
 * @param name 1 to 64 of A-Z a-z 0-9 . _ -; it stands in events, so it names no person
 * @param quorum how many must vote for it; 1 to {@link Vote#MOST}, and no more than there are voters
 * @param voters the ids of those who may vote, whatever their case, outer blanks or Unicode form; at most
 *     {@link Vote#MOST}; empty means anybody
 */
public record Stage(String name, int quorum, Kind kind, Set<String> voters) {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** Whose votes count. */
    public enum Kind {
        /** Those of people. */
        PEOPLE,
        /** Those of people and of services; of agents never. */
        ANYONE;

        /** The name in settings. */
        public String wire() {
            return name().toLowerCase(Locale.ROOT);
        }

        boolean counts(Actor.Type type) {
            return type == Actor.Type.HUMAN || this == ANYONE && type == Actor.Type.SERVICE;
        }
    }

    public Stage {
        if (!NAME.matcher(requireNonNull(name, "name")).matches()) {
            throw new IllegalArgumentException("stage must be 1-64 of A-Z a-z 0-9 . _ - but was \"" + name + "\"");
        }
        requireNonNull(kind, "kind");
        voters = Collections.unmodifiableSet(new TreeSet<>(voters));
        requirePeople(name, voters);
        if (quorum < 1 || quorum > Vote.MOST) {
            throw new IllegalArgumentException(
                    "quorum of stage %s must be 1 to %d but was %d; requireApproval(false) lets requests in without votes"
                            .formatted(name, Vote.MOST, quorum));
        }
        if (!voters.isEmpty() && quorum > voters.size()) {
            throw new IllegalArgumentException(
                    "quorum of stage %s is %d but only %d may vote in it; name more voters, or lower the quorum"
                            .formatted(name, quorum, voters.size()));
        }
    }

    /** So many people, whoever they are. */
    public static Stage people(String name, int quorum) {
        return new Stage(name, quorum, Kind.PEOPLE, Set.of());
    }

    /**
     * So many of these people.
     *
     * @throws IllegalArgumentException if there are none: {@link #people(String, int)} is for anybody
     */
    public static Stage people(String name, int quorum, Set<String> voters) {
        if (voters.isEmpty()) {
            throw new IllegalArgumentException(
                    "stage %s names no voters; name some, or use people(name, quorum) if anybody may vote"
                            .formatted(name));
        }
        return new Stage(name, quorum, Kind.PEOPLE, voters);
    }

    /** True if {@code actor} is one of the voters; a stage without named ones takes everybody. */
    public boolean names(Actor actor) {
        return voters.isEmpty() || voters.stream().anyMatch(actor::isNamed);
    }

    /** Two spellings of one person would make a quorum that nobody can reach. */
    private static void requirePeople(String stage, Set<String> voters) {
        if (voters.size() > Vote.MOST) {
            throw new IllegalArgumentException(
                    "stage %s may name at most %d voters but has %d".formatted(stage, Vote.MOST, voters.size()));
        }
        List<Actor> people = voters.stream().map(Actor::human).toList();
        for (int i = 0; i < people.size(); i++) {
            for (Actor other : people.subList(i + 1, people.size())) {
                if (people.get(i).isNamed(other.id())) {
                    throw new IllegalArgumentException("stage %s names one voter twice, as \"%s\" and as \"%s\""
                            .formatted(stage, people.get(i).id(), other.id()));
                }
            }
        }
    }
}
