package io.agentlifecycle.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.storage.json.JsonStore;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** How long it takes to open a store, against reading the same bytes with Jackson and doing nothing with them. */
final class Opening implements Subject {
    private static final JsonFactory JSON = new JsonFactory();

    /** Lines that are written at once, so that they need no fsync each. */
    private static final int CALLERS = 64;

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        Path written = scratch.resolve("written");
        write(written, scratch.resolve("crashed"), scale);
        Path crashed = scratch.resolve("crashed");
        List<Path> read = filesThatCount(crashed);
        List<Double> opened = new ArrayList<>();
        List<Double> parsed = new ArrayList<>();
        for (int i = 0; i < scale.rounds() + 3; i++) {
            Path copy = copy(crashed, scratch.resolve("copy-" + i));
            long parse = System.nanoTime();
            for (Path file : read) {
                parse(file);
            }
            double parseSeconds = Figures.seconds(parse);
            long open = System.nanoTime();
            JsonStore store = JsonStore.open(copy);
            double openSeconds = Figures.seconds(open);
            store.close();
            Figures.delete(copy);
            if (i >= 3) { // the first rounds are for the compiler
                opened.add(openSeconds);
                parsed.add(parseSeconds);
            }
        }
        Figures.note(
                "%d agents and %d lines, %.1f MB in %d files that count: opened in %.0f ms, parsed in %.0f ms",
                scale.openAgents(),
                scale.openAgents(),
                bytes(read) / 1e6,
                read.size(),
                Load.median(opened) * 1e3,
                Load.median(parsed) * 1e3);
        return List.of(new Figure("open", Load.median(parsed) / Load.median(opened), 1 / 1.5));
    }

    /** A copy of a store with a snapshot and then as many commits, as they are while it is open. */
    private static void write(Path directory, Path crashed, Scale scale) throws Exception {
        Fleet fleet = Fleet.active(InstantSource.system());
        try (JsonStore store = JsonStore.open(directory)) {
            fleet.fill(store, scale.openAgents());
        } // writes the snapshot
        List<Commit> shape = Commits.templates();
        try (JsonStore store = JsonStore.open(directory)) {
            List<Replay> callers = Replay.callers(CALLERS, store, shape, 1);
            int each = scale.openAgents() / CALLERS;
            Load.all(CALLERS, caller -> {
                for (int i = 0; i < each; i++) {
                    callers.get(caller).run();
                }
                return each;
            });
            store.backup(crashed);
        }
    }

    /**
     * The newest snapshot and the journal after it. Whatever else the store chooses to read at opening costs it time and
     * is not counted for it.
     */
    private static List<Path> filesThatCount(Path directory) throws IOException {
        List<Path> snapshots = named(directory, "snapshot-", ".json");
        List<Path> journals = named(directory, "journal-", ".jsonl");
        long snapshot = snapshots.isEmpty() ? 0 : number(snapshots.get(snapshots.size() - 1));
        List<Path> read = new ArrayList<>();
        for (int i = 0; i < journals.size(); i++) {
            if (i == journals.size() - 1 || number(journals.get(i + 1)) > snapshot + 1) {
                read.add(journals.get(i));
            }
        }
        if (!snapshots.isEmpty()) {
            read.add(snapshots.get(snapshots.size() - 1));
        }
        return read;
    }

    private static List<Path> named(Path directory, String begin, String end) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(path -> path.getFileName().toString().startsWith(begin)
                            && path.getFileName().toString().endsWith(end))
                    .sorted()
                    .toList();
        }
    }

    private static long number(Path file) {
        return Long.parseLong(file.getFileName().toString().replaceAll("[^0-9]", ""));
    }

    private static long bytes(List<Path> files) {
        return files.stream().mapToLong(Opening::size).sum();
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Looks at every name and value once. */
    private static long parse(Path file) throws IOException {
        long seen = 0;
        try (InputStream in = Files.newInputStream(file);
                JsonParser parser = JSON.createParser(in)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                switch (token) {
                    case VALUE_STRING -> seen += parser.getText().length();
                    case VALUE_NUMBER_INT -> seen += parser.getLongValue();
                    default -> seen++;
                }
            }
        }
        return seen;
    }

    private static Path copy(Path from, Path to) throws IOException {
        FileAttribute<?> ownerOnly = PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
        try (Stream<Path> files = Files.walk(from)) {
            for (Path path : files.toList()) {
                Path same = to.resolve(from.relativize(path));
                if (Files.isDirectory(path)) {
                    Files.createDirectory(same, ownerOnly);
                } else if (!path.getFileName().toString().startsWith("LOCK")) {
                    Files.copy(path, same);
                }
            }
        }
        return to;
    }
}
