package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * The tests are tested: each of these defects is planted into a copy of main code, which is compiled and put before the
 * sound one, and then the test that should notice it must fail. A defect whose place has changed is planted anew.
 */
@Tag("once")
class PlantedBugsTest {
    private static final Path SOURCES = Path.of("src/main/java/io/agentlifecycle/storage/json");
    private static final String PACKAGE = PlantedBugsTest.class.getPackageName();

    /**
     * One defect.
     *
     * @param file the class that has it
     * @param sound what stands there once
     * @param defect what stands there instead
     * @param noticedBy the test, as {@code Class#method(types of its parameters)}
     */
    record Bug(String name, String file, String sound, String defect, String noticedBy) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** Test classes and main classes come from here, main classes with defects first, and all else from the parent. */
    private static final class Planted extends URLClassLoader {
        Planted(URL... places) {
            super(places, PlantedBugsTest.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(PACKAGE + ".")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? findClass(name) : loaded;
            }
        }
    }

    @TempDir
    private Path temporary;

    static Stream<Bug> bugs() {
        return PlantedBugs.ALL.stream();
    }

    @ParameterizedTest
    @MethodSource("bugs")
    void each_defect_is_noticed(Bug bug) throws Exception {
        String source = Files.readString(SOURCES.resolve(bug.file() + ".java"));
        assertThat(source.split(Pattern.quote(bug.sound()), -1))
                .as("the place for <%s> stands once in %s", bug.name(), bug.file())
                .hasSize(2);
        compile(bug.file(), source.replace(bug.sound(), bug.defect()));

        TestExecutionSummary summary = run(bug, "15 s", temporary.toUri().toURL());

        assertThat(summary.getTestsFoundCount()).as("tests %s", bug.noticedBy()).isPositive();
        assertThat(summary.getTestsFailedCount())
                .as("<%s> is noticed by %s", bug.name(), bug.noticedBy())
                .isPositive();
    }

    @Test
    void without_a_defect_the_same_tests_pass() throws Exception {
        for (String noticedBy :
                PlantedBugs.ALL.stream().map(Bug::noticedBy).distinct().toList()) {
            var none = new Bug("none", "", "", "", noticedBy);

            TestExecutionSummary summary = run(none, "5 m");

            assertThat(summary.getFailures())
                    .as(noticedBy)
                    .extracting(failure -> failure.getException().toString())
                    .isEmpty();
            assertThat(summary.getTestsSucceededCount()).as(noticedBy).isPositive();
        }
    }

    private void compile(String name, String source) throws IOException {
        Path file = Files.writeString(temporary.resolve(name + ".java"), source);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        var messages = new StringWriter();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, Locale.ROOT, null)) {
            Iterable<? extends JavaFileObject> units = files.getJavaFileObjects(file);
            List<String> options = List.of(
                    "-d", temporary.toString(), "-proc:none", "-nowarn", "-cp", System.getProperty("java.class.path"));
            assertThat(compiler.getTask(messages, files, null, options, null, units)
                            .call())
                    .as("%s", messages)
                    .isTrue();
        }
    }

    /** @param timeout after which a test has failed: a defect may make it wait for ever */
    private static TestExecutionSummary run(Bug bug, String timeout, URL... first) throws Exception {
        List<URL> places = new ArrayList<>(List.of(first));
        places.addAll(own());
        try (var loader = new Planted(places.toArray(URL[]::new))) {
            LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                    .selectors(selectMethod(loader, PACKAGE + "." + bug.noticedBy()))
                    .configurationParameter("jqwik.database", "")
                    .configurationParameter("junit.jupiter.execution.timeout.testable.method.default", timeout)
                    .configurationParameter("junit.jupiter.execution.timeout.thread.mode.default", "SEPARATE_THREAD")
                    .build();
            var listener = new SummaryGeneratingListener();
            LauncherFactory.create().execute(request, listener);
            return listener.getSummary();
        }
    }

    /** Where the classes of this module stand. */
    private static List<URL> own() throws MalformedURLException {
        List<URL> own = new ArrayList<>();
        for (String place : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Path path = Path.of(place).toAbsolutePath();
            if (path.startsWith(Path.of("target").toAbsolutePath())) {
                own.add(path.toUri().toURL());
            }
        }
        return own;
    }
}
