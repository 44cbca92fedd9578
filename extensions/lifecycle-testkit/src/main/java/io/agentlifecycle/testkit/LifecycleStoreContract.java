package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredRecord;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/**
 * The contract of {@link LifecycleStore}. A store is right if a subclass that opens it has no failing test. The name of a
 * test begins with the number of the point that it checks, so {@code -Dtest=MyStoreTest#c7_*} runs one point.
 *
 * <pre>{@code
 * class MyStoreTest extends LifecycleStoreContract {
 *     @Override
 *     protected LifecycleStore open() {
 *         return new MyStore(emptyDirectory());
 *     }
 *
 *     @Override // only if the store keeps anything
 *     protected Optional<StoreMedium> medium(LifecycleStore store) {
 *         return Optional.of(...);
 *     }
 * }
 * }</pre>
 *
 * <p>No test is ever skipped: of a store whose descriptor says {@link Durability#NONE}, the tests of C4, C5, C8 and C14
 * ask what that promises instead. After each test, every store that is still open must show in all its views what it told
 * its subscribers; then it is closed.
 */
public abstract class LifecycleStoreContract extends PruningContract {
    /** For subclasses. */
    protected LifecycleStoreContract() {}

    /** Opens a store that is empty and shares nothing with any other. */
    @Override
    protected abstract LifecycleStore open() throws Exception;

    /**
     * What lies under a store that {@link #open}, or one of its media, has opened: for every store but those of
     * durability {@link Durability#NONE}. By default there is nothing.
     */
    @Override
    protected Optional<StoreMedium> medium(LifecycleStore store) {
        return Optional.empty();
    }

    // ---- C4

    @Test
    void c4_what_was_acknowledged_is_there_when_the_store_is_opened_again() throws Exception {
        LifecycleStore store = fresh();
        fill(store);
        Optional<StoreMedium> medium = durable(store);
        StoreDescriptor before = store.describe();
        store.close();

        if (medium.isEmpty()) {
            assertEmpty(fresh(), before);
            return;
        }
        LifecycleStore reopened = again(medium.get().reopen(), witness(store));
        assertFilled(reopened, before);
        assertThat(reopened.liveness(A)).as("heartbeats, written out by close").contains(new Liveness(Draft.NOON, 3));
        assertGoesOn(reopened);
    }

    @Test
    void c4_what_was_acknowledged_survives_a_crash() throws Exception {
        LifecycleStore store = fresh();
        fill(store);
        Optional<StoreMedium> medium = durable(store);
        StoreDescriptor before = store.describe();

        if (medium.isEmpty()) {
            assertEmpty(fresh(), before);
            return;
        }
        LifecycleStore recovered = again(medium.get().crash(), abandon(store));
        assertFilled(recovered, before);
        assertGoesOn(recovered);
    }

    private void fill(LifecycleStore store) {
        applied(
                store,
                new Draft("first")
                        .put(Draft.due(A, 1, Draft.NOON))
                        .put(B, 1)
                        .write("a", 0)
                        .write("b", 0));
        applied(store, draft().at(Draft.NOON.plusSeconds(5)).put(Draft.indexed(C, 1, Map.of("owner", "ann"))));
        applied(
                store,
                draft().put(Draft.due(A, 2, Draft.NOON.plusSeconds(9))).purge(B).write("b", 1));
        store.heartbeats(List.of(new Heartbeat(A, new Liveness(Draft.NOON, 3))));
    }

    private static void assertFilled(LifecycleStore store, StoreDescriptor before) {
        assertThat(store.describe().storeId()).isEqualTo(before.storeId());
        assertThat(store.describe().clockHighWater()).isEqualTo(before.clockHighWater());
        assertThat(store.due(Draft.NOON.plusSeconds(8), 10)).isEmpty();
        assertThat(store.due(Draft.NOON.plusSeconds(9), 10)).containsExactly(A);
        assertThat(keys(Reads.all(store, owned("ann"), 10))).containsExactly(C);
    }

    /** Checks, request ids and numbers hold across the opening. */
    private void assertGoesOn(LifecycleStore store) {
        long last = witness(store).numbers().get(2);
        assertThat(conflict(store, draft().put(A, 2))).isEqualTo(Map.of(A, 2L));
        assertThat(rejected(store, new Draft("first").put(C, 2))).isEqualTo(CommitResult.Reason.REQUEST_ID_REUSED);
        assertThat(applied(store, draft().put(A, 3).put(B, 1).write("a", 1))).isGreaterThan(last);
    }

