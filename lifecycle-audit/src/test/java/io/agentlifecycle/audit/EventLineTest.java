package io.agentlifecycle.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.SealedEvent;
import org.junit.jupiter.api.Test;

class EventLineTest {
    private final SignedLog log = new SignedLog("example.com/log").thirty();

    @Test
    void a_line_is_the_canonical_text_of_the_event_and_its_signature() {
        for (SealedEvent event : log.events()) {
            String line = EventLine.write(event);
            Json.ObjBuilder expected =
                    Json.object().put("event", CanonicalJson.read(event.canonical(), AuditEvent.MAX_BYTES));
            event.signature().ifPresent(signature -> expected.put("sig", signature));

            assertThat(line).isEqualTo(CanonicalJson.write(expected.build()));
            SealedEvent read = EventLine.read(line);
            assertThat(read.event()).isEqualTo(event.event());
            assertThat(read.signature()).isEqualTo(event.signature());
            assertThat(read.leafHash()).isEqualTo(event.leafHash());
            assertThat(read.seal() == Seal.SIGNED).isEqualTo(event.seal() == Seal.SIGNED);
        }
    }

    @Test
    void stray_bits_in_a_signature_are_refused() {
        String line = EventLine.write(log.events().get(0));
        String last = line.substring(line.length() - 3, line.length() - 2);
        int refused = 0;
        for (char other = 'A'; other <= 'Z'; other++) {
            String changed = line.substring(0, line.length() - 3) + other + "\"}";
            if (!String.valueOf(other).equals(last) && "AQgw".indexOf(other) < 0) {
                assertThatThrownBy(() -> EventLine.read(changed)).isInstanceOf(JsonFormatException.class);
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(20);
    }
}
