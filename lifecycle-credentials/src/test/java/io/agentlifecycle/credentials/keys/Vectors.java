package io.agentlifecycle.credentials.keys;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A value of a JSON file of test vectors, in {@code -Dvectors.dir}.
 *
 * @param value a map, a list or a text
 */
record Vectors(Object value) {
    static Path file(String name) {
        return Path.of(System.getProperty("vectors.dir"), name);
    }

    static Vectors read(String name) throws IOException {
        try (JsonParser parser = new JsonFactory().createParser(Files.readAllBytes(file(name)))) {
            parser.nextToken();
            return new Vectors(value(parser));
        }
    }

    private static Object value(JsonParser parser) throws IOException {
        if (parser.currentToken() == JsonToken.START_OBJECT) {
            Map<String, Object> members = new LinkedHashMap<>();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                members.put(name, value(parser));
            }
            return members;
        }
        if (parser.currentToken() == JsonToken.START_ARRAY) {
            List<Object> items = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                items.add(value(parser));
            }
            return items;
        }
        return parser.getText();
    }

    Vectors get(String name) {
        Object member = ((Map<?, ?>) value).get(name);
        if (member == null) {
            throw new AssertionError("no member " + name);
        }
        return new Vectors(member);
    }

    boolean has(String name) {
        return ((Map<?, ?>) value).containsKey(name);
    }

    List<Vectors> list() {
        return ((List<?>) value).stream().map(each -> new Vectors(each)).toList();
    }

    String text() {
        return (String) value;
    }

    String text(String name) {
        return get(name).text();
    }

    byte[] hex(String name) {
        return HexFormat.of().parseHex(text(name));
    }
}
