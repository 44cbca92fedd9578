package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What goes in comes out, after an opening from the journal and from a snapshot; what would not, does not go in. */
class RoundTripTest {
    /** Always writes a snapshot when it is closed. */
    private static final Limits SNAPSHOT = new Limits(4 << 20, 64L << 20, 8L << 20, 0, 3_600_000);

    private final MemoryIo disk = new MemoryIo();

    private void assertComesBack(Commit... commits) {
        Sample.Content before;
        try (JsonStore store = JsonStore.open(Sample.DIRECTORY, disk, SNAPSHOT)) {
            for (Commit commit : commits) {
                Sample.applied(store, commit);
            }
            before = Sample.content(store);
        }
        assertThat(before).isEqualTo(Sample.content(List.of(commits)));
        Map<Path, byte[]> files = disk.files();
        try (JsonStore store = Sample.open(disk)) {
            assertThat(Sample.content(store)).as("from a snapshot").isEqualTo(before);
        }
        var journal = MemoryIo.of(Journals.without(files, Journals.snapshot(files)));
        assertThat(Manifest.decode(new String(files.get(Journals.file(Manifest.NAME)), UTF_8))
                        .snapshot())
                .isPresent();
        try (JsonStore store = Sample.open(journal)) {
            assertThat(store.describe().openReport().olderSnapshot()).isTrue();
            assertThat(Sample.content(store)).as("from the journal").isEqualTo(before);
        }
        try (JsonStore store = Sample.open(disk.crash())) {
            assertThat(Sample.content(store)).as("after a crash").isEqualTo(before);
        }
    }

    @Test
    void hard_text_comes_back_character_for_character() {
        String hard = "\u0000\u0001\b\t\n\f\r\u001f \"\\/ \u007f\u0080\u0085\u00a0\u2028\u2029\ufeff\ufffd\uffff "
                + "\ud83e\udd16 e\u0301 \u05d0\u202e \ud834\udd1e</script>\\u0041 ,\"crc\":\"00000000\"}";
        String canonical = CanonicalJson.write(Json.object().put("text", hard).build());
        String loose = "{ \"a\" :\t1.50e+2 , \"b\":[ ] ,\"\\u0063\":\"\\u00e4\\/\" }";
        List<Mutation> puts = new ArrayList<>();
        int i = 0;
        for (String body : List.of(canonical, loose, "{}")) {
            puts.add(new Mutation.Put(new StoredRecord(
                    new RecordKey(TenantId.of("t:1"), RecordKey.AGENT, "\u00e4\ud83e\udd16\"\\ " + i++),
                    1,
                    Optional.of(Instant.parse("2026-04-11T12:00:00.000000001Z")),
                    body,
                    Map.of("owner\u2028\"", "a\"\\\ud83e\udd16", "plain", ""))));
        }
        assertComesBack(
                Sample.commit(
                        "request \"\\\u00e9\ud83e\udd16",
                        puts,
                        List.of(
                                new StoredEvent("stream \"\u2029", 0, canonical, Optional.of("si\"g")),
                                new StoredEvent("stream \"\u2029", 1, loose, Optional.empty()))),
                Sample.commit("empty", List.of(), List.of()));
    }

