package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.store.Commit;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a process does when the operating system itself fails its calls, or ends it in the middle of one; by strace. */
@Tag("host")
@Tag("once")
@Timeout(value = 30, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SystemCallTest {
    private static final int COMMITS = 30;
    private static final String WRITES = "write,pwrite64";
    private static final String STATS = "stat,lstat,newfstatat,statx";
    private static final Pattern WRITTEN = Pattern.compile("write\\(\\d+, .*, (\\d+)\\) += (\\d+)$");

    /** How the answers to the commits must look, one letter each: Applied, Full, Unknown, failed (X). */
    private enum Outcome {
        /** A change is lost to its caller, and the store stops. */
        STOP("A+UX+", "as applied"),
        /** The store stops before anything of a change is written. */
        STOP_BEFORE("A+X+", "as applied"),
        /** One change finds no room. */
        FULL_ONCE("A+FA+", "as applied"),
        /** No change finds room any more. */
        FULL_FROM_THEN_ON("A+F+", "as applied"),
        NOTHING("A{" + COMMITS + "}", "as applied"),
        KILLED("A+", "");

        private final Pattern answers;
        private final String end;

        Outcome(String answers, String end) {
            this.answers = Pattern.compile(answers);
            this.end = end;
        }
    }

    /** What goes wrong from the n-th call on. */
    private enum Fault {
        FORCE_FAILS(Outcome.STOP, "fdatasync:error=EIO:when=%d"),
        FORCE_FINDS_NO_ROOM(Outcome.STOP, "fdatasync:error=ENOSPC:when=%d"),
        WRITE_FINDS_NO_ROOM(Outcome.FULL_ONCE, WRITES + ":error=ENOSPC:when=%d"),
        WRITE_FAILS(Outcome.FULL_ONCE, WRITES + ":error=EIO:when=%d"),
        WRITE_TAKES_NOTHING(Outcome.FULL_FROM_THEN_ON, WRITES + ":retval=0:when=%d+"),
        WRITE_IS_SHORT(Outcome.FULL_FROM_THEN_ON),
        SHORT_WRITE_CANNOT_BE_CUT_OFF(Outcome.STOP, "ftruncate:error=EIO"),
        WRITE_AND_FORCE_FAIL(Outcome.STOP, WRITES + ":error=ENOSPC:when=%1$d", "fdatasync:error=EIO:when=%1$d"),
        KILLED_AT_FORCE(Outcome.KILLED, "fdatasync:signal=KILL:when=%d"),
        KILLED_AT_WRITE(Outcome.KILLED, WRITES + ":signal=KILL:when=%d"),
        LOCK_CANNOT_BE_READ(Outcome.STOP_BEFORE, STATS + ":error=EIO:when=%d+");

        private final Outcome outcome;
        private final List<String> injections;

        Fault(Outcome outcome, String... injections) {
            this.outcome = outcome;
            this.injections = List.of(injections);
        }

        boolean isShort() {
            return this == WRITE_IS_SHORT || this == SHORT_WRITE_CANNOT_BE_CUT_OFF;
        }

        /** Under strace, so that it happens at that call of the thread that writes. */
        List<String> command(Path directory, String segment, int call, Path trace) {
            String file = this == LOCK_CANNOT_BE_READ ? "LOCK" : segment;
            List<String> command = strace(trace, WRITES + ",fdatasync,ftruncate," + STATS);
            if (outcome == Outcome.KILLED) {
                command.remove("--seccomp-bpf"); // with it, no signal comes
            }
            command.addAll(List.of("-P", directory.resolve(file).toString()));
            for (String injection : injections) {
                command.addAll(List.of("-e", "inject=" + injection.formatted(call)));
            }
            if (isShort()) {
                // what is left of the room is taken, and then there is none
                command.addAll(List.of("prlimit", "--fsize=" + call * 2_000));
            }
            command.addAll(Child.command("script", directory, "quiet", String.valueOf(COMMITS)));
            return command;
        }
    }

    @TempDir
    private Path temporary;

    private Path template;
    private String segment;

    private static List<String> strace(Path trace, String calls) {
        return new ArrayList<>(List.of(
                "strace",
                "-f",
                "-qq",
                "--seccomp-bpf",
                "-e",
                "signal=none",
                "-o",
                trace.toString(),
                "-e",
                "trace=?" + calls.replace(",", ",?")));
    }

    /** A store with a past, and the name of the segment that the next process will write. */
    @BeforeEach
    void prepare() throws Exception {
        temporary = temporary.toRealPath();
        template = temporary.resolve("template");
        try (JsonStore store = JsonStore.open(template)) {
            Sample.applied(store, Sample.put("before", 1));
        }
        Path tried = copy("tried");
        var names = new TreeSet<>(new FileIo().list(tried));
        assertThat(run(Child.command("script", tried, "quiet", "1")).lines()).contains("open", "Applied", "closed");
        var added = new TreeSet<>(new FileIo().list(tried));
        added.removeAll(names);
        segment = Collections.max(added);
        assertThat(segment).matches("journal-.*");
    }

    private Path copy(String name) throws IOException {
        Path copy = temporary.resolve(name);
        new FileIo().createDirectory(copy);
        try (Stream<Path> files = Files.list(template)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        return copy;
    }

    private record Run(List<String> lines, int exit) {
        /** One letter for each answer. */
        String answers() {
            var letters = new StringBuilder();
            for (String line : lines) {
                switch (line) {
                    case "Applied" -> letters.append('A');
                    case "FULL" -> letters.append('F');
                    case "Unknown" -> letters.append('U');
                    case "FAILED" -> letters.append('X');
                    default -> {}
                }
            }
            return letters.toString();
        }
    }

    private static Run run(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader output = Child.output(process)) {
            List<String> lines = output.lines().toList();
            return new Run(lines, process.waitFor());
        } finally {
            process.destroyForcibly();
        }
    }

    private void assertWithstands(Fault fault, int call) throws Exception {
        String what = fault + " at call " + call;
        Path directory = copy(fault + "-" + call);
        Path trace = temporary.resolve(fault + "-" + call + ".trace");
        Run run = run(fault.command(directory, segment, call, trace));
        List<String> calls = Files.readAllLines(trace, StandardCharsets.ISO_8859_1);

        // it went wrong, and the answers say so
        if (fault.isShort()) {
            assertThat(calls).as(what).anyMatch(SystemCallTest::isShortWrite);
        }
        if (!fault.injections.isEmpty() && fault.outcome != Outcome.KILLED) {
            assertThat(calls).as(what).anyMatch(line -> line.endsWith("(INJECTED)"));
        }
        assertThat(run.exit()).as(what).isEqualTo(fault.outcome == Outcome.KILLED ? 128 + 9 : 0);
        assertThat(run.answers()).as(what).matches(fault.outcome.answers);
        assertThat(run.lines()).as(what).startsWith("open");
        if (fault.outcome != Outcome.KILLED) {
            assertThat(run.answers()).as(what).hasSize(COMMITS);
            assertThat(run.lines()).as(what).endsWith(fault.outcome.end, "closed");
        }
        assertNoForceAfterAFailedOne(what, calls);

        // and what is there is what was answered
        List<Commit> least = new ArrayList<>();
        least.add(Sample.put("before", 1));
        for (int i = 0; i < run.answers().length(); i++) {
            if (run.answers().charAt(i) == 'A') {
                least.add(Child.scripted(i));
            }
        }
        List<Commit> most = new ArrayList<>(least);
        int open = fault.outcome == Outcome.KILLED
                ? run.answers().length()
                : run.answers().indexOf('U');
        if (open >= 0 && open < COMMITS) {
            most.add(Child.scripted(open));
        }
        try (JsonStore store = JsonStore.open(directory)) {
            assertThat(Sample.content(store)).as(what).isIn(Sample.content(least), Sample.content(most));
            for (int i = 0; i < COMMITS; i++) {
                Sample.applied(store, Child.scripted(i)); // the same request again does no harm
            }
            assertThat(store.events(0, 1_000).events()).as(what).hasSize(1 + COMMITS);
        }
    }

    private static boolean isShortWrite(String call) {
        Matcher written = WRITTEN.matcher(call);
        return written.find() && Integer.parseInt(written.group(2)) < Integer.parseInt(written.group(1));
    }

    private static void assertNoForceAfterAFailedOne(String what, List<String> calls) {
        boolean failed = false;
        for (String line : calls) {
            assertThat(failed && line.contains("fdatasync("))
                    .as("%s: %s after a failed one", what, line)
                    .isFalse();
            failed |= line.contains("fdatasync") && line.contains(" = -1 ");
        }
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void a_call_that_fails_loses_nothing_and_promises_nothing(Fault fault) throws Exception {
        assertWithstands(fault, COMMITS / 2);
    }

    @Test
    void the_first_and_the_last_force_may_fail() throws Exception {
        assertWithstands(Fault.FORCE_FAILS, 2);
        assertWithstands(Fault.FORCE_FAILS, COMMITS - 1);
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    @Tag("deep")
    void a_call_that_fails_anywhere_loses_nothing_and_promises_nothing(Fault fault) throws Exception {
        var random = new Random(fault.ordinal());
        List<Integer> calls = new ArrayList<>();
        for (int call = 2; call < COMMITS; call++) {
            calls.add(call);
        }
        Collections.shuffle(calls, random);
        for (int call : calls.subList(0, 6)) {
            assertWithstands(fault, call);
        }
    }

    @Test
    void an_opening_that_fails_changes_nothing_and_can_be_repeated() throws Exception {
        Path directory = copy("opening");
        Path trace = temporary.resolve("opening.trace");
        Run run = run(Fault.FORCE_FAILS.command(directory, segment, 1, trace));
        assertThat(run.lines()).first().asString().startsWith("refused ").contains(directory + " cannot be opened");
        try (JsonStore store = JsonStore.open(directory)) {
            assertThat(Sample.content(store)).isEqualTo(Sample.content(List.of(Sample.put("before", 1))));
            Sample.applied(store, Sample.put("after", 1));
        }
    }

    /** A checkpoint that fails is no reason to stop. */
    @Test
    void without_a_new_manifest_the_store_goes_on() throws Exception {
        for (String injection : List.of("rename,renameat,renameat2:error=EIO", "fdatasync:error=EIO")) {
            Path directory = copy("manifest-" + injection.length());
            Path trace = temporary.resolve("manifest.trace");
            List<String> command = strace(trace, "rename,renameat,renameat2,fdatasync");
            command.addAll(List.of("-P", directory.resolve("MANIFEST.json.tmp").toString(), "-e"));
            command.add("inject=" + injection.replace("rename,renameat,", "?rename,?renameat,?"));
            command.addAll(Child.command("script", directory, "busy", "100"));
            Run run = run(command);
            assertThat(Files.readAllLines(trace)).anyMatch(line -> line.endsWith("(INJECTED)"));
            assertThat(run.answers()).matches("A{100}");
            assertThat(run.lines()).endsWith("as applied", "closed");
            try (JsonStore store = JsonStore.open(directory)) {
                assertThat(store.events(0, 1_000).events()).hasSize(101);
            }
        }
    }

    /** Not a moment later by chmod, and whatever the mask of the process. */
    @Test
    void files_and_directories_are_their_owners_alone_from_the_moment_they_are_made() throws Exception {
        Path directory = temporary.resolve("above").resolve("lifecycle-data");
        Path trace = temporary.resolve("trace");
        List<String> command = new ArrayList<>(List.of("sh", "-c", "umask 0; exec \"$@\"", "sh"));
        command.addAll(strace(trace, "open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,fchmodat2"));
        command.addAll(Child.command("script", directory, "busy", "100"));
        Run run = run(command);
        assertThat(run.answers()).matches("A{100}");
        List<String> made = Files.readAllLines(trace, StandardCharsets.ISO_8859_1).stream()
                .filter(line -> line.contains('"' + directory.getParent().toString()))
                .filter(line -> line.contains("O_CREAT") || line.contains("creat(") || line.contains("mkdir"))
                .toList();
        assertThat(made).hasSizeGreaterThan(10);
        for (String line : made) {
            assertThat(line).containsPattern(line.contains("mkdir") ? ", 0700(\\)| <)" : ", 0600(\\)| <)");
        }
        assertThat(Files.readAllLines(trace, StandardCharsets.ISO_8859_1))
                .noneMatch(line -> line.contains("chmod") && line.contains(directory.toString()));
        assertThat(made.stream().filter(line -> line.contains("mkdir"))).hasSizeGreaterThanOrEqualTo(2);
    }
}
