package io.agentlifecycle.core;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Drain;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.error.AccessDeniedException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Work of an agent that the guard has let through and that takes a while. {@link #require} in each step says whether it may go
 * on; whoever cannot ask is told by the callback of {@link Guard#lease} as soon as the agent is stopped. Once stopped it stays
 * so, also if the agent is free again. Close it when the work is done. Safe for use by many threads.
 */
public final class Lease implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Lease.class);

    /**
     * How the agent was stopped.
     *
     * @param until when the work must end; empty if it may finish
     */
    private record Stop(Verdict.Denied verdict, Optional<Instant> until) {
        boolean isOver(Instant now) {
            return until.filter(end -> !now.isBefore(end)).isPresent();
        }
    }

    private final Guard guard;
    private final AgentKey agent;
    private final Operation operation;
    private final Drain drain;
    private final Consumer<Verdict.Denied> onStop;
    private final AtomicReference<Optional<Stop>> stop = new AtomicReference<>(Optional.empty());
    private volatile boolean closed;

    Lease(Guard guard, AgentKey agent, Operation operation, Drain drain, Consumer<Verdict.Denied> onStop) {
        this.guard = guard;
        this.agent = agent;
        this.operation = operation;
        this.drain = drain;
        this.onStop = onStop;
    }

    AgentKey agent() {
        return agent;
    }

    /**
     * Returns if the work may go on.
     *
     * @throws AccessDeniedException with what stopped the agent, if it was stopped and the work had to end by now; with
     *     {@link Verdict.Reason#LEASE_CLOSED} after {@link #close}
     */
    public void require() {
        if (check() instanceof Verdict.Denied denied) {
            throw new AccessDeniedException(operation.name(), denied);
        }
    }

    /** Whether the work may go on; looks at the agent as it is now, whether or not anybody was told. */
    public Verdict check() {
        if (closed) {
            return new Verdict.Denied("a lease of agent " + agent, List.of(Verdict.Reason.LEASE_CLOSED));
        }
        look();
        Optional<Stop> stopped = stop.get();
        return stopped.isPresent() && stopped.get().isOver(guard.now())
                ? stopped.get().verdict()
                : new Verdict.Allowed(agent);
    }

    /** True once the agent was stopped, whether or not the work may still go on. */
    public boolean isStopped() {
        return stop.get().isPresent();
    }

    /** Stops the work if its agent may not do it any more, and tells whoever wants to know, once. */
    void look() {
        if (isStopped() || closed || !(guard.standing(agent, operation) instanceof Verdict.Denied denied)) {
            return;
        }
        Optional<Instant> until = drain.time().map(guard.now()::plus);
        if (stop.compareAndSet(Optional.empty(), Optional.of(new Stop(denied, until)))) {
            tell(denied);
        }
    }

    private void tell(Verdict.Denied denied) {
        try {
            onStop.accept(denied);
        } catch (RuntimeException | LinkageError | AssertionError e) {
            LOG.error("what was to hear that agent {} was stopped failed", agent, e);
        }
    }

    /** The work is done. Closing it again does nothing. */
    @Override
    public void close() {
        closed = true;
        guard.returned(this);
    }
}
