package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import java.util.List;

/**
 * What became of the agents in a file of AgentMesh. Immutable.
 *
 * @param source what their trails name as the place that they come from, with the SHA-256 of the file
 * @param imported who was taken in, or would be, in the order of the file
 * @param present who had been taken in before
 * @param rejected all that keeps agents out, in the order of the file
 * @param mapped what was taken to mean something that AgentMesh does not say in these words
 */
public record AgentMeshReport(
        String source, List<AgentId> imported, List<AgentId> present, List<Finding> rejected, List<Finding> mapped) {
    public AgentMeshReport {
        requireNonNull(source, "source");
        imported = List.copyOf(imported);
        present = List.copyOf(present);
        rejected = List.copyOf(rejected);
        mapped = List.copyOf(mapped);
    }

    /**
     * Something about one place of the file.
     *
     * @param pointer the place, as a JSON pointer (RFC 6901); empty for the file as a whole
     */
    public record Finding(String pointer, String text) {
        public Finding {
            requireNonNull(pointer, "pointer");
            requireNonNull(text, "text");
        }

        @Override
        public String toString() {
            return (pointer.isEmpty() ? "the file" : pointer) + ": " + text;
        }
    }
}
