package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** C11 pages. */
abstract class QueryContract extends LogContract {
    private static final TenantId ACME = TenantId.of("acme");
    private static final TenantId ZULU = TenantId.of("zulu");
    private static final RecordQuery AGENTS = RecordQuery.of(RecordKey.AGENT);

    @Test
    void c11_records_come_in_order_of_tenant_and_id_whatever_the_limit() throws Exception {
        LifecycleStore store = fresh();
        List<RecordKey> keys = new ArrayList<>();
        for (TenantId tenant : List.of(ZULU, TenantId.DEFAULT, ACME, TenantId.of("A"))) {
            for (String id : List.of("b", "a", "a:1", "a-1", "a.1", "aa", "B", "0", "10", "9", "a1", "_")) {
                keys.add(key(tenant, id));
                applied(store, draft().put(key(tenant, id), 1));
            }
        }
        keys.sort(null);

        for (int limit : new int[] {1, 2, 5, keys.size() - 1, keys.size(), keys.size() + 1, 1_000}) {
            assertThat(keys(Reads.all(store, AGENTS, limit)))
                    .as("pages of %d", limit)
                    .isEqualTo(keys);
        }
    }

    @Test
    void c11_a_page_begins_after_its_token_also_if_that_record_is_gone() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1).put(B, 1).put(C, 1));
        var afterB = new PageToken(TenantId.DEFAULT, "b");

        assertThat(keys(store.query(AGENTS, Optional.of(afterB), 10).items())).containsExactly(C);
        applied(store, draft().purge(B));
        assertThat(keys(store.query(AGENTS, Optional.of(afterB), 10).items())).containsExactly(C);
        assertThat(store.query(AGENTS, Optional.of(new PageToken(ZULU, "a")), 10)
                        .items())
                .isEmpty();
        assertThat(keys(store.query(AGENTS, Optional.of(new PageToken(ACME, "z")), 1)
                        .items()))
                .containsExactly(A);
    }

    @Test
    void c11_a_query_of_one_tenant_shows_no_other() throws Exception {
        LifecycleStore store = fresh();
        for (TenantId tenant : List.of(ACME, TenantId.of("acme2"), TenantId.of("acm"), ZULU)) {
            applied(store, draft().put(owned(key(tenant, "a"), 1, "ann")).put(owned(key(tenant, "b"), 1, "bob")));
        }
        var acme = new RecordQuery(RecordKey.AGENT, Optional.of(ACME), Map.of());
        var acmeOfBob = new RecordQuery(RecordKey.AGENT, Optional.of(ACME), Map.of("owner", Set.of("bob")));

        for (int limit = 1; limit <= 3; limit++) {
            assertThat(keys(Reads.all(store, acme, limit))).containsExactly(key(ACME, "a"), key(ACME, "b"));
            assertThat(keys(Reads.all(store, acmeOfBob, limit))).containsExactly(key(ACME, "b"));
        }
        assertThat(Reads.all(store, new RecordQuery(RecordKey.AGENT, Optional.of(TenantId.of("b")), Map.of()), 5))
                .isEmpty();
    }

    @Test
    void c11_a_query_of_one_kind_shows_no_other() throws Exception {
        LifecycleStore store = fresh();
        RecordKey buried = new RecordKey(ACME, RecordKey.TOMBSTONE, "a");
        applied(store, draft().put(owned(A, 1, "ann")).put(Draft.indexed(buried, 1, Map.of("owner", "ann"))));

        assertThat(keys(Reads.all(store, owned("ann"), 10))).containsExactly(A);
        assertThat(keys(Reads.all(store, RecordQuery.of(RecordKey.TOMBSTONE), 10)))
                .containsExactly(buried);
        assertThat(Reads.all(store, RecordQuery.of(RecordKey.STREAM), 10)).isEmpty();
    }

    @Test
    void c11_a_record_matches_if_it_has_one_of_the_values_under_every_name() throws Exception {
        LifecycleStore store = fresh();
        List<StoredRecord> records = new ArrayList<>();
        for (String owner : List.of("ann", "bob", "cleo")) {
            for (String state : List.of("active", "held", "gone")) {
                records.add(Draft.indexed(key(state + "-" + owner), 1, Map.of("owner", owner, "state", state)));
            }
        }
        records.add(Draft.indexed(key("owner-only"), 1, Map.of("owner", "ann")));
        records.add(Draft.record(key("nothing"), 1));
        for (StoredRecord record : records) {
            applied(store, draft().put(record));
        }

        List<Map<String, Set<String>>> conditions = List.of(
                Map.of("owner", Set.of("ann")),
                Map.of("owner", Set.of("ann", "cleo")),
                Map.of("owner", Set.of("ann", "bob", "cleo", "nobody")),
                Map.of("owner", Set.of("ann", "bob"), "state", Set.of("active")),
                Map.of("owner", Set.of("ann", "bob"), "state", Set.of("held", "gone")),
                Map.of("owner", Set.of("nobody")),
                Map.of("state", Set.of("ann")),
                Map.of("colour", Set.of("ann")));
        for (Map<String, Set<String>> condition : conditions) {
            var query = new RecordQuery(RecordKey.AGENT, Optional.empty(), condition);
            List<RecordKey> expected = keys(
                            records.stream().filter(query::matches).toList())
                    .stream()
                    .sorted()
                    .toList();
            for (int limit = 1; limit <= 4; limit++) {
                assertThat(keys(Reads.all(store, query, limit)))
                        .as("%s in pages of %d", condition, limit)
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void c11_a_changed_record_is_found_under_its_new_values_only() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(owned(A, 1, "ann")));

        applied(store, draft().put(owned(A, 2, "bob")));
        assertThat(Reads.all(store, owned("ann"), 10)).isEmpty();
        assertThat(Reads.all(store, owned("bob"), 10)).containsExactly(owned(A, 2, "bob"));

        applied(store, draft().put(A, 3));
        assertThat(Reads.all(store, owned("bob"), 10)).isEmpty();
    }

    @Test
    void c11_what_matches_all_the_while_is_in_exactly_one_page_while_others_come_and_go() throws Exception {
        var query = new RecordQuery(RecordKey.AGENT, Optional.empty(), Map.of("owner", Set.of("ann", "bob")));
        for (int seed = 0; seed < 3; seed++) {
            LifecycleStore store = fresh();
            var churn = new Churn(store, seed);
            List<RecordKey> staying = churn.begin();

            for (RecordQuery asked : List.of(AGENTS, query)) {
                for (int limit = 1; limit <= 3; limit++) {
                    List<RecordKey> found = keys(Reads.all(store, asked, limit, churn::step));

                    assertThat(found).as("seed %d, %s", seed, asked).isSorted().doesNotHaveDuplicates();
                    assertThat(found).as("seed %d, %s", seed, asked).containsAll(staying);
                }
            }
        }
    }

    /** Twelve records that change only between values that match, among others that come and go. */
    private final class Churn {
        private static final int PLACES = 36;

        private final LifecycleStore store;
        private final Random random;
        private final Map<RecordKey, Long> versions = new TreeMap<>();

        Churn(LifecycleStore store, int seed) {
            this.store = store;
            this.random = new Random(seed);
        }

        List<RecordKey> begin() {
            List<RecordKey> staying = new ArrayList<>();
            for (int place = 0; place < PLACES; place++) {
                put(place);
                if (stays(place)) {
                    staying.add(keyOf(place));
                }
            }
            return staying;
        }

        void step() {
            for (int changes = 0; changes < 4; changes++) {
                int place = random.nextInt(PLACES);
                if (!stays(place) && versions.containsKey(keyOf(place)) && random.nextBoolean()) {
                    applied(
                            store,
                            draft().check(keyOf(place), versions.remove(keyOf(place)))
                                    .purge(keyOf(place)));
                } else {
                    put(place);
                }
            }
        }

        private void put(int place) {
            String owner = List.of("ann", "bob", "cleo", "dora").get(random.nextInt(stays(place) ? 2 : 4));
            long version = versions.merge(keyOf(place), 1L, Long::sum);
            applied(store, draft().put(owned(keyOf(place), version, owner)));
        }

        private boolean stays(int place) {
            return place % 3 == 1;
        }

        private RecordKey keyOf(int place) {
            return key(place % 2 == 0 ? ACME : ZULU, "agent:%02d".formatted(place));
        }
    }

    static StoredRecord owned(RecordKey key, long version, String owner) {
        return Draft.indexed(key, version, Map.of("owner", owner));
    }

    static List<RecordKey> keys(List<StoredRecord> records) {
        return records.stream().map(StoredRecord::key).toList();
    }
}
