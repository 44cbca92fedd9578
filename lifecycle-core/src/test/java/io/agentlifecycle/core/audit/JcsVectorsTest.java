package io.agentlifecycle.core.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The public vectors of RFC 8785 from cyberphone/json-canonicalization, in {@code jcs/} of {@code -Dvectors.dir}. */
@Tag("vectors")
class JcsVectorsTest {
    private static final int LIMIT = 10_000;

    /** {@code structures} has a 56.0, which is the integer 56. */
    @ParameterizedTest
    @ValueSource(strings = {"arrays", "french", "structures", "unicode", "weird"})
    void the_value_of_the_input_is_written_as_the_output(String name) throws IOException {
        String output = read("output", name + ".json");

        String written = CanonicalJson.write(new Lenient(read("input", name + ".json")).value());

        assertThat(written).isEqualTo(output);
        assertThat(written.getBytes(UTF_8))
                .isEqualTo(HexFormat.of().parseHex(read("outhex", name + ".txt").replaceAll("\\s", "")));
        assertThat(CanonicalJson.write(CanonicalJson.read(output, LIMIT))).isEqualTo(output);
    }

    @ParameterizedTest
    @ValueSource(strings = {"arrays", "french", "structures", "unicode", "values", "weird"})
    void no_input_is_canonical(String name) throws IOException {
        String input = read("input", name + ".json");

        assertThatThrownBy(() -> CanonicalJson.read(input, LIMIT)).isInstanceOf(JsonFormatException.class);
    }

    @Test
    void fractions_have_no_place_in_the_profile() throws IOException {
        String canonical = read("output", "values.json");
        String withFraction = read("output", "structures.json").replace("56", "56.0");

        assertThatThrownBy(() -> CanonicalJson.read(canonical, LIMIT)).isInstanceOf(JsonFormatException.class);
        assertThatThrownBy(() -> CanonicalJson.read(withFraction, LIMIT)).isInstanceOf(JsonFormatException.class);
        assertThatThrownBy(() -> new Lenient(canonical).value())
                .as("333333333.3333333 is no integer, so there is no value to write")
                .isInstanceOf(ArithmeticException.class);
    }

    private static String read(String folder, String file) throws IOException {
        return Files.readString(Path.of(System.getProperty("vectors.dir"), "jcs", folder, file));
    }

    /** Reads any well-formed JSON without asking whether it is canonical. */
    private static final class Lenient {
        private final String text;
        private int at;

        Lenient(String text) {
            this.text = text;
        }

        Json value() {
            char c = next();
            if (c == '{') {
                Map<String, Json> members = new TreeMap<>();
                while (peek() != '}') {
                    next();
                    String name = string();
                    next();
                    members.put(name, value());
                    skip(',');
                }
                at++;
                return new Json.Obj(members);
            }
            if (c == '[') {
                List<Json> items = new ArrayList<>();
                while (peek() != ']') {
                    items.add(value());
                    skip(',');
                }
                at++;
                return new Json.Arr(items);
            }
            if (c == '"') {
                return Json.of(string());
            }
            int start = at - 1;
            while (at < text.length() && ",]} \n\r".indexOf(text.charAt(at)) < 0) {
                at++;
            }
            String word = text.substring(start, at);
            return switch (word) {
                case "null" -> Json.NULL;
                case "true", "false" -> Json.of(Boolean.parseBoolean(word));
                default -> Json.of(new BigDecimal(word).longValueExact());
            };
        }

        private String string() {
            var value = new StringBuilder();
            for (char c = text.charAt(at++); c != '"'; c = text.charAt(at++)) {
                if (c != '\\') {
                    value.append(c);
                    continue;
                }
                char escape = text.charAt(at++);
                int plain = "bfnrt".indexOf(escape);
                if (escape == 'u') {
                    value.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                    at += 4;
                } else {
                    value.append(plain < 0 ? escape : "\b\f\n\r\t".charAt(plain));
                }
            }
            return value.toString();
        }

        private char peek() {
            while (Character.isWhitespace(text.charAt(at))) {
                at++;
            }
            return text.charAt(at);
        }

        private char next() {
            char c = peek();
            at++;
            return c;
        }

        private void skip(char c) {
            if (peek() == c) {
                at++;
            }
        }
    }
}
