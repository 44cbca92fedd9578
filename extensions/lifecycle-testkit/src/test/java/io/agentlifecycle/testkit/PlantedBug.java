package io.agentlifecycle.testkit;

import static java.util.function.Predicate.not;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Liveness;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Disclosure;
import io.agentlifecycle.core.store.EventPage;
import io.agentlifecycle.core.store.Heartbeat;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.testkit.JournaledStore.Disk;
import java.text.Normalizer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** Stores that are wrong in one respect each, and the tests of the contract that must notice. */
enum PlantedBug {
    // ---- C1
    LOSES_A_MUTATION(
            changing(commit -> with(commit, commit.checks(), allButLast(commit.mutations()), commit.events())),
            "c1_a_commit_stores_every_mutation_and_every_event"),
    LOSES_AN_EVENT(
            changing(commit -> with(commit, commit.checks(), commit.mutations(), allButLast(commit.events()))),
            "c1_a_commit_stores_every_mutation_and_every_event"),
    STORES_WHAT_DOES_NOT_CONFLICT(
            memory(StoresWhatDoesNotConflict::new), "c1_a_commit_that_meets_one_stale_version_stores_nothing"),
    TAKES_MORE_THAN_IT_SAYS(
            memory(to -> new ForwardingStore(to) {
                @Override
                public StoreDescriptor describe() {
                    StoreDescriptor own = super.describe();
                    return new StoreDescriptor(
                            own.storeId(), 1, own.durability(), 10, own.clockHighWater(), own.openReport());
                }
            }),
            "c1_a_commit_of_more_records_than_the_store_takes_stores_nothing"),
    PURGES_NOTHING(
            changing(commit -> with(
                    commit,
                    commit.checks(),
                    commit.mutations().stream()
                            .filter(Mutation.Put.class::isInstance)
                            .toList(),
                    commit.events())),
            "c1_a_purged_record_is_gone_from_every_view_and_its_trail_stays",
            "c1_after_a_purge_the_key_begins_again_with_version_1"),

    // ---- C2, C3
    IGNORES_CHECKS(
            changing(commit -> with(commit, List.of(), commit.mutations(), commit.events())),
            "c2_every_check_is_compared_wherever_it_stands",
            "c2_a_check_of_a_version_fails_if_there_is_no_record",
            "c2_a_purge_under_a_stale_check_removes_nothing",
            "c2_checks_alone_can_guard_events",
            "c3_two_commits_that_each_rely_on_the_absence_of_the_other_are_not_both_applied"),
    COMPARES_THE_FIRST_CHECK_ONLY(
            changing(commit ->
                    with(commit, commit.checks().stream().limit(1).toList(), commit.mutations(), commit.events())),
            "c2_every_check_is_compared_wherever_it_stands"),
    TAKES_ABSENT_FOR_ANY_VERSION(
            changing(commit -> with(
                    commit,
                    commit.checks().stream()
                            .filter(not(Check.Absent.class::isInstance))
                            .toList(),
                    commit.mutations(),
                    commit.events())),
            "c2_every_check_is_compared_wherever_it_stands",
            "c3_two_commits_that_each_rely_on_the_absence_of_the_other_are_not_both_applied"),
    LETS_THE_LAST_WRITER_WIN(
            memory(LetsTheLastWriterWin::new),
            "c2_a_put_of_version_1_must_be_new",
            "c2_a_put_must_replace_the_version_before",
            "c2_of_many_writers_of_one_version_one_wins_and_the_others_see_what_won"),
    ANSWERS_A_CONFLICT_AS_APPLIED(
            answering((commit, result) ->
                    result instanceof CommitResult.Conflict ? new CommitResult.Applied(Long.MAX_VALUE) : result),
            "c2_a_put_of_version_1_must_be_new",
            "c2_of_many_writers_of_one_version_one_wins_and_the_others_see_what_won"),
    NAMES_ONE_CONFLICT_ONLY(
            answering((commit, result) -> result instanceof CommitResult.Conflict conflict
                    ? new CommitResult.Conflict(Map.ofEntries(
                            conflict.current().entrySet().iterator().next()))
                    : result),
            "c2_a_conflict_names_every_record_that_did_not_match_and_no_other"),
    READS_FROM_A_CACHE(
            memory(ReadsFromACache::new), "c2_of_many_writers_of_one_version_one_wins_and_the_others_see_what_won"),
    READS_ONE_COMMIT_LATE(memory(ReadsOneCommitLate::new), "c3_counters_lose_no_increment_and_reads_are_never_stale"),

