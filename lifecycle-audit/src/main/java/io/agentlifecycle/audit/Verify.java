package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.KeyIntroduction;
import io.agentlifecycle.core.audit.Seal;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.CharacterCodingException;
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
 * trusts nothing in the folder, or in the zip: it says what is wrong and never fails otherwise.
 */
public final class Verify {
    private static final String USAGE = """
            usage: verify DIR --vkey FILE [--seen CHECKPOINT] [--part]
              DIR         an exported log: a folder, or a zip
              FILE        the key of the log, from elsewhere than from DIR
              CHECKPOINT  a checkpoint of that log which you kept
              --part      a part of the log will do, such as a range, or the trail of one agent
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
            VerifierKey key = key(given.get(3));
            Optional<SignedNote> seen =
                    withSeen ? Optional.of(LogBundle.note(given.get(5), read(given.get(5)), key)) : Optional.empty();
            LogBundle.Verified verified = verified(new LogBundle(Path.of(given.get(1)), key, seen, part));
            print(verified, seen.map(note -> Checkpoint.read(note.text())), out);
            return 0;
        } catch (InvalidPathException e) {
            out.println(harmless(String.valueOf(e.getMessage())));
            return 2;
        } catch (AuditTamperedException e) {
            e.findings().forEach(finding -> out.println(harmless(finding)));
            return 1;
        } catch (IllegalArgumentException e) {
            out.println(harmless(String.valueOf(e.getMessage())));
            return 1;
        } catch (IOException e) {
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

    private static VerifierKey key(String file) throws IOException {
        String text = read(file);
        try {
            return VerifierKey.of(text.strip());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
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
        try {
            return Files.readString(path);
        } catch (CharacterCodingException e) {
            throw new IOException(file + " is not UTF-8", e);
        }
    }

    private static void print(LogBundle.Verified verified, Optional<Checkpoint> seen, PrintStream out) {
        Checkpoint checkpoint = verified.checkpoint();
        out.println("log " + checkpoint.origin());
        long events = verified.events().events().values().stream()
                .mapToLong(Long::longValue)
                .sum();
        out.printf(
                "%d events in %d streams%n", events, verified.events().heads().size());
        verified.part().ifPresent(part -> print(part, verified, out));
        for (Map.Entry<Seal, Long> count : new TreeMap<>(verified.events().events()).entrySet()) {
            out.println(count.getValue() + " " + count.getKey().name().toLowerCase(Locale.ROOT));
        }
        for (KeyIntroduction recovery : verified.events().recoveries()) {
            out.printf(
                    "recovered with key %s: of the events from number %d up to that, nobody can tell who wrote them%n",
                    recovery.key().keyId(), recovery.recovery().orElseThrow().size());
        }
        out.println("root " + checkpoint.root());
        out.println(seen.map(before -> "it begins with the " + before.size() + " events of the remembered checkpoint")
                .orElse("compared with no remembered checkpoint: the holder of the key could have written it anew"));
    }

    /** Says what of the log it is, from what was proven and not from what the export says of itself. */
    private static void print(LogBundle.Extent part, LogBundle.Verified verified, PrintStream out) {
        out.printf(
                "a part of the %d events of the log: each is proven to be in it; of others nothing is said%n",
                verified.checkpoint().size());
        if (part.chosen() == 0) {
            out.println("events of stream log only");
            return;
        }
        out.printf(
                "%s events %d to %d of the log, counted from 0%n",
                part.all() ? "all of" : "some of", part.first(), part.last());
        List<StreamHead> chosen = verified.events().heads().values().stream()
                .filter(head -> !head.next().stream().equals(StreamPosition.LOG))
                .toList();
        long pruned = verified.events().events().getOrDefault(Seal.PRUNED, 0L);
        if (pruned > 0) {
            out.printf(
                    "of %d of them only the hashes are there: whose they are, only the whole log can show%n", pruned);
        } else if (chosen.size() == 1) {
            StreamPosition end = chosen.get(0).next();
            out.printf(
                    "all of events %d to %d of stream %s%n",
                    end.n() - part.chosen(), end.n() - 1, harmless(end.stream()));
        }
    }
}
