package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.agentlifecycle.core.audit.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Reads what a token says, so that no other reader can understand it differently: UTF-8 without errors, one object from
 * the first byte on and nothing after it, no name twice, at most 16 deep, and no numbers but whole ones of 53 bits.
 */
final class StrictJson {
    private static final int MAX_DEPTH = 16;

    // Names are not kept between calls: who sends tokens would fill that memory.
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxDocumentLength(CompactJws.MAX_LENGTH)
                    .build())
            .build();

    private StrictJson() {}

    /** The object that those bytes are; empty if they are anything else. */
    static Optional<Json.Obj> object(byte[] bytes) {
        try {
            // Decoded here, strictly: the parser would guess the encoding and skip a byte order mark.
            String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            if (!text.startsWith("{")) {
                return Optional.empty();
            }
            try (JsonParser parser = FACTORY.createParser(text)) {
                parser.nextToken();
                Json.Obj object = object(parser);
                return parser.nextToken() == null ? Optional.of(object) : Optional.empty();
            }
        } catch (IOException e) {
            return Optional.empty(); // it says what is wrong in the words of the token, so it goes nowhere
        }
    }

    private static Json.Obj object(JsonParser parser) throws IOException {
        Map<String, Json> members = new TreeMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            parser.nextToken();
            members.put(name, value(parser));
        }
        return new Json.Obj(members);
    }

    private static Json value(JsonParser parser) throws IOException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> object(parser);
            case START_ARRAY -> array(parser);
            case VALUE_STRING -> Json.of(parser.getText());
            case VALUE_NUMBER_INT -> integer(parser.getText());
            case VALUE_TRUE -> Json.of(true);
            case VALUE_FALSE -> Json.of(false);
            case VALUE_NULL -> Json.NULL;
            default -> throw new IOException("not a value of the profile");
        };
    }

    private static Json array(JsonParser parser) throws IOException {
        List<Json> items = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            items.add(value(parser));
        }
        return new Json.Arr(items);
    }

    private static Json integer(String digits) throws IOException {
        try {
            long value = Long.parseLong(digits);
            if (Math.abs(value) <= Json.MAX_INTEGER && Long.toString(value).equals(digits)) {
                return Json.of(value);
            }
        } catch (NumberFormatException e) {
            // falls through to the one answer for every way to be wrong
        }
        throw new IOException("not an integer of the profile");
    }
}
