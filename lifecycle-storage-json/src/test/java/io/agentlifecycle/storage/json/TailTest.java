package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.OpenReport;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A journal that ends too early is cut back to its last whole line, and nothing else happens. */
class TailTest {
    private static final List<Commit> COMMITS = Journals.largerCommits(45);

    @Test
    @Tag("once")
    void a_journal_of_a_killed_process_may_end_at_every_byte() {
        cutEverywhere(Journals.killed(COMMITS));
    }

    @Test
    @Tag("once")
    void a_journal_that_was_closed_may_end_at_every_byte() {
        cutEverywhere(Journals.closed(COMMITS));
    }

    private static void cutEverywhere(Map<Path, byte[]> files) {
        List<Sample.Content> prefixes = Journals.prefixes(COMMITS);
        Path file = Journals.last(files);
        byte[] whole = files.get(file);
        List<Integer> bounds = Journals.bounds(whole);
        List<String> lines = Journals.lines(whole);
        assertThat(lines.stream().filter(Journals::isCommit)).hasSameSizeAs(COMMITS);
        assertThat(whole.length).isGreaterThan(30_000);

        IntStream.rangeClosed(0, whole.length).parallel().forEach(length -> {
            int good = (int) bounds.stream().filter(bound -> bound <= length).count() - 1;
            byte[] tail = Arrays.copyOfRange(whole, bounds.get(good), length);
            var disk = MemoryIo.of(Journals.with(files, file, Arrays.copyOf(whole, length)));
            long commits =
                    lines.subList(0, good).stream().filter(Journals::isCommit).count();

            try (JsonStore store = Sample.open(disk)) {
                assertThat(Sample.content(store)).as("cut at byte %d", length).isEqualTo(prefixes.get((int) commits));
                assertThat(store.describe().openReport())
                        .isEqualTo(
                                tail.length == 0
                                        ? OpenReport.CLEAN
                                        : OpenReport.CLEAN.withCut(
                                                tail.length, Digests.base64Url(Digests.sha256(tail))));
                Sample.applied(store, Sample.put("after", 1));
            }
            assertThat(disk.files().entrySet().stream()
                            .filter(entry -> entry.getKey().getParent().endsWith("quarantine"))
                            .map(entry -> HexFormat.of().formatHex(entry.getValue()))
                            .toList())
                    .as("what was cut at byte %d", length)
                    .isEqualTo(
                            tail.length == 0
                                    ? List.of()
                                    : List.of(HexFormat.of().formatHex(tail)));
            if (length % 8 != 0) {
                return;
            }
            try (JsonStore again = Sample.open(disk)) {
                assertThat(again.get(Sample.key("after"))).isPresent();
                assertThat(again.describe().openReport()).isEqualTo(OpenReport.CLEAN);
            }
        });
    }

    @Test
    void a_recovery_that_is_cut_short_anywhere_goes_on_at_the_next_opening() {
        Map<Path, byte[]> files = Journals.killed(COMMITS);
        Path file = Journals.last(files);
        byte[] whole = files.get(file);
        Map<Path, byte[]> torn = Journals.with(files, file, Arrays.copyOf(whole, whole.length - 5));
        Sample.Content expected = Sample.content(COMMITS.subList(0, COMMITS.size() - 1));
        int operations = operationsOfAnOpening(torn);
        assertThat(operations).isGreaterThan(10);

        for (int i = 0; i < operations; i++) {
            int at = i;
            var disk = MemoryIo.of(torn);
            var io = new DisturbedIo(disk).fail(op -> op.changes() && op.number() >= at);
            assertThat(catchThrowable(() -> Sample.open(io)))
                    .as("operation %d fails", at)
                    .isInstanceOf(StoreException.class);

            for (MemoryIo left : List.of(disk.kill(), disk.crash())) {
                try (JsonStore store = Sample.open(left)) {
                    assertThat(Sample.content(store))
                            .as("after operation %d", at)
                            .isEqualTo(expected);
                }
            }
        }
    }

    private static int operationsOfAnOpening(Map<Path, byte[]> files) {
        var io = new DisturbedIo(MemoryIo.of(files));
        JsonStore store = Sample.open(io);
        int operations = io.changes();
        store.close();
        return operations;
    }
}
