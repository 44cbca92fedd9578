package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.storage.json.MemoryDisk.Loss;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The power is cut after each change that a run makes to the disk; what is left is one of the many things that a file
 * system may leave then.
 */
@Tag("once")
@Timeout(value = 90, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CrashTest {
    /** Segments and snapshots come about all the time. */
    private static final Limits BUSY = new Limits(4 << 20, 6_000, 20_000, 1_000, 3_600_000);

    private static final Actor OPERATOR = Actor.human("ann");

    private static CrashRun longRun() throws Exception {
        var run = new CrashRun(new MemoryIo(), BUSY, 20_260_411);
        for (int opening = 0; opening < 4; opening++) {
            try (JsonStore store = run.open()) {
                for (int round = 0; round < 6; round++) {
                    run.commit(store, 9);
                    run.burst(store, 5);
                    if (round == 2) {
                        store.checkpoint();
                        run.backup(store);
                    }
                }
            }
        }
        return run;
    }

    private static int cutEverywhere(int seeds) throws Exception {
        CrashRun run = longRun();
        assertThat(run.commits()).isGreaterThanOrEqualTo(300);
        assertThat(run.recording().count("create " + Sample.DIRECTORY.resolve("journal")))
                .isGreaterThan(10);
        assertThat(run.recording().count("replace " + Journals.file(Manifest.NAME)))
                .isGreaterThan(3);
        Aftermath aftermath = run.aftermath();
        aftermath.everywhere(run.recording(), seeds);
        return aftermath.images();
    }

    @Test
    void a_power_cut_after_each_change_loses_nothing_that_was_promised() throws Exception {
        assertThat(cutEverywhere(2)).isGreaterThan(4_000);
    }

    @Test
    @Tag("deep")
    void a_power_cut_after_each_change_loses_nothing_whatever_chance_leaves() throws Exception {
        assertThat(cutEverywhere(32)).isGreaterThan(50_000);
    }

    /** A process may end, and the power go, while the store is being opened after the last time. */
    private static int cutAgain(int stride) throws Exception {
        CrashRun run = longRun();
        Aftermath aftermath = run.aftermath();
        Recording recording = run.recording();
        int cuts = (recording.size() + stride) / stride;
        IntStream.range(0, cuts).parallel().forEach(cut -> {
            int place = cut * stride;
            Loss loss = Loss.values()[cut % Loss.values().length];
            recording.play(
                    place,
                    place + 1,
                    (disk, at) -> aftermath.again(
                            disk.after(loss, Aftermath.random(at, loss, 0)),
                            recording.promised(at),
                            Aftermath.describe(recording, at, loss, 0)));
        });
        return aftermath.images();
    }

    @Test
    void a_power_cut_after_each_change_of_an_opening_loses_nothing_either() throws Exception {
        assertThat(cutAgain(23)).isGreaterThan(1_000);
    }

    @Test
    @Tag("deep")
    void a_power_cut_after_each_change_of_each_opening_loses_nothing_either() throws Exception {
        assertThat(cutAgain(1)).isGreaterThan(20_000);
    }

    /** Short runs with large batches, each with segments and snapshots of other sizes. */
    private static int cutAtRandom(int least, int seeds) throws Exception {
        int images = 0;
        int lost = 0;
        for (long seed = 0; images < least; seed++) {
            var random = new Random(seed);
            int segment = 1_500 + random.nextInt(8_000);
            var limits = new Limits(4 << 20, segment, segment + random.nextInt(8_000), 1_000, 3_600_000);
            var run = new CrashRun(new MemoryIo(), limits, seed);
            for (int opening = random.nextInt(3); opening >= 0; opening--) {
                try (JsonStore store = run.open()) {
                    for (int round = random.nextInt(3); round >= 0; round--) {
                        run.commit(store, random.nextInt(4));
                        run.burst(store, 1 + random.nextInt(8));
                    }
                }
            }
            Aftermath aftermath = run.aftermath();
            aftermath.everywhere(run.recording(), seeds);
            images += aftermath.images();
            lost += aftermath.different();
        }
        // chance left something else each time
        assertThat(lost).isGreaterThan(images / 8);
        return images;
    }

    @Test
    void what_is_left_at_random_is_what_was_promised_and_maybe_more() throws Exception {
        assertThat(cutAtRandom(20_000, 12)).isGreaterThanOrEqualTo(20_000);
    }

    @Test
    @Tag("deep")
    void what_is_left_at_random_a_million_times_is_what_was_promised() throws Exception {
        assertThat(cutAtRandom(1_000_000, 32)).isGreaterThanOrEqualTo(1_000_000);
    }

    @Test
    void agents_and_their_trail_agree_after_each_power_cut() throws Exception {
        var run = new CrashRun(new MemoryIo(), BUSY, 1);
        var clock = MutableClock.at("2026-04-11T12:00:00Z");
        for (int opening = 0; opening < 2; opening++) {
            try (JsonStore store = run.open();
                    LifecycleManager manager = manager(store, clock)) {
                for (int i = 0; i < 5; i++) {
                    AgentId id = AgentId.of("agent:" + opening + i);
                    manager.requestProvisioning(ProvisioningRequest.builder("agent")
                            .id(id)
                            .owner("ann")
                            .requestedBy(OPERATOR)
                            .build());
                    manager.activate(id, OPERATOR);
                    manager.heartbeat(id);
                    clock.advance(Duration.ofSeconds(1));
                    manager.suspend(id, "a test", OPERATOR);
                    if (i % 2 == 0) {
                        manager.resume(id, OPERATOR);
                    } else {
                        manager.decommission(id, "a test", OPERATOR);
                    }
                }
            }
        }
        assertThat(run.commits()).isGreaterThan(40);

        Aftermath aftermath = run.aftermath(store -> {
            long agents = Sample.records(store).stream()
                    .filter(record -> record.key().kind().equals(RecordKey.AGENT))
                    .count();
            assertThat(manager(store, clock).verify().agents()).isEqualTo(agents);
        });
        aftermath.everywhere(run.recording(), 1);
        assertThat(aftermath.images()).isGreaterThan(500);
    }

    @Test
    void a_store_of_the_first_format_is_upgraded_whatever_a_power_cut_leaves() throws Exception {
        Map<Path, byte[]> files = new HashMap<>();
        GoldenTest.golden(1).forEach((name, text) -> files.put(Journals.file(name), text.getBytes(UTF_8)));
        var run = new CrashRun(MemoryIo.of(files), BUSY, 2);
        try (JsonStore store = run.open()) {
            run.commit(store, 10);
        }

        Aftermath aftermath = run.aftermath();
        aftermath.everywhere(run.recording(), 2);
        assertThat(aftermath.images()).isGreaterThan(200);
    }

    @Test
    void what_is_cut_off_is_in_quarantine_before_it_is_gone_from_the_journal() {
        Map<Path, byte[]> files = Journals.killed(Journals.commits(9));
        Path journal = Journals.last(files);
        byte[] whole = files.get(journal);
        int cut = whole.length - 17;
        var io = MemoryIo.of(Journals.with(files, journal, Arrays.copyOf(whole, cut)));
        Recording opening = io.record();
        Sample.open(io).close();
        int good = Journals.bounds(Arrays.copyOf(whole, cut)).stream()
                .max(Integer::compareTo)
                .orElseThrow();
        String tail = HexFormat.of().formatHex(whole, good, cut);

        opening.play(0, opening.size() + 1, (disk, place) -> {
            for (Loss loss : Loss.values()) {
                Map<Path, byte[]> left = disk.after(loss, Aftermath.random(place, loss, 0))
                        .after(Loss.ALL, new Random(0))
                        .files();
                List<String> kept = new ArrayList<>();
                left.forEach((path, bytes) -> {
                    if (path.equals(journal) && bytes.length == cut) {
                        kept.add(HexFormat.of().formatHex(bytes, good, cut));
                    } else if (path.getParent().endsWith("quarantine")) {
                        kept.add(HexFormat.of().formatHex(bytes));
                    }
                });
                assertThat(kept).as(Aftermath.describe(opening, place, loss, 0)).contains(tail);
            }
        });
    }

    private static LifecycleManager manager(JsonStore store, MutableClock clock) {
        return LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .logOrigin("example.org/crash")
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build();
    }
}
