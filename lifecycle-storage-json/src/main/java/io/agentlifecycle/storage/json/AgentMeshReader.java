package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.agentlifecycle.core.AgentImport;
import io.agentlifecycle.storage.json.AgentMeshReport.Finding;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the array of agents in a file of AgentMesh, one after the other. What is no JSON ends the reading; what is wrong
 * with one agent is noted, and the next one is read.
 */
final class AgentMeshReader {
    /** The value {@code null}, which a map cannot hold. */
    static final Object NULL = new Object();

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(32)
                    .maxStringLength(1 << 18)
                    .maxNameLength(512)
                    .maxNumberLength(40)
                    .build())
            .build();

    private final JsonParser parser;
    private final List<Finding> rejected;
    private final List<Finding> mapped;
    private final Map<Integer, AgentImport> agents = new LinkedHashMap<>();

    private AgentMeshReader(JsonParser parser, List<Finding> rejected, List<Finding> mapped) {
        this.parser = parser;
        this.rejected = rejected;
        this.mapped = mapped;
    }

    /** A file that is no array of JSON values, and where that was seen. */
    static final class UnreadableException extends Exception {
        private static final long serialVersionUID = 1L;

        private final transient Finding finding;

        UnreadableException(Finding finding) {
            super(finding.toString());
            this.finding = finding;
        }

        Finding finding() {
            return finding;
        }
    }

    /** The agents that are sound in themselves, by their position; what is wrong or unusual goes into the lists. */
    static Map<Integer, AgentImport> read(byte[] bytes, List<Finding> rejected, List<Finding> mapped)
            throws UnreadableException {
        try (JsonParser parser = JSON.createParser(text(bytes))) {
            var reader = new AgentMeshReader(parser, rejected, mapped);
            try {
                reader.readAll();
            } catch (JsonProcessingException e) {
                // a limit that was passed names no place
                JsonLocation place = e.getLocation() == null ? parser.currentLocation() : e.getLocation();
                throw reader.unreadable("line %d, column %d: %s"
                        .formatted(place.getLineNr(), place.getColumnNr(), e.getOriginalMessage()));
            }
            return reader.agents;
        } catch (IOException e) {
            throw new UnreadableException(new Finding("", "it cannot be read: " + e.getMessage()));
        }
    }

    private static String text(byte[] bytes) throws UnreadableException {
        String text;
        try {
            text = UTF_8.newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new UnreadableException(new Finding("", "it is not UTF-8"));
        }
        if (text.startsWith("\uFEFF")) {
            throw new UnreadableException(
                    new Finding("", "it begins with a byte order mark, which AgentMesh does not write; remove it"));
        }
        return text;
    }

    private void readAll() throws IOException, UnreadableException {
        if (parser.nextToken() != JsonToken.START_ARRAY) {
            throw unreadable("it must be an array of agents, as AgentMesh writes it");
        }
        for (int i = 0; parser.nextToken() != JsonToken.END_ARRAY; i++) {
            if (i == FleetFiles.MAX_AGENT_MESH_AGENTS) {
                throw unreadable("it has more than the limit of " + i + " agents; split it");
            }
            Object element = value();
            int position = i;
            new AgentMeshAgent("/" + i, rejected, mapped).read(element).ifPresent(agent -> agents.put(position, agent));
        }
        if (parser.nextToken() != null) {
            throw unreadable("something follows the array");
        }
    }

    /** The value that begins at the current token; its depth is bounded by the parser. */
    private Object value() throws IOException, UnreadableException {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw unreadable("it ends too early");
        }
        return switch (token) {
            case START_OBJECT -> {
                Map<String, Object> members = new LinkedHashMap<>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    members.put(name, value());
                }
                yield members;
            }
            case START_ARRAY -> {
                List<Object> items = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    items.add(value());
                }
                yield items;
            }
            case VALUE_STRING -> parser.getText();
            // only counts are looked at, and no count has more digits than fit
            case VALUE_NUMBER_INT -> parser.getText().length() < 18 ? (Object) parser.getLongValue() : Double.NaN;
            case VALUE_NUMBER_FLOAT -> Double.NaN;
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> NULL;
            default -> throw unreadable("there is no value");
        };
    }

    private UnreadableException unreadable(String reason) {
        JsonPointer place = parser.getParsingContext().pathAsPointer();
        return new UnreadableException(new Finding(place.toString(), reason));
    }
}