    private static void assertEmpty(LifecycleStore other, StoreDescriptor before) {
        assertThat(before.durability()).isEqualTo(Durability.NONE);
        assertThat(other.describe().storeId()).isNotEqualTo(before.storeId());
        assertThat(other.describe().clockHighWater()).isEmpty();
        assertThat(Reads.all(other, RecordQuery.of(RecordKey.AGENT), 10)).isEmpty();
        assertThat(Reads.log(other, 0, 10)).isEmpty();
        assertThat(other.findCommit(new RequestId("first"))).isEmpty();
    }

    // ---- C5

    @Test
    void c5_nothing_is_visible_before_it_is_durable() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(B, 1));
        Commit commit = draft().put(Draft.due(A, 1, Draft.NOON)).write("a", 0).build();
        Optional<StoreMedium> medium = durable(store);

        if (medium.isEmpty()) {
            // nothing becomes durable here: that it is visible and that it is acknowledged are one
            assertThat(visible(store, commit)).isEqualTo("");
            as(CommitResult.Applied.class, store.commit(commit));
            assertThat(visible(store, commit)).isEqualTo("get query due events trail findCommit subscriber ");
            return;
        }
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            CompletableFuture<CommitResult> result;
            var moving = new AtomicBoolean();
            try (StoreMedium.Stall stall = medium.get().stall()) {
                result = CompletableFuture.supplyAsync(() -> store.commit(commit), threads);
                CompletableFuture<Boolean> waits = CompletableFuture.supplyAsync(() -> awaitCommit(stall), threads);
                assertThat(CompletableFuture.anyOf(waits, result).get(60, TimeUnit.SECONDS))
                        .as("whether the commit waits for the medium")
                        .isEqualTo(true);
                Future<String> reader = threads.submit(() -> {
                    String seen = visible(store, commit);
                    return moving.get() ? "" : seen;
                });
                assertThat(early(reader)).as("seen before it was durable").isEqualTo("");
                assertThat(result).isNotDone();
                moving.set(true);
            }
            as(CommitResult.Applied.class, result.get(60, TimeUnit.SECONDS));
            assertThat(visible(store, commit)).isEqualTo("get query due events trail findCommit subscriber ");
        } finally {
            threads.shutdownNow();
        }
    }

    private static boolean awaitCommit(StoreMedium.Stall stall) {
        try {
            stall.awaitCommit();
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    /** A store may let readers wait, too; whoever waits has seen nothing. */
    private static String early(Future<String> reader) throws Exception {
        try {
            return reader.get(250, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            return "";
        }
    }

    /** In which views of the store a commit shows. */
    private String visible(LifecycleStore store, Commit commit) {
        StringBuilder where = new StringBuilder();
        where.append(store.get(A).isPresent() ? "get " : "");
        boolean listed =
                keys(Reads.all(store, RecordQuery.of(RecordKey.AGENT), 10)).contains(A);
        where.append(listed ? "query " : "");
        where.append(store.due(Draft.NOON, 10).contains(A) ? "due " : "");
        where.append(Reads.log(store, 0, 10).containsAll(commit.events()) ? "events " : "");
        where.append(store.trail("a", 0, 10).isEmpty() ? "" : "trail ");
        where.append(store.findCommit(commit.requestId()).isPresent() ? "findCommit " : "");
        where.append(witness(store).commits().contains(commit) ? "subscriber " : "");
        return where.toString();
    }

    // ---- C8

    @Test
    void c8_nobody_has_to_guess_what_became_of_a_commit() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1).write("a", 0));
        Commit last = draft().put(A, 2).write("a", 1).build();
        Optional<StoreMedium> medium = durable(store);

        if (medium.isEmpty()) {
            // nothing can fail in flight, so the answer is always there
            CommitResult result = store.commit(last);
            assertThat(result).isInstanceOf(CommitResult.Applied.class);
            assertThat(store.findCommit(last.requestId())).contains(result);
            return;
        }
        medium.get().fail();
        CommitResult answer = answer(store, last);
        assertThat(answer).as("of what never became durable").isNotInstanceOf(CommitResult.Applied.class);
        if (answer instanceof CommitResult.Unknown
                && store.findCommit(last.requestId()).isEmpty()) {
            assertRefused(store, draft().put(B, 1).build());
        }

        Witness heard = abandon(store);
        LifecycleStore recovered = medium.get().crash();
        Optional<CommitResult> found = recovered.findCommit(last.requestId());
        long version = recovered.get(A).map(StoredRecord::version).orElse(0L);
        assertThat(version).as("the version, when findCommit says %s", found).isEqualTo(found.isPresent() ? 2 : 1);
        assertThat(recovered.trail("a", 0, 10)).hasSize(found.isPresent() ? 2 : 1);

        assertThat(recovered.commit(last)).isInstanceOf(CommitResult.Applied.class);
        assertThat(recovered.get(A)).contains(Draft.record(A, 2));
        assertThat(recovered.trail("a", 0, 10)).hasSize(2);
        assertThat(recovered.findCommit(heard.commits().get(0).requestId())).isPresent();
        recovered.close();
    }

    // ---- C14

    @Test
    void c14_after_a_failure_of_durability_nothing_is_written_any_more() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1).write("a", 0));
        Optional<StoreMedium> medium = durable(store);

        if (medium.isEmpty()) {
            // nothing has to become durable, so there is no failure after which to stop
            for (long version = 2; version <= 20; version++) {
                applied(store, draft().put(A, version));
            }
            return;
        }
        medium.get().fail();
        Commit first = draft().put(A, 2).build();
        assertThat(answer(store, first)).isNotInstanceOf(CommitResult.Applied.class);
        Commit second = draft().put(B, 1).write("b", 0).build();
        assertRefused(store, second);
        assertRefused(store, second);
        assertThat(store.get(B)).isEmpty();

        abandon(store);
        LifecycleStore recovered = medium.get().crash();
        assertThat(recovered.get(B)).isEmpty();
        assertThat(recovered.trail("b", 0, 10)).isEmpty();
        assertThat(recovered.get(A)).isPresent();
        recovered.close();
    }

    /** A store that does not work may say so by its answer or by an exception. */
    private static CommitResult answer(LifecycleStore store, Commit commit) {
        try {
            return store.commit(commit);
        } catch (StoreException e) {
            return new CommitResult.Rejected(CommitResult.Reason.FAILED, String.valueOf(e.getMessage()));
        }
    }

    private static void assertRefused(LifecycleStore store, Commit commit) {
        CommitResult answer = answer(store, commit);
        assertThat(as(CommitResult.Rejected.class, answer).reason()).isEqualTo(CommitResult.Reason.FAILED);
    }

    @Test
    void c14_a_store_may_be_closed_twice() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1));

        store.close();
        store.close();

        assertThatThrownBy(store::describe).isInstanceOf(StoreException.class);
    }

    @Test
    void c14_every_call_after_close_throws() throws Exception {
        LifecycleStore store = fresh();
        applied(store, draft().put(A, 1).write("a", 0));
        Map<String, ThrowingCallable> calls = new TreeMap<>();
        calls.put("describe", store::describe);
        calls.put("get", () -> store.get(A));
        calls.put("query", () -> store.query(RecordQuery.of(RecordKey.AGENT), Optional.empty(), 1));
        calls.put("commit", () -> store.commit(draft().put(B, 1).build()));
        calls.put("findCommit", () -> store.findCommit(new RequestId("request-1")));
        calls.put("heartbeats", () -> store.heartbeats(List.of(new Heartbeat(A, new Liveness(Draft.NOON, 1)))));
        calls.put("liveness", () -> store.liveness(A));
        calls.put("due", () -> store.due(Draft.NOON, 1));
        calls.put("rearm", () -> store.rearm(A, 1, Optional.empty()));
        calls.put("events", () -> store.events(0, 1));
        calls.put("trail", () -> store.trail("a", 0, 1));
        calls.put("disclosures", () -> store.disclosures("a", 0, 1));
        calls.put("erase", () -> store.erase("a", List.of(0L)));
        calls.put("prune", () -> store.prune(Map.of("a", 1L)));
        calls.put("subscribe", () -> store.subscribe((seq, commit) -> {}));
        assertThat(calls.keySet()).as("every method but close").isEqualTo(callsOfAStore());
        store.close();

        calls.forEach((name, call) ->
                assertThatThrownBy(call).as("%s after close", name).isInstanceOf(StoreException.class));
    }

    private static TreeSet<String> callsOfAStore() {
        TreeSet<String> names = new TreeSet<>();
        Arrays.stream(LifecycleStore.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .map(Method::getName)
                .forEach(names::add);
        names.remove("close");
        return names;
    }
}
