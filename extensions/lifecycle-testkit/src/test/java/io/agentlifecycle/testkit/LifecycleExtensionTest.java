package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.EngineFilter.includeEngines;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.TeardownTask;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.core.testing.RecordingListener;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

class LifecycleExtensionTest {
    private static final AgentId FIRST = AgentId.of("agent:1");

    private static Agent ask(LifecycleManager manager) {
        return manager.requestProvisioning(ProvisioningRequest.builder("Reviewer")
                .owner("alice@company.com")
                .build());
    }

    @Nested
    @ExtendWith(LifecycleExtension.class)
    class ByAnnotation {
        @Test
        void a_test_gets_a_manager_with_its_clock_store_and_listener(
                LifecycleManager manager, MutableClock clock, LifecycleStore store, RecordingListener listener) {
            clock.advance(Duration.ofHours(1));
            Agent agent = ask(manager);

            assertThat(agent.id()).isEqualTo(FIRST);
            assertThat(agent.activity().createdAt()).isEqualTo("2026-04-11T05:30:00Z");
            assertThat(store.trail("a/default/agent:1", 0, 10)).hasSize(1);
            assertThat(listener.kinds()).containsExactly(EventKind.LOG_GENESIS, EventKind.AGENT_REQUESTED);
        }

        @Nested
        class Inside {
            private LifecycleManager before;

            @BeforeEach
            void ask_first(LifecycleManager manager) {
                before = manager;
                ask(manager);
            }

            @Test
            void a_nested_test_shares_its_manager_with_its_own_before_each(LifecycleManager manager) {
                assertThat(manager).isSameAs(before);
                assertThat(manager.summary().total()).isEqualTo(1);
            }

            @RepeatedTest(2)
            void each_test_begins_with_an_empty_store(LifecycleManager manager) {
                assertThat(manager.summary().total()).isEqualTo(1);
            }
        }
    }

    @Nested
    class Customised {
        private final TeardownTask task = new TeardownTask() {
            @Override
            public String name() {
                return "worker";
            }

            @Override
            public void run(Agent agent) {
                throw new IllegalStateException("still running");
            }
        };

        @RegisterExtension
        final LifecycleExtension lifecycle = LifecycleExtension.builder()
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .start(LifecycleExtension.START.plusSeconds(7))
                .manager(manager -> manager.teardownTask(task))
                .build();

        @Test
        void policy_start_and_tasks_are_those_of_the_builder(LifecycleManager manager, MutableClock clock) {
            assertThat(clock.instant()).isEqualTo("2026-04-11T04:30:07Z");
            assertThat(ask(manager).state()).isEqualTo(AgentState.PROVISIONED);
            manager.activate(FIRST);
            assertThat(manager.decommission(FIRST, "done", Actor.SYSTEM).state())
                    .isEqualTo(AgentState.DECOMMISSIONING);
        }
    }

    @Test
    void a_test_whose_log_does_not_verify_fails_although_it_says_nothing_of_it() {
        Map<String, TestExecutionResult> results = run(Tampering.class);

        assertThat(results.get("passes").getThrowable())
                .get()
                .asString()
                .contains("expected the log and the records to agree")
                .contains("stream a/default/agent:1");
        assertThat(results.get("fails_by_itself").getThrowable())
                .get()
                .satisfies(thrown -> assertThat(thrown.getSuppressed()).isEmpty())
                .asString()
                .contains("its own failure");
    }

    @Test
    void tests_in_parallel_have_managers_and_ids_of_their_own_and_every_store_is_closed() {
        Parallel.STORES.clear();

        Map<String, TestExecutionResult> results = run(Parallel.class);

        assertThat(results).hasSize(3);
        assertThat(results.values()).allMatch(result -> result.getStatus() == TestExecutionResult.Status.SUCCESSFUL);
        assertThat(Parallel.STORES)
                .doesNotHaveDuplicates()
                .hasSize(3)
                .allSatisfy(store -> assertThatThrownBy(store::describe).isInstanceOf(StoreException.class));
    }

    private static Map<String, TestExecutionResult> run(Class<?> tests) {
        Map<String, TestExecutionResult> results = new TreeMap<>();
        TestExecutionListener listener = new TestExecutionListener() {
            @Override
            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                if (test.isTest()) {
                    synchronized (results) {
                        results.put(test.getDisplayName().replaceAll("\\(.*", ""), result);
                    }
                }
            }
        };
        LauncherConfig bare = LauncherConfig.builder()
                .enableTestExecutionListenerAutoRegistration(false)
                .enableLauncherSessionListenerAutoRegistration(false)
                .enableLauncherDiscoveryListenerAutoRegistration(false)
                .enablePostDiscoveryFilterAutoRegistration(false)
                .build();
        LauncherFactory.create(bare)
                .execute(
                        LauncherDiscoveryRequestBuilder.request()
                                .selectors(selectClass(tests))
                                .filters(includeEngines("junit-jupiter"))
                                .configurationParameter("junit.jupiter.execution.parallel.enabled", "true")
                                .build(),
                        listener);
        return results;
    }

    /** Its store lost an event. */
    static final class Tampering {
        @RegisterExtension
        static final LifecycleExtension LIFECYCLE = LifecycleExtension.builder()
                .store(() -> new LifecycleAssertionsTest.WithoutTheLastEvent(LifecycleStore.inMemory()))
                .build();

        @Test
        void passes(LifecycleManager manager) {
            ask(manager);
        }

        @Test
        void fails_by_itself(LifecycleManager manager) {
            ask(manager);
            throw new AssertionError("its own failure");
        }
    }

    @ExtendWith(LifecycleExtension.class)
    @Execution(ExecutionMode.CONCURRENT)
    static final class Parallel {
        static final List<LifecycleStore> STORES = new CopyOnWriteArrayList<>();

        @Test
        void one(LifecycleManager manager, LifecycleStore store) {
            look(manager, store);
        }

        @Test
        void two(LifecycleManager manager, LifecycleStore store) {
            look(manager, store);
        }

        @Test
        void three(LifecycleManager manager, LifecycleStore store) {
            look(manager, store);
        }

        private static void look(LifecycleManager manager, LifecycleStore store) {
            STORES.add(store);
            assertThat(ask(manager).id()).isEqualTo(FIRST);
            assertThat(manager.summary().total()).isEqualTo(1);
        }
    }
}
