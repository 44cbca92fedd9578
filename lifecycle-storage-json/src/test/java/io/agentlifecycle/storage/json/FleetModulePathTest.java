package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.host.FleetOnDisk;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code storage(Path)} finds its provider by whichever path the library is on. */
class FleetModulePathTest {
    private static final List<String> CLASS_PATH =
            Arrays.asList(System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                    .split(File.pathSeparator));

    private static final Predicate<String> IS_TEST = entry -> entry.contains("test-classes");

    @TempDir
    Path store;

    @Test
    void the_provider_is_found_on_the_class_path() throws Exception {
        assertThat(run(List.of("-cp", joined(CLASS_PATH)))).isEqualTo("false false 1");
    }

    @Test
    void the_provider_is_found_on_the_module_path_although_only_core_is_asked_for() throws Exception {
        List<String> libraries = CLASS_PATH.stream()
                .filter(IS_TEST.negate().and(entry -> entry.matches(".*(lifecycle-|jackson-|slf4j-|jspecify-).*")))
                .toList();

        List<String> options = List.of(
                "--module-path",
                joined(libraries),
                "--add-modules",
                "io.agentlifecycle.core",
                "-cp",
                joined(CLASS_PATH.stream().filter(IS_TEST).toList()));

        assertThat(run(options)).isEqualTo("true true 1");
        assertThat(run(options)).isEqualTo("true true 1");
    }

    private String run(List<String> options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(
                List.of(FleetOnDisk.class.getName(), store.resolve("fleet").toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output.strip();
    }

    private static String joined(List<String> entries) {
        return entries.stream().collect(Collectors.joining(File.pathSeparator));
    }
}
