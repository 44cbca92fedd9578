package io.agentlifecycle.core.quarantine;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Which incidents put an agent into quarantine by themselves, and how often it may try to recover. Immutable. The source
 * systems give no figures; those of {@link #DEFAULT} are this library's choice.
 *
 * @param limits how many incidents of a kind an agent may have in a time; a kind without a limit is only noted
 * @param atOnce an incident of that severity or a worse one quarantines whatever the limits; empty for none
 * @param recoveries how many recoveries may be begun in a quarantine of that severity; none where it says nothing
 * @param firstRetry how long after a recovery was begun the next may be; it doubles with each one, up to {@link #LONGEST_RETRY}
 * @param escalates whether an agent that cannot be recovered any more is suspended: when the last recovery fails, or when one is
 *     asked for and none is left
 */
public record QuarantinePolicy(
        Map<Incident.Kind, Limit> limits,
        Optional<Severity> atOnce,
        Map<Severity, Integer> recoveries,
        Duration firstRetry,
        boolean escalates) {
    /** The longest wait between two recoveries. */
    public static final Duration LONGEST_RETRY = Duration.ofHours(1);

    /**
     * So many incidents may be within that time; one more is too many.
     *
     * @param most 0 to {@link Conduct#MOST} - 1
     */
    public record Limit(int most, Duration window) {
        public Limit {
            requireNonNull(window, "window");
            if (most < 0 || most >= Conduct.MOST) {
                throw new IllegalArgumentException(
                        "a limit must allow 0 to %d incidents but was %d".formatted(Conduct.MOST - 1, most));
            }
            if (window.isNegative() || window.isZero() || window.compareTo(LONGEST_WINDOW) > 0) {
                throw new IllegalArgumentException(
                        "the window of a limit must be positive and at most " + LONGEST_WINDOW + " but was " + window);
            }
        }
    }

    private static final Duration LONGEST_WINDOW = Duration.ofDays(366);
    private static final Duration TEN_MINUTES = Duration.ofMinutes(10);

    /**
     * More than 3 crashes, more than 3 abuses of resources or more than 10 anomalies within 10 minutes, every security
     * violation, and whatever is CRITICAL. 3 recoveries for LOW, 2 for MEDIUM, 1 for HIGH, none for CRITICAL, the second a
     * minute after the first. Nothing escalates by itself.
     */
    public static final QuarantinePolicy DEFAULT = new QuarantinePolicy(
            Map.of(
                    Incident.Kind.CRASH, new Limit(3, TEN_MINUTES),
                    Incident.Kind.RESOURCE_ABUSE, new Limit(3, TEN_MINUTES),
                    Incident.Kind.ANOMALY, new Limit(10, TEN_MINUTES),
                    Incident.Kind.SECURITY_VIOLATION, new Limit(0, TEN_MINUTES)),
            Optional.of(Severity.CRITICAL),
            Map.of(Severity.LOW, 3, Severity.MEDIUM, 2, Severity.HIGH, 1),
            Duration.ofMinutes(1),
            false);

    public QuarantinePolicy {
        limits = ordered(Incident.Kind.class, requireNonNull(limits, "limits"));
        requireNonNull(atOnce, "atOnce");
        recoveries = ordered(Severity.class, requireNonNull(recoveries, "recoveries"));
        recoveries.values().forEach(most -> {
            if (most < 0 || most > 1_000) {
                throw new IllegalArgumentException("0 to 1000 recoveries may be begun, but it was " + most);
            }
        });
        if (requireNonNull(firstRetry, "firstRetry").isNegative()
                || firstRetry.isZero()
                || firstRetry.compareTo(LONGEST_RETRY) > 0) {
            throw new IllegalArgumentException(
                    "firstRetry must be positive and at most " + LONGEST_RETRY + " but was " + firstRetry);
        }
    }

    private static <K extends Enum<K>, V> Map<K, V> ordered(Class<K> keys, Map<K, V> map) {
        Map<K, V> ordered = new EnumMap<>(keys);
        ordered.putAll(map);
        return Collections.unmodifiableMap(ordered);
    }

    /** With another limit for a kind. */
    public QuarantinePolicy with(Incident.Kind kind, Limit limit) {
        Map<Incident.Kind, Limit> next = new EnumMap<>(Incident.Kind.class);
        next.putAll(limits);
        next.put(kind, limit);
        return new QuarantinePolicy(next, atOnce, recoveries, firstRetry, escalates);
    }

    /** Where only people quarantine, and incidents are noted. */
    public QuarantinePolicy byHand() {
        return new QuarantinePolicy(Map.of(), Optional.empty(), recoveries, firstRetry, escalates);
    }

    /** With another number of recoveries for a severity. */
    public QuarantinePolicy with(Severity severity, int attempts) {
        Map<Severity, Integer> next = new EnumMap<>(Severity.class);
        next.putAll(recoveries);
        next.put(severity, attempts);
        return new QuarantinePolicy(limits, atOnce, next, firstRetry, escalates);
    }

    /** With or without suspending an agent that cannot be recovered. */
    public QuarantinePolicy withEscalates(boolean value) {
        return new QuarantinePolicy(limits, atOnce, recoveries, firstRetry, value);
    }

    /** How many recoveries may be begun in a quarantine of that severity. */
    public int recoveries(Severity severity) {
        return recoveries.getOrDefault(severity, 0);
    }

    /** How long after that recovery, counted from 1, was begun the next may be. */
    public Duration retryAfter(int attempt) {
        Duration wait = firstRetry;
        for (int i = 1; i < attempt && wait.compareTo(LONGEST_RETRY) < 0; i++) {
            wait = wait.multipliedBy(2);
        }
        return wait.compareTo(LONGEST_RETRY) < 0 ? wait : LONGEST_RETRY;
    }

    /**
     * Why an agent is to be quarantined for {@code last}, which is its latest incident; empty if it need not be.
     *
     * @param before how it behaved until then
     * @param activeSince when it last became ACTIVE: what was before that is forgiven
     */
    public Optional<Incident> cause(Conduct before, Incident last, Instant activeSince, Instant now) {
        Conduct conduct = before.noted(last, now);
        Limit limit = limits.get(last.kind());
        Stream<Severity> counted = Stream.of();
        if (limit != null) {
            Instant from = now.minus(limit.window());
            List<Conduct.Noted> recent = conduct.since(last.kind(), from.isAfter(activeSince) ? from : activeSince);
            counted = recent.size() > limit.most() ? recent.stream().map(Conduct.Noted::severity) : counted;
        }
        Stream<Severity> grave = atOnce.filter(worst -> last.severity().compareTo(worst) >= 0).stream()
                .map(worst -> last.severity());
        return Stream.concat(counted, grave)
                .max(Comparator.naturalOrder())
                .map(worst -> new Incident(last.kind(), worst, last.text()));
    }
}
