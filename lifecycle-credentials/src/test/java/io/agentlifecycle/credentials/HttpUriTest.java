package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 3986, sections 6.2.2 and 6.2.3: what is one URI and what is not. */
class HttpUriTest {
    @ParameterizedTest
    @CsvSource({
        "https://a.example, https://a.example/",
        "https://a.example/, https://a.example/",
        "HTTPS://A.Example/Path, https://a.example/Path",
        "https://a.example:443/x, https://a.example/x",
        "https://a.example:/x, https://a.example/x",
        "https://a.example:0443/x, https://a.example/x",
        "http://a.example:80, http://a.example/",
        "http://a.example:443/, http://a.example:443/",
        "https://a.example:80/, https://a.example:80/",
        "https://a.example:8443/x, https://a.example:8443/x",
        "https://[2001:DB8::1]:443/x, https://[2001:db8::1]/x",
        "https://127.0.0.1/x, https://127.0.0.1/x",
        "https://a.example/%7euser, https://a.example/~user",
        "https://a.example/%7Euser, https://a.example/~user",
        "https://a.example/%41%2d%2E%5f, https://a.example/A-._",
        "https://a.example/%c3%b6, https://a.example/%C3%B6",
        "https://a.example/a%2fb, https://a.example/a%2Fb",
        "https://a.example/a%252e, https://a.example/a%252e",
        "https://a.example/a/b/c/./../../g, https://a.example/a/g",
        "https://a.example/mid/content=5/../6, https://a.example/mid/6",
        "https://a.example/./, https://a.example/",
        "https://a.example/a/., https://a.example/a/",
        "https://a.example/a/b/.., https://a.example/a/",
        "https://a.example/.., https://a.example/",
        "https://a.example/../../x, https://a.example/x",
        "https://a.example/a/%2e%2E/b, https://a.example/b",
        "https://a.example/a//../b, https://a.example/a/b",
        "https://a.example//x//, https://a.example//x//",
        "https://a.example/.../x, https://a.example/.../x",
        "https://a.example/!$&'()*+;=:@, https://a.example/!$&'()*+;=:@",
    })
    void a_uri_has_one_spelling(String uri, String normal) {
        assertThat(HttpUri.normal(uri)).contains(normal);
        assertThat(HttpUri.normal(normal)).contains(normal);
        assertThat(HttpUri.withoutQuery(uri + "?q=/../%zz#f")).contains(normal);
        assertThat(HttpUri.withoutQuery(uri + "#f?q")).contains(normal);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "/x",
                "a.example/x",
                "//a.example/x",
                "https:/a.example/x",
                "https:a.example",
                "https://",
                "https:///x",
                "https://:443/x",
                "ftp://a.example/x",
                "wss://a.example/x",
                "javascript://a.example/%0aalert(1)",
                " https://a.example/x",
                "https://a.example/x ",
                "https://a.example/x\n",
                "https://a.example/\u00f6",
                "http\u017f://a.example/",
                "https://\u212a.example/",
                "https://user@a.example/x",
                "https://user:secret@a.example/x",
                "https://a.example@evil.example/x",
                "https://a.example%2eevil.example/x",
                "https://a.example\\@evil.example/x",
                "https://a.example/x?",
                "https://a.example/x?q=1",
                "https://a.example/x#",
                "https://a.example?q",
                "https://a.example/%",
                "https://a.example/%4",
                "https://a.example/%zz",
                "https://a.example/%+1",
                "https://a.example/a\\b",
                "https://a.example/a|b",
                "https://a.example/\"",
                "https://a.example/<>",
                "https://a.example:x/",
                "https://a.example:-1/",
                "https://a.example:65536/",
                "https://a.example:999999/",
                "https://a.example:443:443/",
                "https://[::1/x",
                "https://[]/x",
                "https://[::1]x/",
                "https://[::1%25eth0]/",
                "https://a_b,c.example/",
            })
    void what_is_no_http_uri_agrees_with_none(String uri) {
        assertThat(HttpUri.normal(uri)).isEmpty();
    }

    @Test
    void a_long_uri_is_none() {
        assertThat(HttpUri.normal("https://a.example/" + "a".repeat(8_000))).isPresent();
        assertThat(HttpUri.normal("https://a.example/" + "a".repeat(9_000))).isEmpty();
        assertThat(HttpUri.withoutQuery("https://a.example/?" + "a".repeat(1 << 20)))
                .contains("https://a.example/");
        assertThat(HttpUri.normal("https://a.example" + "/..".repeat(2_700))).contains("https://a.example/");
    }

    /** Every text, also of odd pieces, has a normal form that stays, and that the JDK resolves dots of alike. */
    @Property(tries = 3_000)
    void the_normal_form_is_normal(@ForAll("uris") String uri) {
        HttpUri.normal(uri).ifPresent(normal -> {
            assertThat(HttpUri.normal(normal)).contains(normal);
            assertThat(normal).doesNotContain("/../", "/./", "?", "#").matches("https?://[^/]+/.*");
            assertThat(URI.create(normal).getRawPath()).isEqualTo(normal.replaceFirst("https?://[^/]+", ""));
        });
    }

    @Provide
    Arbitrary<String> uris() {
        List<String> pieces = List.of(
                "/", "/", ".", "..", "a", "B", "%2e", "%2E", "%2f", "%41", "%", "~", ":", "@", "?", "#", "\\", " ",
                "\u00e9");
        return Arbitraries.of(pieces).list().ofMaxSize(12).map(parts -> "https://h.example" + String.join("", parts));
    }
}
