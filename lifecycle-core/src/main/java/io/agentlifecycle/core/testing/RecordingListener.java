package io.agentlifecycle.core.testing;

import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.spi.LifecycleListener;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Remembers what it hears. Safe for use by many threads. */
public final class RecordingListener implements LifecycleListener {
    private final List<SealedEvent> events = new CopyOnWriteArrayList<>();

    /** One that has heard nothing yet. */
    public RecordingListener() {}

    @Override
    public void onEvent(SealedEvent event) {
        events.add(event);
    }

    /** All that was heard so far, in the order of hearing. */
    public List<SealedEvent> events() {
        return List.copyOf(events);
    }

    /** The kinds of all that was heard so far. */
    public List<EventKind> kinds() {
        return events.stream().map(heard -> heard.event().kind()).toList();
    }
}