    // ---- C4, C5, C8, C14 of a durable store
    ACKNOWLEDGES_BEFORE_IT_IS_DURABLE(AcknowledgesTooEarly::new, "c4_what_was_acknowledged_survives_a_crash"),
    SHOWS_BEFORE_IT_IS_DURABLE(ShowsTooEarly::new, "c5_nothing_is_visible_before_it_is_durable"),
    FORGETS_REQUESTS_WHEN_OPENED(
            ForgetsRequestsWhenOpened::new,
            "c4_what_was_acknowledged_is_there_when_the_store_is_opened_again",
            "c4_what_was_acknowledged_survives_a_crash",
            "c8_nobody_has_to_guess_what_became_of_a_commit"),
    LOSES_HEARTBEATS_WHEN_CLOSED(
            disk -> new JournaledStore(disk) {
                @Override
                void writeHeartbeats() {}
            },
            "c4_what_was_acknowledged_is_there_when_the_store_is_opened_again"),
    GOES_ON_AFTER_A_FAILURE(
            disk -> new JournaledStore(disk) {
                @Override
                boolean failsForGood() {
                    return false;
                }
            },
            "c8_nobody_has_to_guess_what_became_of_a_commit",
            "c14_after_a_failure_of_durability_nothing_is_written_any_more"),
    HIDES_A_FAILURE(
            HidesAFailure::new,
            "c8_nobody_has_to_guess_what_became_of_a_commit",
            "c14_after_a_failure_of_durability_nothing_is_written_any_more"),

    // ---- C6
    GIVES_TWO_COMMITS_ONE_NUMBER(
            answering((commit, result) -> result instanceof CommitResult.Applied applied
                    ? new CommitResult.Applied((applied.seq() + 1) / 2)
                    : result),
            "c6_numbers_strictly_increase_whatever_is_refused_in_between",
            "c6_a_commit_that_begins_after_another_was_acknowledged_has_a_higher_number"),

    // ---- C7
    FORGETS_REQUEST_IDS(
            memory(ForgetsRequestIds::new),
            "c7_the_same_request_again_gives_its_result_again_and_changes_nothing",
            "c7_what_became_of_a_request_can_be_looked_up",
            "c7_one_request_from_many_threads_has_one_effect_and_one_result"),
    TAKES_ANY_CONTENT_FOR_THE_SAME_REQUEST(
            memory(to -> new ForwardingStore(to) {
                @Override
                public CommitResult commit(Commit commit) {
                    return findCommit(commit.requestId()).orElseGet(() -> super.commit(commit));
                }
            }),
            "c7_a_request_id_that_was_used_for_other_content_is_rejected",
            "c7_a_request_with_another_disclosure_is_another_request",
            "c13_a_subscriber_does_not_hear_of_what_was_not_applied"),
    REMEMBERS_CONFLICTS(memory(RemembersConflicts::new), "c7_a_request_that_met_a_conflict_is_not_remembered"),

    // ---- C9
    LETS_HEARTBEATS_GO_BACK(memory(to -> new OwnLiveness(to, false, true)), "c9_heartbeats_only_move_forward"),
    KEEPS_HEARTBEATS_OF_UNKNOWN_AGENTS(
            memory(to -> new OwnLiveness(to, true, false)),
            "c9_heartbeats_of_unknown_agents_are_ignored_and_the_others_are_not"),
    KEEPS_LIVENESS_OF_PURGED_AGENTS(
            memory(to -> new OwnLiveness(to, false, false)),
            "c9_liveness_stays_when_the_record_changes_and_goes_when_it_is_purged",
            "c1_a_purged_record_is_gone_from_every_view_and_its_trail_stays"),
    MAKES_A_COMMIT_OF_A_HEARTBEAT(
            memory(MakesACommitOfAHeartbeat::new), "c9_a_heartbeat_changes_no_version_and_makes_no_commit_fail"),

    // ---- C10
    RETURNS_WHAT_IS_DUE_ONCE(memory(ReturnsWhatIsDueOnce::new), "c10_a_due_record_is_returned_until_it_is_changed"),
    IS_A_NANOSECOND_LATE(
            memory(to -> new ForwardingStore(to) {
                @Override
                public List<RecordKey> due(Instant now, int limit) {
                    return super.due(now.minusNanos(1), limit);
                }
            }),
            "c10_a_record_is_due_from_its_very_instant_on"),
    RETURNS_WHAT_IS_DUE_IN_ANY_ORDER(
            memory(to -> new ForwardingStore(to) {
                @Override
                public List<RecordKey> due(Instant now, int limit) {
                    return super.due(now, Integer.MAX_VALUE).stream()
                            .sorted()
                            .limit(limit)
                            .toList();
                }
            }),
            "c10_the_longest_overdue_come_first_and_no_more_than_asked_for"),
    ARMS_WHATEVER_VERSION(
            memory(to -> new ForwardingStore(to) {
                @Override
                public void rearm(RecordKey key, long version, Optional<Instant> next) {
                    get(key).ifPresent(found -> super.rearm(key, found.version(), next));
                }
            }),
            "c10_arming_again_is_ignored_if_the_record_has_moved_on"),
    NEVER_ARMS_AGAIN(
            memory(to -> new ForwardingStore(to) {
                @Override
                public void rearm(RecordKey key, long version, Optional<Instant> next) {
                    describe();
                }
            }),
            "c10_a_record_can_be_armed_again_without_changing_it"),

