package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.spi.OwnerDirectory;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** The people of a host; it counts what it is asked, and fails where a test tells it to. */
final class Staff implements OwnerDirectory {
    final AtomicInteger asked = new AtomicInteger();

    /** What happens before each answer. */
    volatile Runnable before = () -> {};

    private final Map<Owner, OwnerStanding> people = new ConcurrentHashMap<>();

    /** These are there. */
    static Staff of(String... names) {
        var staff = new Staff();
        for (String name : names) {
            staff.are(name, OwnerStanding.active());
        }
        return staff;
    }

    void are(String name, OwnerStanding standing) {
        people.put(Owner.of(name), standing);
    }

    void are(String name, OwnerStanding.Status status) {
        are(name, OwnerStanding.of(status));
    }

    void forget(String name) {
        people.remove(Owner.of(name));
    }

    @Override
    public Optional<OwnerStanding> find(Owner owner) {
        asked.incrementAndGet();
        before.run();
        return Optional.ofNullable(people.get(owner));
    }
}
