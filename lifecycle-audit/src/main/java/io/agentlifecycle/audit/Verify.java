package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.error.AuditTamperedException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Verifies an exported log from the command line: {@code verify DIR --vkey FILE [--seen CHECKPOINT] [--part]}. It needs no store, and
 * trusts nothing in the folder: it says what is wrong and never fails otherwise.
 */
public final class Verify {
    private static final String USAGE = """
            usage: verify DIR --vkey FILE [--seen CHECKPOINT] [--part]
              DIR         an exported log
              FILE        the key of the log, from elsewhere than from DIR
              CHECKPOINT  a checkpoint of that log which you kept
              --part      a part of the log will do, such as the trail of one agent
            ends with 0 if all is well, 1 if not, 2 if it was not asked in this way""";

    private static final int MAX_LINE = 400;
    private static final int MAX_FILE = 32_768;
    private static final int MAX_HELPERS = 15;

    private Verify() {}

    /** Ends the process with 0, 1 or 2; see the usage that it prints without arguments. */
    public static void main(String[] args) {
        System.exit(run(args, new PrintStream(System.out, true, UTF_8)));
    }

    static int run(String[] args, PrintStream out) {
        List<String> given = new ArrayList<>(List.of(args));
        boolean part = given.remove("--part");
        boolean withSeen = given.size() == 6 && given.get(4).equals("--seen");
        boolean understood = (given.size() == 4 || withSeen)
                && given.get(0).equals("verify")
                && given.get(2).equals("--vkey");
        if (!understood) {
            out.println(USAGE);
            return 2;
        }
        try {
            VerifierKey key = VerifierKey.of(read(given.get(3)).strip());
            Optional<Checkpoint> seen = withSeen
                    ? Optional.of(LogBundle.checkpoint(given.get(5), read(given.get(5)), key))
                    : Optional.empty();
            print(verified(new LogBundle(Path.of(given.get(1)), key, seen, part)), seen, out);
            return 0;
        } catch (InvalidPathException e) {
            out.println(harmless(String.valueOf(e.getMessage())));
            return 2;
        } catch (AuditTamperedException e) {
            e.findings().forEach(finding -> out.println(harmless(finding)));
            return 1;
        } catch (IOException | IllegalArgumentException e) {
            out.println(harmless(e.toString()));
            return 1;
        }
    }

    /** Every processor helps, if there are not so many that they would wait for the one that follows the chains. */
    private static LogBundle.Verified verified(LogBundle bundle) throws IOException {
        int helpers = Math.min(MAX_HELPERS, Math.max(1, Runtime.getRuntime().availableProcessors() - 1));
        ExecutorService threads = Executors.newFixedThreadPool(helpers);
        try {
            return bundle.helpedBy(threads, helpers).verify();
        } finally {
            threads.shutdown();
        }
    }

    /** What stands in files of others, on one line and without what a terminal obeys. */
    private static String harmless(String text) {
        String line = text.replaceAll("\\p{C}|[\\u2028\\u2029]", "?");
        return line.length() <= MAX_LINE ? line : line.substring(0, MAX_LINE) + "...";
    }

    private static String read(String file) throws IOException {
        Path path = Path.of(file);
        if (Files.size(path) > MAX_FILE) {
            throw new IOException(file + " is longer than " + MAX_FILE + " bytes");
        }
        return Files.readString(path);
    }

    private static void print(LogBundle.Verified verified, Optional<Checkpoint> seen, PrintStream out) {
        Checkpoint checkpoint = verified.checkpoint();
        out.println("log " + checkpoint.origin());
        long events = verified.events().events().values().stream()
                .mapToLong(Long::longValue)
                .sum();
        out.printf(
                "%d events in %d streams%n", events, verified.events().heads().size());
        if (!verified.whole()) {
            out.printf(
                    "a part of the %d events of the log: each is proven to be in it; of others nothing is said%n",
                    checkpoint.size());
        }
        for (Map.Entry<Seal, Long> count : new TreeMap<>(verified.events().events()).entrySet()) {
            out.println(count.getValue() + " " + count.getKey().name().toLowerCase(Locale.ROOT));
        }
        out.println("root " + checkpoint.root());
        out.println(seen.map(before -> "it begins with the " + before.size() + " events of the remembered checkpoint")
                .orElse("compared with no remembered checkpoint: the holder of the key could have written it anew"));
    }
}
