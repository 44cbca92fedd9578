package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;

/**
 * Looks after the files of a store that is not open: checks them, and repairs what can be repaired. It can be run, too:
 *
 * <pre>
 * java -cp ... io.agentlifecycle.storage.json.StoreFiles check DIRECTORY
 * java -cp ... io.agentlifecycle.storage.json.StoreFiles reindex DIRECTORY
 * java -cp ... io.agentlifecycle.storage.json.StoreFiles repair DIRECTORY KEEP_UP_TO REASON ACTOR
 * </pre>
 *
 * It ends with 0 if the store is sound now, with 1 if it is not, and with 2 if it was called otherwise. All methods are safe
 * for use by many threads.
 */
public final class StoreFiles {
    private static final String USAGE = """
            usage: check DIRECTORY
                   reindex DIRECTORY
                   repair DIRECTORY KEEP_UP_TO REASON ACTOR""";

    private StoreFiles() {}

    /**
     * Looks at every byte of the store in {@code directory}, and changes nothing.
     *
     * @throws StoreException if it cannot be read
     * @throws io.agentlifecycle.core.error.StoreLockedException if it is open
     */
    public static StoreCheck check(Path directory) {
        return check(directory, new FileIo());
    }

    static StoreCheck check(Path given, StorageIo io) {
        return locked(given, io, directory -> Inspection.of(io, directory));
    }

    /**
     * Makes damaged indexes of sound audit segments anew. Nothing else is changed.
     *
     * @return how many
     * @throws StoreException if it cannot be done
     * @throws io.agentlifecycle.core.error.StoreLockedException if it is open
     */
    public static int reindex(Path directory) {
        return reindex(directory, new FileIo());
    }

    static int reindex(Path given, StorageIo io) {
        return locked(given, io, directory -> Repair.reindex(io, directory));
    }

    /**
     * Takes everything after line {@code keepUpTo} out of a store, because it is damaged. What is taken out is copied to the
     * folder {@code quarantine} first; when the store is opened next, its log says {@code log.repaired}. Acknowledged changes
     * are lost by this: restore a backup instead, if it has more.
     *
     * @param keepUpTo the number of a line, as {@link StoreCheck#lastLine} and the messages of damage name them
     * @param reason why, at most 1,000 characters; it is written into the log
     * @param actor who does it, at most 256 characters; it is written into the log
     * @return how many bytes were taken out of the journal
     * @throws StoreException if not everything up to that line is sound, or it goes back further than the older snapshot;
     *     nothing was changed then
     * @throws io.agentlifecycle.core.error.StoreLockedException if it is open
     */
    public static long repair(Path directory, long keepUpTo, String reason, String actor) {
        return repair(directory, keepUpTo, reason, actor, new FileIo());
    }

    static long repair(Path given, long keepUpTo, String reason, String actor, StorageIo io) {
        Text.line("reason", requireNonNull(reason, "reason"), 1_000);
        Text.line("actor", requireNonNull(actor, "actor"), 256);
        return locked(given, io, directory -> Repair.cut(io, directory, keepUpTo, reason, actor));
    }

    private interface Work<T> {
        T on(Path directory) throws IOException;
    }

    private static <T> T locked(Path given, StorageIo io, Work<T> work) {
        Path absolute = JsonStore.absolute(given);
        try {
            if (!io.exists(absolute.resolve(Manifest.NAME))) {
                throw new StoreException(absolute + " is no store: it has no " + Manifest.NAME, null);
            }
            Path directory = Premises.check(io, absolute);
            try (StorageIo.Held lock = io.lock(directory)) {
                lock.ensureHeld();
                return work.on(directory);
            }
        } catch (IOException e) {
            throw new StoreException("%s cannot be read: %s".formatted(absolute, e), e);
        }
    }

    /** Does what the first argument says, prints what it finds, and ends the process. */
    public static void main(String[] args) {
        System.exit(run(args, new PrintStream(System.out, true, StandardCharsets.UTF_8)));
    }

    static int run(String[] args, PrintStream out) {
        try {
            switch (List.of(args).isEmpty() ? "" : args[0] + " " + args.length) {
                case "check 2" -> {}
                case "reindex 2" -> out.println(reindex(Path.of(args[1])) + " indexes were made anew");
                case "repair 5" ->
                    out.println(repair(Path.of(args[1]), Long.parseLong(args[2]), args[3], args[4])
                            + " bytes were taken out and are in the quarantine");
                default -> {
                    out.println(USAGE);
                    return 2;
                }
            }
            return print(check(Path.of(args[1])), out);
        } catch (NumberFormatException | InvalidPathException e) {
            out.println(e.getMessage());
            out.println(USAGE);
            return 2;
        } catch (StoreException | IllegalArgumentException e) {
            out.println(e.getMessage());
            return 1;
        }
    }

    private static int print(StoreCheck check, PrintStream out) {
        for (StoreCheck.Finding finding : check.findings()) {
            out.println((finding.isHarmless() ? "note: " : "damage: ") + finding.what());
        }
        out.printf(
                "store %s, up to line %d: %d records, %d events: %s%n",
                check.storeId(),
                check.lastLine(),
                check.records(),
                check.events(),
                check.isSound() ? "sound" : "damaged");
        return check.isSound() ? 0 : 1;
    }
}
