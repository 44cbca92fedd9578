package io.agentlifecycle.examples;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.error.LifecycleException;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README and the pages beside it say must be so. */
class ReadmeTest {
    private static final Path ROOT = Path.of("..");
    private static final String README = read(ROOT.resolve("README.md"));

    @Test
    void the_snippet_compiles_runs_and_prints_what_stands_below_it(@TempDir Path directory) throws Exception {
        List<String> snippets = blocks("java");
        assertThat(snippets).as("Java in the README").hasSize(1);

        compile(snippets.get(0), directory);
        try (var loader = new URLClassLoader(
                new URL[] {directory.toUri().toURL()}, getClass().getClassLoader())) {
            var main = loader.loadClass("Snippet").getMethod("main", String[].class);
            String output = Captured.outputOf(() -> main.invoke(null, (Object) new String[0]));

            assertThat(blocks("text")).as("what the snippet prints").containsExactly(output);
        }
    }

    @Test
    void the_diagram_is_that_of_the_table() {
        assertThat(blocks("mermaid")).containsExactly(TransitionTable.STANDARD.toMermaid());
    }

    @Test
    void there_are_exactly_two_commands() {
        assertThat(blocks("sh")).containsExactly("mvn -q -Ptutorial\nmvn verify\n");
        assertThat(all("\\bmvn\\b[^`\n]*", README)).containsExactly("mvn -q -Ptutorial", "mvn verify");
    }

    @Test
    void the_maven_snippet_names_the_artifacts_and_the_version_of_this_build() {
        String pom = read(ROOT.resolve("pom.xml"));
        String bom = read(ROOT.resolve("extensions/lifecycle-bom/pom.xml"));
        String project = all("<artifactId>lifecycle-parent</artifactId>\\s*<version>([^<]+)</version>", pom)
                .get(0);
        String snippet = String.join("\n", blocks("xml"));

        assertThat(all("<version>([^<]+)</version>", snippet)).containsExactly(project);
        assertThat(all("<groupId>([^<]+)</groupId>", snippet)).containsOnly("io.agentlifecycle");
        assertThat(all("<artifactId>([^<]+)</artifactId>", snippet))
                .contains("lifecycle-bom", "lifecycle-core")
                .isSubsetOf(all("<artifactId>([^<]+)</artifactId>", bom));
    }

    @Test
    void relative_links_lead_somewhere() throws IOException {
        Set<String> broken = new TreeSet<>();
        for (Path page : pages()) {
            for (String link : all("\\]\\(([^)\\s]+)\\)", read(page))) {
                if (!link.matches("[a-z]+:.*") && !leadsSomewhere(page, link)) {
                    broken.add(ROOT.relativize(page) + ": " + link);
                }
            }
        }

        assertThat(broken).as("links that lead nowhere").isEmpty();
    }

    @Test
    void the_types_in_the_table_of_places_exist() {
        List<String> names = all("`((?:[a-z]+\\.)?[A-Z]\\w+)`", section("Where is what"));

        assertThat(names).isNotEmpty().filteredOn(name -> !exists(name)).isEmpty();
    }

    @Test
    void the_table_of_modules_says_which_are_empty() throws IOException {
        for (String row : all("(?m)^\\| \\[.*$", section("Modules"))) {
            Path main = ROOT.resolve(all("\\[([^]]+)]", row).get(0)).resolve("src/main/java");

            assertThat(row.contains("**still empty**")).as(row).isEqualTo(Files.exists(main) && !hasClasses(main));
        }
        assertThat(all("(?m)^\\| \\[([^]]+)]", section("Modules")))
                .containsExactlyElementsOf(all("<module>([^<]+)</module>", read(ROOT.resolve("pom.xml"))));
    }

    @Test
    void every_code_of_an_exception_is_listed() throws IOException {
        Path errors = ROOT.resolve("lifecycle-core/src/main/java/io/agentlifecycle/core/error");
        Set<String> codes = new TreeSet<>();
        try (Stream<Path> files = Files.list(errors)) {
            files.forEach(file -> codes.addAll(all("(?:super|this)\\(\\s*\"([a-z-]+)\"", read(file))));
        }

        assertThat(all("(?m)^\\| `([a-z-]+)`", section("Errors"))).containsExactlyInAnyOrderElementsOf(codes);
        assertThat(all("(?m)^\\| `[a-z-]+` \\| `(\\w+)`", section("Errors")))
                .hasSameSizeAs(codes)
                .allMatch(name -> exists(LifecycleException.class.getPackageName() + "." + name));
    }

    // ---- reading pages

    /** What stands between fences of that language, each with its last line break. */
    private static List<String> blocks(String language) {
        return all("(?ms)^```" + language + "\n(.*?)^```$", README);
    }

    private static String section(String title) {
        return all("(?ms)^## " + title + "\n(.*?)(?=^## |\\z)", README).get(0);
    }

    /** The first group of each match, or all of it if there is no group. */
    private static List<String> all(String regex, String text) {
        return Pattern.compile(regex)
                .matcher(text)
                .results()
                .map((MatchResult match) -> match.group(match.groupCount() == 0 ? 0 : 1))
                .toList();
    }

    private static List<Path> pages() throws IOException {
        try (Stream<Path> top = Files.list(ROOT);
                Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
            return Stream.concat(top, docs)
                    .filter(path -> path.toString().endsWith(".md"))
                    .toList();
        }
    }

    private static boolean leadsSomewhere(Path page, String link) {
        String[] parts = link.split("#", 2);
        Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        return Files.exists(target) && (parts.length == 1 || anchors(target).contains(parts[1]));
    }

    private static Set<String> anchors(Path page) {
        return all("(?m)^#+ (.*)$", read(page)).stream()
                .map(title -> title.toLowerCase(Locale.ROOT)
                        .replaceAll("[^a-z0-9 _-]", "")
                        .replace(' ', '-'))
                .collect(Collectors.toSet());
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError("cannot read " + file, e);
        }
    }

    // ---- looking at code

    private static void compile(String snippet, Path directory) throws IOException {
        String imports = String.join("\n", all("(?m)^import .*;$", snippet));
        String body = snippet.replaceAll("(?m)^import .*;$", "");
        Path source = directory.resolve("Snippet.java");
        Files.writeString(
                source,
                imports + "\npublic class Snippet {\npublic static void main(String[] args) throws Exception {\n" + body
                        + "}\n}\n");
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        var messages = new StringWriter();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, Locale.ROOT, UTF_8)) {
            List<String> options = List.of(
                    "-proc:none", "-d", directory.toString(), "-classpath", System.getProperty("java.class.path"));
            boolean compiled = compiler.getTask(messages, files, null, options, null, files.getJavaFileObjects(source))
                    .call();

            assertThat(compiled).as(messages.toString()).isTrue();
        }
    }

    /** A type of the JDK's time package, of core's root package or of one of its subpackages, or a qualified one. */
    private static boolean exists(String name) {
        return Stream.of("java.time.", "io.agentlifecycle.core.", "").anyMatch(prefix -> isClass(prefix + name));
    }

    private static boolean isClass(String name) {
        try {
            Class.forName(name);
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    private static boolean hasClasses(Path main) throws IOException {
        try (Stream<Path> files = Files.walk(main)) {
            return files.map(file -> file.getFileName().toString())
                    .anyMatch(name -> name.endsWith(".java") && !name.matches("(package|module)-info\\.java"));
        }
    }
}
