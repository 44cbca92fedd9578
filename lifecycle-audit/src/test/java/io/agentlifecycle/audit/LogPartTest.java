package io.agentlifecycle.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.audit.StreamHead;
import io.agentlifecycle.core.audit.StreamPosition;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A range of a log in the hands of somebody else; what holds for trails, too, is in {@link LogBundleTest}. */
class LogPartTest {
    private static final Instant BEGIN = Instant.parse("2026-04-11T04:31:00Z");

    /** How many events an export asks for, and nobody else. */
    private static final int EXPORT_PAGE = 1_000;

    @TempDir
    private Path folder;

    private static List<String> lines(Path exported) throws IOException {
        return Files.readAllLines(exported.resolve("events.jsonl"));
    }

    private Path range(KeptLog kept, long from, long to) {
        Path exported = folder.resolve("range-%d-%d".formatted(from, to));
        kept.tree.exportRange(from, to, exported);
        return exported;
    }

    /** Every part has stream log, of which the log has only this one. */
    private static List<String> withGenesis(List<String> all, int from, int to) {
        List<String> lines = new ArrayList<>(all.subList(0, from == 0 ? 0 : 1));
        lines.addAll(all.subList(from, to));
        return lines;
    }

    @Test
    void a_range_is_its_events_with_a_proof_each_wherever_it_begins_and_ends() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        List<String> all = kept.log.lines();
        Set<Path> checked = new HashSet<>();
        for (int i = 0; i < 30; i++) {
            for (int[] ends : new int[][] {{0, i + 1}, {i, i + 1}, {i, 30}}) {
                Path exported = folder.resolve("range-%d-%d".formatted(ends[0], ends[1]));
                if (checked.add(exported)) {
                    range(kept, ends[0], ends[1]);
                    LogBundle.Verified verified = kept.verify(exported);

                    List<String> expected = withGenesis(all, ends[0], ends[1]);
                    assertThat(lines(exported)).isEqualTo(expected);
                    long chosen = expected.size() - 1;
                    assertThat(verified.part())
                            .contains(new LogBundle.Extent(ends[0] <= 1 ? 0 : ends[0], ends[1] - 1, true, chosen));
                    assertThat(verified.checkpoint().size()).isEqualTo(30);
                    assertThat(Files.readString(exported.resolve("manifest.json")))
                            .isEqualTo(("{\"events\":%d,\"format\":1,\"from\":%d,\"kind\":\"range\",\"log\":\"%s\","
                                            + "\"root\":\"%s\",\"size\":30,\"to\":%d}\n")
                                    .formatted(
                                            expected.size(),
                                            ends[0],
                                            KeptLog.ORIGIN,
                                            verified.checkpoint().root(),
                                            ends[1]));
                }
            }
        }
        assertThat(checked).hasSize(87);
    }

    /** Longer than a page of events, and with leaves in several tiles. */
    @Test
    void a_long_range_verifies_too() throws IOException {
        KeptLog kept = new KeptLog(folder);
        for (int i = 0; i < 1_050; i++) {
            kept.log.manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                    .owner("alice@company.com")
                    .build());
        }
        LogBundle.Verified verified = kept.verify(range(kept, 20, 1_040));

        assertThat(verified.part()).contains(new LogBundle.Extent(20, 1_039, true, 1_020));
        assertThat(verified.events().heads()).hasSize(1_021);
    }

    @Test
    void a_period_has_what_happened_at_its_begin_and_not_what_happened_at_its_end() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        Instant later = BEGIN.plus(Duration.ofMinutes(1));
        List<String> all = kept.log.lines();
        int before = (int) all.stream()
                .filter(line -> line.contains("\"ts\":\"" + BEGIN + "\""))
                .count();
        assertThat(before).isBetween(5, 25);

        kept.tree.exportRange(BEGIN, later, folder.resolve("first"));
        assertThat(lines(folder.resolve("first"))).isEqualTo(withGenesis(all, 0, before));
        assertThat(kept.verify(folder.resolve("first")).part())
                .contains(new LogBundle.Extent(0, before - 1, true, before - 1));
        assertThat(Files.readString(folder.resolve("first/manifest.json")))
                .startsWith(
                        "{\"events\":" + before + ",\"format\":1,\"from\":\"2026-04-11T04:31:00Z\",\"kind\":\"period\"")
                .endsWith("\"to\":\"2026-04-11T04:32:00Z\"}\n");

        kept.tree.exportRange(BEGIN.plusNanos(1), later.plusNanos(1), folder.resolve("second"));
        assertThat(lines(folder.resolve("second"))).isEqualTo(withGenesis(all, before, 30));
        assertThat(kept.verify(folder.resolve("second")).part())
                .contains(new LogBundle.Extent(before, 29, true, 30 - before));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> kept.tree.exportRange(BEGIN.plusNanos(1), later, folder.resolve("none")))
                .withMessage("the log has no events from 2026-04-11T04:31:00.000000001Z until 2026-04-11T04:32:00Z");
        assertThat(folder.resolve("none")).doesNotExist();
    }

    @Test
    void an_impossible_range_is_refused_and_one_that_the_log_does_not_have_is_not_cut() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        for (long[] ends : new long[][] {{-1, 5}, {5, 5}, {6, 5}}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> range(kept, ends[0], ends[1]))
                    .withMessageContaining("but was %d and %d".formatted(ends[0], ends[1]));
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> range(kept, 20, 31))
                .withMessage("the log has 30 events, so it has no events 20 to 30");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kept.tree.exportRange(BEGIN, BEGIN, folder.resolve("range")))
                .withMessageContaining("a period ends after it begins");
        assertThat(kept.leftovers()).isEmpty();
    }

    // ---- what the verifier says

    @Test
    void the_summary_is_of_what_was_verified_whatever_the_manifest_says() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        Path exported = range(kept, 10, 20);
        Files.writeString(exported.resolve("manifest.json"), "{\"events\":30,\"kind\":\"log\"}\n");
        assertThat(kept.verifyPart(exported))
                .contains(
                        "11 events in ",
                        "a part of the 30 events of the log: each is proven to be in it",
                        "all of events 10 to 19 of the log");

        Path trail = folder.resolve("trail");
        kept.tree.exportTrail(KeptLog.A, trail);
        int last = lines(trail).size() - 2;
        assertThat(kept.verifyPart(trail))
                .contains(
                        "some of events 0 to 29 of the log",
                        "all of events 0 to %d of stream a/default/a".formatted(last));
        assertThat(Files.readString(trail.resolve("manifest.json")))
                .startsWith("{\"events\":" + (last + 2) + ",\"format\":1,\"kind\":\"trail\",")
                .contains("\"stream\":\"a/default/a\"");
        drop(trail, 1);
        assertThat(kept.verifyPart(trail)).contains("all of events 1 to %d of stream a/default/a".formatted(last));
    }

    /** Takes a line out, and its proof. */
    private static void drop(Path exported, int dropped) throws IOException {
        List<String> lines = new ArrayList<>(lines(exported));
        for (int line = dropped + 1; line < lines.size(); line++) {
            Files.move(
                    exported.resolve(LogProof.fileOf(line + 1)),
                    exported.resolve(LogProof.fileOf(line)),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        if (dropped == lines.size() - 1) {
            Files.delete(exported.resolve(LogProof.fileOf(lines.size())));
        }
        lines.remove(dropped);
        Files.writeString(exported.resolve("events.jsonl"), String.join("\n", lines) + "\n");
    }

    /** The first and the last event of a stream that a range has can be missing; then it says that it has fewer. */
    @Test
    void a_gap_inside_the_events_of_a_stream_is_refused() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        List<SealedEvent> events = kept.log.events().subList(4, 28);
        int gaps = 0;
        for (int i = 0; i < events.size(); i++) {
            Path exported = range(kept, 4, 28);
            drop(exported, i + 1);
            if (isWithin(events, i)) {
                gaps++;
                assertThatThrownBy(() -> kept.verify(exported))
                        .isInstanceOf(AuditTamperedException.class)
                        .hasMessageContaining("it does not follow event");
            } else {
                LogBundle.Extent extent = kept.verify(exported).part().orElseThrow();
                assertThat(extent.chosen()).isEqualTo(23);
                assertThat(extent.all()).isEqualTo(i == 0 || i == 23);
            }
            Files.move(exported, folder.resolve("without-" + i));
        }
        assertThat(gaps).isBetween(15, 22);
    }

    private static boolean isWithin(List<SealedEvent> events, int i) {
        String stream = events.get(i).event().position().stream();
        return has(events.subList(0, i), stream) && has(events.subList(i + 1, events.size()), stream);
    }

    private static boolean has(List<SealedEvent> events, String stream) {
        return events.stream()
                .anyMatch(event -> event.event().position().stream().equals(stream));
    }

    /** Somebody who can write to the store, but has not the key, gets it into the tree and asks for a part of that. */
    @Test
    void a_second_beginning_of_the_log_that_says_it_is_unsigned_is_refused() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        Path exported = range(kept, 0, 1);
        SealedEvent genesis = kept.log.events().get(0);
        Json.Obj details = Json.object()
                .put("format", 1)
                .put("key", "unsigned")
                .put("schedule", genesis.leafHash())
                .put("store", "s")
                .build();
        SealedEvent forged = SealedEvent.write(new AuditEvent(
                KeptLog.ORIGIN,
                new UUID(0x7000, 1L << 63),
                BEGIN,
                Optional.empty(),
                StreamHead.of(StreamPosition.LOG).next(),
                EventContent.of(EventKind.LOG_GENESIS, Actor.SYSTEM, details)));
        for (boolean first : new boolean[] {true, false}) {
            Hash leaf = Hash.ofLeaf(forged.leafHash());
            Hash other = Hash.ofLeaf(genesis.leafHash());
            Hash root = first ? Hash.node(leaf, other) : Hash.node(other, leaf);
            String note = kept.signer
                    .sign(new Checkpoint(KeptLog.ORIGIN, 2, root.toString()).text())
                    .toString();
            Files.writeString(exported.resolve("checkpoint"), note);
            Files.writeString(exported.resolve("events.jsonl"), EventLine.write(forged) + "\n");
            Files.writeString(
                    exported.resolve("0001.tlog-proof"), new LogProof(first ? 0 : 1, List.of(other), note).toString());
            assertThatThrownBy(() -> kept.verify(exported))
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining(
                            first
                                    ? "the log has no key, but "
                                    : "0001.tlog-proof: it is not the proof of log.genesis as event 0");
        }
    }

    // ---- a log that got its key later

    @Test
    void events_from_before_the_log_had_a_key_are_in_parts_of_it_too() throws IOException {
        LifecycleStore store = LifecycleStore.inMemory();
        LifecycleManager unsigned = LifecycleManager.builder()
                .store(store)
                .logOrigin(KeptLog.ORIGIN)
                .build();
        ProvisioningRequest request = ProvisioningRequest.builder("Agent")
                .id(AgentId.of("a"))
                .owner("alice@company.com")
                .build();
        unsigned.requestProvisioning(request);
        JdkKeys keys = JdkKeys.fresh();
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        LifecycleManager signed = LifecycleManager.builder()
                .store(store)
                .sealer(Ed25519AuditSealer.create(keys))
                .signFromHere()
                .checkpoints(tree)
                .build();
        signed.approve(AgentId.of("a"), SignedLog.ADMIN);
        var key = new VerifierKey(
                KeptLog.ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));

        for (int[] ends : new int[][] {{0, 1}, {0, 4}, {1, 2}, {1, 4}, {2, 4}, {3, 4}}) {
            Path exported = folder.resolve("range-%d-%d".formatted(ends[0], ends[1]));
            tree.exportRange(ends[0], ends[1], exported);
            new LogBundle(exported, key, Optional.empty(), true).verify();
        }
        tree.exportTrail(KeptLog.A, folder.resolve("trail"));
        new LogBundle(folder.resolve("trail"), key, Optional.empty(), true).verify();
        tree.export(folder.resolve("whole"));
        new LogBundle(folder.resolve("whole"), key, Optional.empty(), false).verify();
    }

    // ---- while it is written

    private interface Export {
        void to(MerkleLog tree, Path target);
    }

    private static final List<Export> ALL = List.of(
            MerkleLog::export,
            (tree, target) -> tree.exportTrail(KeptLog.A, target),
            (tree, target) -> tree.exportRange(1, 29, target),
            (tree, target) -> tree.exportRange(BEGIN, BEGIN.plusSeconds(3_600), target));

    @Test
    void an_export_that_fails_leaves_nothing() throws IOException {
        var pages = new AtomicInteger(Integer.MAX_VALUE);
        KeptLog kept = new KeptLog(folder, events -> (cursor, limit) -> {
            if (limit != EXPORT_PAGE) {
                return events.after(cursor, limit);
            }
            if (pages.getAndDecrement() == 0) {
                throw new UncheckedIOException(new IOException("the disk of the store is gone"));
            }
            return events.after(cursor, 3);
        });
        kept.thirty();
        for (Export export : ALL) {
            for (String name : List.of("export", "export.zip")) {
                pages.set(5);
                assertThatThrownBy(() -> export.to(kept.tree, folder.resolve(name)))
                        .isInstanceOf(UncheckedIOException.class)
                        .hasMessageContaining("the disk of the store is gone");
                assertThat(kept.leftovers()).isEmpty();
            }
        }
        pages.set(Integer.MAX_VALUE);
        for (Export export : ALL) {
            Path target = folder.resolve("export" + ALL.indexOf(export));
            export.to(kept.tree, target);
            kept.verify(target);
        }
    }

    @Test
    void a_store_with_fewer_events_than_the_tree_is_not_exported_as_if_it_had_all() throws IOException {
        var most = new AtomicInteger(Integer.MAX_VALUE);
        KeptLog kept = new KeptLog(folder, events -> (cursor, limit) -> {
            EventPage page = events.after(cursor, limit);
            int shown = Math.min(page.events().size(), most.get());
            return new EventPage(page.events().subList(0, shown), page.cursor());
        });
        kept.thirty();
        kept.tree.follow(kept.log.clock.instant());
        most.set(20);
        for (Export export : ALL) {
            assertThatThrownBy(() -> export.to(kept.tree, folder.resolve("export.zip")))
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("the store has 20 events, and the checkpoint says that there are 30");
        }
        assertThat(kept.leftovers()).isEmpty();
    }

    @Test
    void nobody_waits_for_an_export() throws IOException {
        var meanwhile = new ArrayList<Runnable>();
        KeptLog kept = new KeptLog(folder, events -> (cursor, limit) -> {
            EventPage page = events.after(cursor, limit);
            if (limit == EXPORT_PAGE && !meanwhile.isEmpty()) {
                meanwhile.remove(0).run();
            }
            return page;
        });
        kept.thirty();
        for (Export export : ALL) {
            meanwhile.add(() -> assertThat(CompletableFuture.supplyAsync(() -> {
                        kept.log.active("while" + kept.log.events().size());
                        kept.tree.follow(kept.log.clock.instant());
                        return kept.tree.checkpoint().isPresent();
                    }))
                    .succeedsWithin(30, TimeUnit.SECONDS)
                    .isEqualTo(true));
            Path target = folder.resolve("export" + ALL.indexOf(export) + ".zip");
            export.to(kept.tree, target);
            assertThat(meanwhile).isEmpty();
            kept.verify(target);
        }
    }
}