    @Test
    void strings_up_to_256_kilobytes_and_commits_of_many_records_come_back() {
        List<Mutation> many = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            many.add(new Mutation.Put(Sample.record("many-%04d".formatted(i), 1)));
        }
        assertComesBack(
                Sample.put(Sample.record(Sample.key("big"), 1, "{\"s\":\"" + "\u20ac".repeat(1 << 18) + "\"}")),
                Sample.commit("many", many, List.of(Sample.event("big", 0))),
                Sample.put(Sample.record(Sample.key("deep"), 1, "{\"a\":" + "[".repeat(50) + "]".repeat(50) + "}")));
    }

    @Test
    void what_would_not_come_back_is_not_taken() {
        try (JsonStore store = Sample.open(disk)) {
            Sample.applied(store, Sample.put("before", 1));
            for (String body : List.of(
                    "",
                    "null",
                    "[]",
                    "{",
                    "{}}",
                    "{}{}",
                    "{}\n",
                    "{\n}",
                    "{\"a\":1,\"a\":2}",
                    "{\"lone\":\"\ud83e\"}",
                    "{\"raw\":\"\u0001\"}",
                    "{\"deep\":" + "[".repeat(100) + "]".repeat(100) + "}",
                    "{},\"v\":7,\"body\":{}")) {
                assertThatThrownBy(() -> store.commit(Sample.put(Sample.record(Sample.key("a"), 1, body))))
                        .as("body %.40s", body)
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("r-a-1");
                assertThatThrownBy(() -> store.commit(Sample.commit(
                                "event", List.of(), List.of(new StoredEvent("a", 0, body, Optional.empty())))))
                        .as("event %.40s", body)
                        .isInstanceOf(IllegalArgumentException.class);
            }
            CommitResult large = store.commit(Sample.commit(
                    "large",
                    List.of(),
                    LongStream.range(0, 20)
                            .mapToObj(n -> new StoredEvent(
                                    "a", n, "{\"s\":\"" + "x".repeat(1 << 18) + "\"}", Optional.empty()))
                            .toList()));
            assertThat(((CommitResult.Rejected) large).reason()).isEqualTo(CommitResult.Reason.TOO_LARGE);
            Sample.applied(store, Sample.put("after", 1));
        }
        try (JsonStore store = Sample.open(disk)) {
            assertThat(Sample.content(store))
                    .isEqualTo(Sample.content(List.of(Sample.put("before", 1), Sample.put("after", 1))));
        }
    }

    @Test
    void a_record_that_was_purged_may_come_again() {
        assertComesBack(
                Sample.put("a", 1),
                Sample.commit("r-2", Sample.put("a", 2).mutations(), List.of()),
                Sample.purge("p-1", "a"),
                Sample.commit("again", Sample.put("a", 1).mutations(), List.of()),
                Sample.purge("p-2", "a"),
                Sample.commit("and again", Sample.put("a", 1).mutations(), List.of()));
    }

    /** Names of files have digits that everyone writes, whatever the language of the machine. */
    @Test
    void a_store_is_the_same_where_people_write_other_digits() {
        Locale before = Locale.getDefault();
        Locale.setDefault(new Locale("ar", "EG"));
        try {
            assertThat("%d".formatted(7)).isNotEqualTo("7");
            assertComesBack(Journals.commits(5).toArray(Commit[]::new));
        } finally {
            Locale.setDefault(before);
        }
        assertThat(disk.files().keySet())
                .allMatch(file -> file.toString().chars().allMatch(c -> c < 0x80));
        try (JsonStore store = Sample.open(disk)) {
            assertThat(Sample.content(store)).isEqualTo(Sample.content(Journals.commits(5)));
        }
    }

    @Test
    void heartbeats_of_a_large_fleet_with_long_names_come_back() {
        int agents = 6_000;
        List<Heartbeat> beats = new ArrayList<>();
        try (JsonStore store = Sample.open(disk)) {
            for (int from = 0; from < agents; from += 1_000) {
                List<Mutation> puts = new ArrayList<>();
                for (int i = from; i < from + 1_000; i++) {
                    RecordKey key =
                            new RecordKey(TenantId.of("t".repeat(64)), RecordKey.AGENT, "\u20ac".repeat(240) + i);
                    puts.add(new Mutation.Put(Sample.record(key, 1, "{}")));
                    beats.add(new Heartbeat(key, new Liveness(Sample.NOON, i + 1)));
                }
                Sample.applied(store, Sample.commit("from-" + from, puts, List.of()));
            }
            store.heartbeats(beats);
        }
        try (JsonStore store = Sample.open(disk)) {
            assertAlive(store, beats);
        }
    }

    private static void assertAlive(JsonStore store, Collection<Heartbeat> beats) {
        beats.forEach(beat -> assertThat(store.liveness(beat.agent())).contains(beat.liveness()));
    }
}