    // ---- C11
    PAGES_BY_OFFSET(
            memory(PagesByOffset::new),
            "c11_what_matches_all_the_while_is_in_exactly_one_page_while_others_come_and_go",
            "c11_a_page_begins_after_its_token_also_if_that_record_is_gone"),
    LOOKS_FOR_ONE_VALUE_ONLY(
            asking(query -> {
                Map<String, Set<String>> first = new TreeMap<>();
                query.index()
                        .forEach((name, values) ->
                                first.put(name, Set.of(values.iterator().next())));
                return new RecordQuery(query.kind(), query.tenant(), first);
            }),
            "c11_a_record_matches_if_it_has_one_of_the_values_under_every_name"),
    SHOWS_OTHER_TENANTS(
            asking(query -> new RecordQuery(query.kind(), Optional.empty(), query.index())),
            "c11_a_query_of_one_tenant_shows_no_other"),
    SKIPS_THE_FIRST_OF_A_PAGE(
            memory(to -> new ForwardingStore(to) {
                @Override
                public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
                    Page<StoredRecord> page = super.query(query, after, limit);
                    boolean later = after.isPresent() && !page.items().isEmpty();
                    return later
                            ? new Page<>(page.items().subList(1, page.items().size()), page.next())
                            : page;
                }
            }),
            "c11_records_come_in_order_of_tenant_and_id_whatever_the_limit"),

    // ---- C12
    NORMALISES_EVENTS(
            changing(commit -> with(
                    commit,
                    commit.checks(),
                    commit.mutations(),
                    commit.events().stream()
                            .map(event -> new StoredEvent(
                                    event.stream(),
                                    event.n(),
                                    Normalizer.normalize(event.canonical(), Normalizer.Form.NFC),
                                    event.signature()))
                            .toList())),
            "c12_events_come_back_character_for_character"),
    NORMALISES_RECORDS(
            memory(to -> new ForwardingStore(to) {
                @Override
                public Optional<StoredRecord> get(RecordKey key) {
                    return super.get(key)
                            .map(found -> new StoredRecord(
                                    key,
                                    found.version(),
                                    found.dueAt(),
                                    Normalizer.normalize(found.body(), Normalizer.Form.NFC),
                                    found.index()));
                }
            }),
            "c12_records_come_back_character_for_character"),
    REORDERS_EVENTS(
            changing(commit -> {
                List<StoredEvent> events = new ArrayList<>(commit.events());
                Collections.reverse(events);
                return with(commit, commit.checks(), commit.mutations(), events);
            }),
            "c12_events_come_in_the_order_of_commits_and_of_their_lists"),
    SPLITS_A_COMMIT(
            memory(to -> new ForwardingStore(to) {
                @Override
                public EventPage events(long after, int limit) {
                    List<StoredEvent> log = super.events(0, Integer.MAX_VALUE).events();
                    int from = (int) Math.min(after, log.size());
                    int end = Math.min(from + limit, log.size());
                    return new EventPage(log.subList(from, end), end);
                }
            }),
            "c12_a_page_never_ends_inside_a_commit",
            "c6_the_number_of_a_commit_is_a_cursor_behind_it"),
    STOPS_AT_A_COMMIT_WITHOUT_EVENTS(
            memory(to -> new ForwardingStore(to) {
                @Override
                public EventPage events(long after, int limit) {
                    EventPage page = super.events(after, 1);
                    EventPage next = super.events(after + 1, 1);
                    return page.cursor() > after + 1 || page.events().equals(next.events())
                            ? new EventPage(List.of(), after)
                            : page;
                }
            }),
            "c12_commits_without_events_do_not_end_the_log"),
    COUNTS_A_TRAIL_FROM_ONE(
            memory(to -> new ForwardingStore(to) {
                @Override
                public List<StoredEvent> trail(String stream, long from, int limit) {
                    return super.trail(stream, Math.max(0, from - 1), limit);
                }
            }),
            "c12_a_trail_begins_where_it_is_asked_to_and_ends_at_its_limit"),

    // ---- C13
    TELLS_TOO_LATE(memory(TellsTooLate::new), "c13_a_subscriber_has_seen_a_commit_when_it_is_acknowledged"),
    TELLS_TWICE(
            telling((seq, commit, listener) -> {
                listener.committed(seq, commit);
                listener.committed(seq, commit);
            }),
            "c13_a_subscriber_has_seen_a_commit_when_it_is_acknowledged",
            "c13_subscribers_hear_each_commit_once_in_order_and_before_it_is_acknowledged"),
    TELLS_NOT(telling((seq, commit, listener) -> {}), "c13_a_subscriber_has_seen_a_commit_when_it_is_acknowledged"),
    TELLS_OF_EACH_MUTATION_ALONE(
            telling((seq, commit, listener) -> {
                for (Mutation mutation : commit.mutations()) {
                    listener.committed(seq, with(commit, commit.checks(), List.of(mutation), commit.events()));
                }
            }),
            "c13_a_subscriber_hears_of_a_commit_as_a_whole"),
    TELLS_OF_REPEATED_REQUESTS(
            memory(TellsOfRepeatedRequests::new), "c13_a_subscriber_does_not_hear_of_what_was_not_applied"),
    NEVER_ENDS_A_SUBSCRIPTION(
            memory(to -> new ForwardingStore(to) {
                @Override
                public Subscription subscribe(CommitListener listener) {
                    super.subscribe(listener);
                    return () -> {};
                }
            }),
            "c13_every_subscriber_hears_until_its_subscription_is_closed"),

    // ---- C14
    READS_AFTER_CLOSE(
            memory(to -> new ForwardingStore(to) {
                @Override
                public Optional<StoredRecord> get(RecordKey key) {
                    try {
                        return super.get(key);
                    } catch (StoreException e) {
                        return Optional.empty();
                    }
                }
            }),
            "c14_every_call_after_close_throws"),
    CANNOT_BE_CLOSED_TWICE(
            memory(to -> new ForwardingStore(to) {
                private final AtomicBoolean closed = new AtomicBoolean();

                @Override
                public void close() {
                    if (closed.getAndSet(true)) {
                        throw new StoreException("the store is closed already", null);
                    }
                    super.close();
                }
            }),
            "c14_a_store_may_be_closed_twice"),

    // ---- C15
    LOSES_DISCLOSURES(
            changing(commit ->
                    new Commit(commit.requestId(), commit.at(), commit.checks(), commit.mutations(), commit.events())),
            "c15_disclosures_come_back_character_for_character_beside_their_trail",
            "c7_a_request_with_another_disclosure_is_another_request"),
    COUNTS_DISCLOSURES(
            memory(to -> new ForwardingStore(to) {
                @Override
                public List<Disclosure> disclosures(String stream, long from, int limit) {
                    return super.disclosures(stream, from, Integer.MAX_VALUE).stream()
                            .limit(limit)
                            .toList();
                }
            }),
            "c15_a_limit_of_disclosures_counts_events_and_splits_none"),
    IGNORES_ERASE(
            memory(to -> new ForwardingStore(to) {
                @Override
                public void erase(String stream, Collection<Long> positions) {
                    describe();
                }
            }),
            "c15_what_was_erased_never_comes_back_and_all_else_stays",
            "c7_a_request_with_another_disclosure_is_another_request"),
    ERASES_A_WHOLE_STREAM(
            memory(to -> new ForwardingStore(to) {
                @Override
                public void erase(String stream, Collection<Long> positions) {
                    super.erase(stream, List.of(0L, 1L, 2L, 3L));
                }
            }),
            "c15_what_was_erased_never_comes_back_and_all_else_stays",
            "c15_erasing_what_is_not_there_changes_nothing_and_forbids_nothing"),
    ERASES_WHAT_COMES_LATER(
            memory(ErasesWhatComesLater::new), "c15_erasing_what_is_not_there_changes_nothing_and_forbids_nothing"),
    ERASES_IN_MEMORY_ONLY(
            ErasesInMemoryOnly::new,
            "c4_disclosures_and_erasures_survive_a_crash",
            "c14_after_a_failure_of_durability_nothing_is_erased"),

    // ---- C16
    IGNORES_PRUNE(
            pruning((before, to) -> to.describe()),
            "c16_of_pruned_events_their_places_and_leaf_hashes_are_left",
            "c16_what_was_disclosed_of_pruned_events_is_gone_and_all_else_stays"),
    PRUNES_ONE_EVENT_TOO_MANY(
            pruning((before, to) -> {
                Map<String, Long> more = new HashMap<>(before);
                more.replaceAll((stream, position) -> position + 1);
                to.prune(more);
            }),
            "c16_of_pruned_events_their_places_and_leaf_hashes_are_left",
            "c16_what_was_pruned_stays_so_and_what_is_not_there_is_no_mistake"),
    PRUNES_ONE_STREAM_ONLY(
            pruning((before, to) -> before.entrySet().stream()
                    .min(Map.Entry.comparingByKey())
                    .ifPresent(first -> to.prune(Map.ofEntries(first)))),
            "c16_what_was_disclosed_of_pruned_events_is_gone_and_all_else_stays"),
    LOSES_PRUNED_EVENTS(
            memory(to -> new ForwardingStore(to) {
                @Override
                public List<StoredEvent> trail(String stream, long from, int limit) {
                    return super.trail(stream, from, limit).stream()
                            .filter(not(StoredEvent::isPruned))
                            .toList();
                }
            }),
            "c16_of_pruned_events_their_places_and_leaf_hashes_are_left"),
    SHOWS_PRUNED_TEXTS_IN_THE_LOG(
            memory(ShowsPrunedTextsInTheLog::new),
            "c16_of_pruned_events_their_places_and_leaf_hashes_are_left",
            "c16_pages_of_the_log_end_where_they_did"),
    KEEPS_WHAT_PRUNED_EVENTS_DISCLOSED(
            memory(KeepsWhatPrunedEventsDisclosed::new),
            "c16_what_was_disclosed_of_pruned_events_is_gone_and_all_else_stays",
            "c7_a_request_whose_events_were_pruned_is_still_the_same_request"),
    PRUNES_WHAT_COMES_LATER(memory(PrunesWhatComesLater::new), "c16_what_comes_later_keeps_its_text"),
    PRUNES_IN_MEMORY_ONLY(
            PrunesInMemoryOnly::new,
            "c4_what_was_pruned_stays_so_after_a_crash",
            "c4_what_was_pruned_stays_so_when_the_store_is_opened_again",
            "c14_after_a_failure_of_durability_nothing_is_pruned"),

    // ---- the descriptor
    TURNS_THE_CLOCK_BACK(memory(TurnsTheClockBack::new), "the_clock_high_water_is_the_latest_time_of_any_commit"),
    HAS_THE_ID_OF_ALL_OTHERS(
            memory(to -> new ForwardingStore(to) {
                @Override
                public StoreDescriptor describe() {
                    StoreDescriptor own = super.describe();
                    return new StoreDescriptor(
                            "store", 1, own.durability(), own.maxRecords(), own.clockHighWater(), own.openReport());
                }
            }),
            "a_store_has_an_id_that_no_other_store_has");

    private final Function<Disk, LifecycleStore> opener;
    private final List<String> noticedBy;

    PlantedBug(Function<Disk, LifecycleStore> opener, String... noticedBy) {
        this.opener = opener;
        this.noticedBy = List.of(noticedBy);
    }

    Disk disk() {
        return new Disk(opener);
    }

    /** The tests that must fail; others may. */
    List<String> noticedBy() {
        return noticedBy;
    }

    // ---- how to plant one

    private static Function<Disk, LifecycleStore> memory(UnaryOperator<LifecycleStore> plant) {
        return disk -> plant.apply(LifecycleStore.inMemory());
    }

    /** Stores something else than it was given. */
    private static Function<Disk, LifecycleStore> changing(UnaryOperator<Commit> change) {
        return memory(to -> new ForwardingStore(to) {
            @Override
            public CommitResult commit(Commit commit) {
                return super.commit(change.apply(commit));
            }
        });
    }

    /** Answers something else than what happened. */
    private static Function<Disk, LifecycleStore> answering(Answer answer) {
        return memory(to -> new ForwardingStore(to) {
            @Override
            public CommitResult commit(Commit commit) {
                return answer.to(commit, super.commit(commit));
            }
        });
    }

    /** Looks for something else than it was asked. */
    private static Function<Disk, LifecycleStore> asking(UnaryOperator<RecordQuery> change) {
        return memory(to -> new ForwardingStore(to) {
            @Override
            public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
                return super.query(change.apply(query), after, limit);
            }
        });
    }

    /** Tells subscribers something else than what happened. */
    private static Function<Disk, LifecycleStore> telling(Telling telling) {
        return memory(to -> new ForwardingStore(to) {
            @Override
            public Subscription subscribe(CommitListener listener) {
                return super.subscribe((seq, commit) -> telling.tell(seq, commit, listener));
            }
        });
    }

    /** Prunes something else than it was asked. */
    private static Function<Disk, LifecycleStore> pruning(Pruning pruning) {
        return memory(to -> new ForwardingStore(to) {
            @Override
            public void prune(Map<String, Long> before) {
                pruning.prune(before, to);
            }
        });
    }

    private interface Pruning {
        void prune(Map<String, Long> before, LifecycleStore store);
    }

    private interface Answer {
        CommitResult to(Commit commit, CommitResult result);
    }

    private interface Telling {
        void tell(long seq, Commit commit, LifecycleStore.CommitListener listener);
    }

    private static Commit with(Commit commit, List<Check> checks, List<Mutation> mutations, List<StoredEvent> events) {
        List<Disclosure> disclosures = commit.disclosures().stream()
                .filter(disclosure -> events.stream().anyMatch(disclosure::isOf))
                .toList();
        return new Commit(commit.requestId(), commit.at(), checks, mutations, events, disclosures);
    }

    private static <T> List<T> allButLast(List<T> all) {
        return all.size() > 1 ? all.subList(0, all.size() - 1) : all;
    }

    // ---- those that need more than a few lines

    private static final class StoresWhatDoesNotConflict extends ForwardingStore {
        StoresWhatDoesNotConflict(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Conflict conflict) {
                List<Mutation> rest = commit.mutations().stream()
                        .filter(mutation -> !conflict.current().containsKey(mutation.key()))
                        .toList();
                super.commit(with(commit, List.of(), rest, commit.events()));
            }
            return result;
        }
    }

    private static final class LetsTheLastWriterWin extends ForwardingStore {
        LetsTheLastWriterWin(LifecycleStore to) {
            super(to);
        }

        @Override
        public synchronized CommitResult commit(Commit commit) {
            List<Mutation> forced = commit.mutations().stream()
                    .map(mutation -> mutation instanceof Mutation.Put put ? forced(put.next()) : mutation)
                    .toList();
            return super.commit(with(commit, commit.checks(), forced, commit.events()));
        }

        private Mutation forced(StoredRecord next) {
            long version = get(next.key()).map(StoredRecord::version).orElse(0L) + 1;
            return new Mutation.Put(new StoredRecord(next.key(), version, next.dueAt(), next.body(), next.index()));
        }
    }

    private static final class ReadsFromACache extends ForwardingStore {
        private final ThreadLocal<Map<RecordKey, Optional<StoredRecord>>> cache = ThreadLocal.withInitial(HashMap::new);

        ReadsFromACache(LifecycleStore to) {
            super(to);
        }

        @Override
        public Optional<StoredRecord> get(RecordKey key) {
            return cache.get().computeIfAbsent(key, super::get);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Applied) {
                commit.mutations().forEach(mutation -> cache.get().remove(mutation.key()));
            }
            return result;
        }
    }

    private static final class ReadsOneCommitLate extends ForwardingStore {
        private final Map<RecordKey, Optional<StoredRecord>> before = new ConcurrentHashMap<>();

        ReadsOneCommitLate(LifecycleStore to) {
            super(to);
        }

        @Override
        public Optional<StoredRecord> get(RecordKey key) {
            return before.getOrDefault(key, super.get(key));
        }

        @Override
        public synchronized CommitResult commit(Commit commit) {
            Map<RecordKey, Optional<StoredRecord>> now = new HashMap<>();
            commit.mutations().forEach(mutation -> now.put(mutation.key(), super.get(mutation.key())));
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Applied) {
                before.putAll(now);
            }
            return result;
        }
    }

    private static final class AcknowledgesTooEarly extends JournaledStore {
        private final LifecycleStore memory;
        private final List<Commit> pending = new ArrayList<>();

        AcknowledgesTooEarly(Disk disk) {
            this(disk, recovered(disk));
        }

        private AcknowledgesTooEarly(Disk disk, LifecycleStore memory) {
            super(disk, memory);
            this.memory = memory;
        }

        @Override
        CommitResult store(Commit commit) {
            pending.add(commit);
            return memory.commit(commit);
        }

        @Override
        void writeHeartbeats() {
            pending.forEach(this::write);
            pending.clear();
            super.writeHeartbeats();
        }
    }

    private static final class ShowsTooEarly extends JournaledStore {
        private final LifecycleStore memory;

        ShowsTooEarly(Disk disk) {
            this(disk, recovered(disk));
        }

        private ShowsTooEarly(Disk disk, LifecycleStore memory) {
            super(disk, memory);
            this.memory = memory;
        }

        @Override
        CommitResult store(Commit commit) {
            CommitResult result = memory.commit(commit);
            return write(commit).orElse(result);
        }
    }

    private static final class ForgetsRequestsWhenOpened extends JournaledStore {
        ForgetsRequestsWhenOpened(Disk disk) {
            this(disk, LifecycleStore.inMemory());
        }

        private ForgetsRequestsWhenOpened(Disk disk, LifecycleStore memory) {
            super(disk, memory);
            for (Commit commit : disk.written()) {
                var forgotten = new RequestId("recovered-" + commit.requestId());
                memory.commit(new Commit(forgotten, commit.at(), commit.checks(), commit.mutations(), commit.events()));
            }
        }
    }

    private static final class HidesAFailure extends JournaledStore {
        private final LifecycleStore memory;

        HidesAFailure(Disk disk) {
            this(disk, recovered(disk));
        }

        private HidesAFailure(Disk disk, LifecycleStore memory) {
            super(disk, memory);
            this.memory = memory;
        }

        @Override
        CommitResult store(Commit commit) {
            write(commit);
            return memory.commit(commit);
        }

        @Override
        boolean failsForGood() {
            return false;
        }
    }

    private static final class ErasesWhatComesLater extends ForwardingStore {
        private final Map<String, Set<Long>> erased = new ConcurrentHashMap<>();

        ErasesWhatComesLater(LifecycleStore to) {
            super(to);
        }

        @Override
        public void erase(String stream, Collection<Long> positions) {
            describe();
            erased.computeIfAbsent(stream, s -> ConcurrentHashMap.newKeySet()).addAll(positions);
        }

        @Override
        public List<Disclosure> disclosures(String stream, long from, int limit) {
            Set<Long> hidden = erased.getOrDefault(stream, Set.of());
            return super.disclosures(stream, from, limit).stream()
                    .filter(disclosure -> !hidden.contains(disclosure.n()))
                    .toList();
        }
    }

    private static final class ErasesInMemoryOnly extends JournaledStore {
        private final LifecycleStore memory;

        ErasesInMemoryOnly(Disk disk) {
            this(disk, recovered(disk));
        }

        private ErasesInMemoryOnly(Disk disk, LifecycleStore memory) {
            super(disk, memory);
            this.memory = memory;
        }

        @Override
        public void erase(String stream, Collection<Long> positions) {
            memory.erase(stream, positions);
        }
    }

    private static final class ShowsPrunedTextsInTheLog extends ForwardingStore {
        private final List<StoredEvent> all = new CopyOnWriteArrayList<>();

        ShowsPrunedTextsInTheLog(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            all.addAll(result instanceof CommitResult.Applied ? commit.events() : List.of());
            return result;
        }

        @Override
        public EventPage events(long after, int limit) {
            EventPage page = super.events(after, limit);
            return new EventPage(page.events().stream().map(this::whole).toList(), page.cursor());
        }

        private StoredEvent whole(StoredEvent event) {
            return all.stream()
                    .filter(one -> one.stream().equals(event.stream()) && one.n() == event.n())
                    .findFirst()
                    .orElse(event);
        }
    }

    private static final class KeepsWhatPrunedEventsDisclosed extends ForwardingStore {
        private final List<Disclosure> all = new CopyOnWriteArrayList<>();

        KeepsWhatPrunedEventsDisclosed(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            all.addAll(result instanceof CommitResult.Applied ? commit.disclosures() : List.of());
            return result;
        }

        @Override
        public List<Disclosure> disclosures(String stream, long from, int limit) {
            super.disclosures(stream, from, limit);
            return all.stream()
                    .filter(one -> one.stream().equals(stream) && one.n() >= from && one.n() - from < limit)
                    .toList();
        }
    }

    private static final class PrunesWhatComesLater extends ForwardingStore {
        private final Map<String, Long> pruned = new ConcurrentHashMap<>();

        PrunesWhatComesLater(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            super.prune(pruned);
            return result;
        }

        @Override
        public void prune(Map<String, Long> before) {
            super.prune(before);
            pruned.putAll(before);
        }
    }

    private static final class PrunesInMemoryOnly extends JournaledStore {
        private final LifecycleStore memory;

        PrunesInMemoryOnly(Disk disk) {
            this(disk, recovered(disk));
        }

        private PrunesInMemoryOnly(Disk disk, LifecycleStore memory) {
            super(disk, memory);
            this.memory = memory;
        }

        @Override
        public void prune(Map<String, Long> before) {
            memory.prune(before);
        }
    }

    private static final class ForgetsRequestIds extends ForwardingStore {
        private final AtomicLong next = new AtomicLong();

        ForgetsRequestIds(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            var id = new RequestId("forgotten-" + next.incrementAndGet());
            return super.commit(new Commit(id, commit.at(), commit.checks(), commit.mutations(), commit.events()));
        }
    }

    private static final class RemembersConflicts extends ForwardingStore {
        private final Map<RequestId, CommitResult> conflicts = new ConcurrentHashMap<>();

        RemembersConflicts(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult before = conflicts.get(commit.requestId());
            if (before != null) {
                return before;
            }
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Conflict) {
                conflicts.put(commit.requestId(), result);
            }
            return result;
        }
    }

    private static final class OwnLiveness extends ForwardingStore {
        private final Map<RecordKey, Liveness> liveness = new ConcurrentHashMap<>();
        private final boolean keepUnknown;
        private final boolean lastWins;

        OwnLiveness(LifecycleStore to, boolean keepUnknown, boolean lastWins) {
            super(to);
            this.keepUnknown = keepUnknown;
            this.lastWins = lastWins;
        }

        @Override
        public void heartbeats(Collection<Heartbeat> batch) {
            describe();
            for (Heartbeat beat : batch) {
                if (keepUnknown || get(beat.agent()).isPresent()) {
                    liveness.merge(beat.agent(), beat.liveness(), (old, next) -> lastWins ? next : old.merge(next));
                }
            }
        }

        @Override
        public Optional<Liveness> liveness(RecordKey agent) {
            describe();
            return Optional.ofNullable(liveness.get(agent));
        }
    }

    private static final class MakesACommitOfAHeartbeat extends ForwardingStore {
        private final AtomicLong next = new AtomicLong();

        MakesACommitOfAHeartbeat(LifecycleStore to) {
            super(to);
        }

        @Override
        public void heartbeats(Collection<Heartbeat> batch) {
            super.heartbeats(batch);
            for (Heartbeat beat : batch) {
                get(beat.agent()).ifPresent(found -> {
                    var put = new Mutation.Put(new StoredRecord(
                            found.key(), found.version() + 1, found.dueAt(), found.body(), found.index()));
                    super.commit(new Commit(
                            new RequestId("heartbeat-" + next.incrementAndGet()),
                            beat.liveness().lastSeen(),
                            List.of(),
                            List.of(put),
                            List.of()));
                });
            }
        }
    }

    private static final class ReturnsWhatIsDueOnce extends ForwardingStore {
        private final Set<RecordKey> returned = new HashSet<>();

        ReturnsWhatIsDueOnce(LifecycleStore to) {
            super(to);
        }

        @Override
        public List<RecordKey> due(Instant now, int limit) {
            return super.due(now, limit).stream().filter(returned::add).toList();
        }
    }

    private static final class PagesByOffset extends ForwardingStore {
        PagesByOffset(LifecycleStore to) {
            super(to);
        }

        @Override
        public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
            List<StoredRecord> all =
                    super.query(query, Optional.empty(), 10_000).items();
            int from = after.filter(token -> token.id().matches("[0-9]+"))
                    .map(token -> Math.min(Integer.parseInt(token.id()), all.size()))
                    .orElse(0);
            int end = Math.min(from + limit, all.size());
            return new Page<>(
                    all.subList(from, end),
                    end < all.size()
                            ? Optional.of(new PageToken(TenantId.DEFAULT, String.valueOf(end)))
                            : Optional.empty());
        }
    }

    private static final class TellsTooLate extends ForwardingStore {
        private final List<CommitListener> listeners = new CopyOnWriteArrayList<>();
        private Runnable pending = () -> {};

        TellsTooLate(LifecycleStore to) {
            super(to);
        }

        @Override
        public Subscription subscribe(CommitListener listener) {
            describe();
            listeners.add(listener);
            return () -> listeners.remove(listener);
        }

        @Override
        public synchronized CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Applied applied) {
                pending.run();
                pending = () -> listeners.forEach(listener -> listener.committed(applied.seq(), commit));
            }
            return result;
        }
    }

    private static final class TellsOfRepeatedRequests extends ForwardingStore {
        private final List<CommitListener> listeners = new CopyOnWriteArrayList<>();

        TellsOfRepeatedRequests(LifecycleStore to) {
            super(to);
        }

        @Override
        public Subscription subscribe(CommitListener listener) {
            describe();
            listeners.add(listener);
            return () -> listeners.remove(listener);
        }

        @Override
        public synchronized CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Applied applied) {
                listeners.forEach(listener -> listener.committed(applied.seq(), commit));
            }
            return result;
        }
    }

    private static final class TurnsTheClockBack extends ForwardingStore {
        private volatile Optional<Instant> last = Optional.empty();

        TurnsTheClockBack(LifecycleStore to) {
            super(to);
        }

        @Override
        public CommitResult commit(Commit commit) {
            CommitResult result = super.commit(commit);
            if (result instanceof CommitResult.Applied) {
                last = Optional.of(commit.at());
            }
            return result;
        }

        @Override
        public StoreDescriptor describe() {
            StoreDescriptor own = super.describe();
            return new StoreDescriptor(own.storeId(), 1, own.durability(), own.maxRecords(), last, own.openReport());
        }
    }
}
