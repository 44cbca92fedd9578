package io.agentlifecycle.core.quarantine;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How an agent behaved. Immutable.
 *
 * @param incidents what was reported of it, the oldest first: of each kind the latest {@link #MOST}
 * @param quarantine the one that it is in, if it is QUARANTINED and did not come so from elsewhere; see {@link #standing}
 * @param blocked true if what it is made of must not be registered again
 */
public record Conduct(List<Noted> incidents, Optional<Quarantine> quarantine, boolean blocked) {
    /** How many incidents of a kind are remembered; a limit of a policy must be below it. */
    public static final int MOST = 20;

    /** Nothing was reported. */
    public static final Conduct NONE = new Conduct(List.of(), Optional.empty(), false);

    /** What is remembered of an incident; its text stands in the log. */
    public record Noted(Incident.Kind kind, Severity severity, Instant at) {
        public Noted {
            requireNonNull(kind, "kind");
            requireNonNull(severity, "severity");
            requireNonNull(at, "at");
        }
    }

    public Conduct {
        incidents = List.copyOf(incidents);
        requireNonNull(quarantine, "quarantine");
    }

    /** With one more incident. */
    public Conduct noted(Incident incident, Instant at) {
        List<Noted> next = new ArrayList<>(incidents);
        next.add(new Noted(incident.kind(), incident.severity(), at));
        List<Noted> same =
                next.stream().filter(noted -> noted.kind() == incident.kind()).toList();
        if (same.size() > MOST) {
            next.remove(same.get(0));
        }
        return new Conduct(next, quarantine, blocked);
    }

    /** The quarantine of an agent that is QUARANTINED. */
    public Quarantine standing() {
        return quarantine.orElse(Quarantine.UNKNOWN);
    }

    /** In that quarantine. */
    public Conduct in(Quarantine next) {
        return new Conduct(incidents, Optional.of(next), blocked);
    }

    /** In no quarantine. */
    public Conduct free() {
        return new Conduct(incidents, Optional.empty(), blocked);
    }

    /** With what it is made of blocked. */
    public Conduct block() {
        return new Conduct(incidents, quarantine, true);
    }

    /** The incidents of that kind since that time, the instant itself included. */
    public List<Noted> since(Incident.Kind kind, Instant from) {
        return incidents.stream()
                .filter(noted -> noted.kind() == kind && !noted.at().isBefore(from))
                .toList();
    }
}
