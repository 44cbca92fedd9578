package io.agentlifecycle.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Measures what is asked for and prints one line for each figure; see {@code benchmarks/README.md}. */
public final class Figures {
    private static final Map<String, Subject> SUBJECTS = subjects();

    private Figures() {}

    private static Map<String, Subject> subjects() {
        Map<String, Subject> subjects = new LinkedHashMap<>();
        subjects.put("commits", new Commits());
        subjects.put("engine", new EngineCommits());
        subjects.put("audit-commits", new AuditCommits());
        subjects.put("audit-verify", new AuditVerify());
        subjects.put("audit-proof", new AuditProofs());
        subjects.put("tokens", new Tokens());
        subjects.put("checkpoint", new Checkpoints());
        subjects.put("peers", new Peers());
        subjects.put("open", new Opening());
        subjects.put("sweep", new Sweeps());
        subjects.put("heap", new Heap());
        subjects.put("heartbeat", new Heartbeats());
        subjects.put("guard", new Guards());
        return subjects;
    }

    /** {@code quick} or {@code full}, and the names of subjects if not all are wanted. */
    public static void main(String[] args) throws Exception {
        Scale scale = switch (args.length == 0 ? "" : args[0]) {
            case "quick" -> Scale.QUICK;
            case "full" -> Scale.FULL;
            default ->
                throw new IllegalArgumentException("say quick or full, and perhaps subjects: " + SUBJECTS.keySet());
        };
        Set<String> wanted = new TreeSet<>(List.of(args).subList(1, args.length));
        if (!SUBJECTS.keySet().containsAll(wanted)) {
            throw new IllegalArgumentException(
                    "there is no such subject as one of %s; there are %s".formatted(wanted, SUBJECTS.keySet()));
        }
        long start = System.nanoTime();
        for (Map.Entry<String, Subject> subject : SUBJECTS.entrySet()) {
            if (wanted.isEmpty() || wanted.contains(subject.getKey())) {
                measure(subject.getKey(), subject.getValue(), scale);
            }
        }
        note("all in %.0f s", seconds(start));
    }

    private static void measure(String name, Subject subject, Scale scale) throws Exception {
        long start = System.nanoTime();
        // beside the classes, since what stands in a folder for temporary files may never reach a disk
        Path scratch = Files.createTempDirectory(
                Files.createDirectories(Path.of("target")).toAbsolutePath(), "scratch-");
        try {
            subject.measure(scale, scratch).forEach(System.out::println);
        } finally {
            delete(scratch);
        }
        note("%s: took %.1f s", name, seconds(start));
    }

    /** What people want to know beside the figures. */
    static void note(String format, Object... args) {
        System.err.println(String.format(Locale.ROOT, format, args));
    }

    static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }

    static void delete(Path directory) throws IOException {
        if (Files.exists(directory)) {
            try (Stream<Path> all = Files.walk(directory)) {
                for (Path path : all.sorted((a, b) -> b.compareTo(a)).toList()) {
                    Files.delete(path);
                }
            }
        }
    }
}
