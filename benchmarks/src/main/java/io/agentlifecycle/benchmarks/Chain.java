package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.store.Commit;
import java.util.List;

/** Signed events that follow one another, of the shape of others. Not safe for use by several threads. */
final class Chain {
    private final AuditSealer sealer;
    private StreamPosition next;

    Chain(AuditSealer sealer, String stream) {
        this.sealer = sealer;
        this.next = StreamPosition.first(stream);
    }

    /** What the engine does with an event that it has decided on: it writes it down, chains it and has it signed. */
    SealedEvent add(AuditEvent shape) {
        SealedEvent event = SealedEvent.write(
                new AuditEvent(shape.log(), shape.id(), shape.at(), shape.keyId(), next, shape.content()));
        next = event.next();
        return event.signed(sealer.sign(AuditEvent.PAYLOAD_TYPE, event.canonical()));
    }

    static List<AuditEvent> shapes(Commit commit) {
        return commit.events().stream()
                .map(event ->
                        SealedEvent.read(event.canonical(), event.signature()).event())
                .toList();
    }
}
