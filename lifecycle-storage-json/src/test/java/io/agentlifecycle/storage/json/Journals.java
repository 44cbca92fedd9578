package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.StoredRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A store's files, made once, and what tests do to them. */
final class Journals {
    private Journals() {}

    /** {@code count} commits on a few agents, with events, a purge and hard text. */
    static List<Commit> commits(int count) {
        List<Commit> commits = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String id = "agent:" + i % 3;
            long version = i / 3 + 1;
            commits.add(Sample.put(id, version));
        }
        return commits;
    }

    /** The same with larger records. */
    static List<Commit> largerCommits(int count) {
        return commits(count).stream()
                .map(commit -> {
                    StoredRecord record = ((Mutation.Put) commit.mutations().get(0)).next();
                    String body = "{\"note\":\"" + "\u00e4 \u20ac ".repeat(60) + "\"}";
                    return Sample.commit(
                            commit.requestId().value(),
                            List.of(new Mutation.Put(Sample.record(record.key(), record.version(), body))),
                            commit.events());
                })
                .toList();
    }

    /** Few commits with long lines. */
    static List<Commit> longCommits(int count) {
        List<Commit> commits = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String body = "{\"note\":\"" + "\u00e4 \u20ac \ud83e\udd16 ".repeat(55) + "\",\"i\":" + i + "}";
            commits.add(Sample.put(Sample.record(Sample.key("agent:" + i % 2), i / 2 + 1, body)));
        }
        return commits;
    }

    /** The files of a store with these commits and some heartbeats, as a process leaves them that was killed. */
    static Map<Path, byte[]> killed(List<Commit> commits) {
        return files(commits, false, Sample.QUIET);
    }

    /** The same, closed in order. */
    static Map<Path, byte[]> closed(List<Commit> commits) {
        return files(commits, true, Sample.QUIET);
    }

    /** The same, closed in order and with a snapshot. */
    static Map<Path, byte[]> withSnapshot(List<Commit> commits) {
        return files(commits, true, new Limits(4 << 20, 64L << 20, 8L << 20, 0, 3_600_000));
    }

    private static Map<Path, byte[]> files(List<Commit> commits, boolean close, Limits limits) {
        var disk = new MemoryIo();
        JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, limits);
        for (int i = 0; i < commits.size(); i++) {
            Sample.applied(store, commits.get(i));
            if (i == commits.size() / 2) {
                store.heartbeats(List.of(Sample.beat("agent:0", i)));
            }
        }
        Map<Path, byte[]> killed = disk.kill().files();
        store.close();
        return close ? disk.files() : killed;
    }

    /** The file of that name. */
    static Path file(String name) {
        return Sample.DIRECTORY.resolve(name);
    }

    /** The newest segment. */
    static Path last(Map<Path, byte[]> files) {
        return files.keySet().stream()
                .filter(path -> path.getFileName().toString().startsWith("journal-"))
                .max(Path::compareTo)
                .orElseThrow();
    }

    /** The only snapshot. */
    static Path snapshot(Map<Path, byte[]> files) {
        return files.keySet().stream()
                .filter(path -> path.getFileName().toString().startsWith("snapshot-"))
                .findAny()
                .orElseThrow();
    }

    /** The same files, one of them with other content. */
    static Map<Path, byte[]> with(Map<Path, byte[]> files, Path file, byte[] bytes) {
        Map<Path, byte[]> changed = new HashMap<>(files);
        changed.put(file, bytes);
        return changed;
    }

    static Map<Path, byte[]> without(Map<Path, byte[]> files, Path file) {
        Map<Path, byte[]> changed = new HashMap<>(files);
        changed.remove(file);
        return changed;
    }

    /** Whether these are the very same files. */
    static boolean same(Map<Path, byte[]> one, Map<Path, byte[]> other) {
        return one.keySet().equals(other.keySet())
                && one.keySet().stream().allMatch(path -> Arrays.equals(one.get(path), other.get(path)));
    }

    /** Where each line begins, and where the last one ends. */
    static List<Integer> bounds(byte[] bytes) {
        List<Integer> bounds = new ArrayList<>(List.of(0));
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                bounds.add(i + 1);
            }
        }
        return bounds;
    }

    static List<String> lines(byte[] bytes) {
        return new String(bytes, UTF_8).lines().map(line -> line + "\n").toList();
    }

    static byte[] bytes(List<String> lines) {
        return String.join("", lines).getBytes(UTF_8);
    }

    static boolean isCommit(String line) {
        return line.contains("\"kind\":\"commit\"");
    }

    /** What the store shows after each of the commits: 0 for none, and so on. */
    static List<Sample.Content> prefixes(List<Commit> commits) {
        List<Sample.Content> prefixes = new ArrayList<>();
        for (int i = 0; i <= commits.size(); i++) {
            prefixes.add(Sample.content(commits.subList(0, i)));
        }
        return prefixes;
    }
}
