package io.agentlifecycle.testkit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.core.testing.RecordingListener;
import java.lang.reflect.Method;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives each test a {@link LifecycleManager} of its own, its {@link MutableClock}, its {@link LifecycleStore} and a
 * {@link RecordingListener} that it tells, as parameters of test, {@code @BeforeEach} and {@code @AfterEach} methods.
 * After every test that did not fail it sees that {@link LifecycleManager#verify} finds nothing; then it closes manager
 * and store, so a test must not close the store itself.
 *
 * <pre>{@code
 * @ExtendWith(LifecycleExtension.class)
 * class MyTest {
 *     @Test
 *     void an_agent_is_let_in(LifecycleManager manager, MutableClock clock) { ... }
 * }
 *
 * @RegisterExtension
 * static final LifecycleExtension LIFECYCLE = LifecycleExtension.builder()
 *         .policy(LifecyclePolicy.builder().requireApproval(false).build())
 *         .manager(manager -> manager.teardownTask(task))
 *         .build();
 * }</pre>
 *
 * <p>The clock begins at {@link #START}; agents without a chosen id are {@code agent:1}, {@code agent:2} and so on; all
 * that is drawn at random is the same in each run. Safe for tests that run in parallel: nothing is shared between them.
 */
public final class LifecycleExtension implements BeforeEachCallback, AfterEachCallback, ParameterResolver {
    /** Where the clock of each test begins. */
    public static final Instant START = Instant.parse("2026-04-11T04:30:00Z");

    private static final Map<Class<?>, Function<House, Object>> PARAMETERS = Map.of(
            LifecycleManager.class, House::manager,
            MutableClock.class, House::clock,
            LifecycleStore.class, House::store,
            RecordingListener.class, House::listener);

    /** What one test works with. */
    private record House(
            LifecycleManager manager, MutableClock clock, LifecycleStore store, RecordingListener listener) {}

    private final Supplier<LifecycleStore> stores;
    private final Instant start;
    private final List<Consumer<LifecycleManager.Builder>> settings;

    /** With a store in memory, the default policy and no teardown tasks. */
    public LifecycleExtension() {
        this(builder());
    }

    private LifecycleExtension(Builder builder) {
        stores = builder.stores;
        start = builder.start;
        settings = List.copyOf(builder.settings);
    }

    /** A builder with a store in memory, a clock that begins at {@link #START}, and the defaults of the manager. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public void beforeEach(ExtensionContext context) {
        kept(context).put(House.class, open());
    }

    private House open() {
        var clock = MutableClock.at(start);
        var listener = new RecordingListener();
        var numbers = new AtomicLong();
        LifecycleStore store = stores.get();
        LifecycleManager.Builder manager = LifecycleManager.builder()
                .logOrigin("agentlifecycle.test")
                .store(store)
                .clock(clock)
                .listener(listener)
                .ids(() -> AgentId.of("agent:" + numbers.incrementAndGet()))
                .random(new Random(1));
        settings.forEach(setting -> setting.accept(manager));
        return new House(manager.build(), clock, store, listener);
    }

    @Override
    public void afterEach(ExtensionContext context) {
        House house = kept(context).remove(House.class, House.class);
        if (house == null) {
            return; // it could not be opened, and the test says why
        }
        try {
            if (context.getExecutionException().isEmpty()) {
                LifecycleAssertions.assertThat(house.manager()).verifies();
            }
        } finally {
            try {
                house.manager().close();
            } finally {
                house.store().close();
            }
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getDeclaringExecutable() instanceof Method
                && context.getTestMethod().isPresent()
                && PARAMETERS.containsKey(parameter.getParameter().getType());
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        House house = requireNonNull(kept(context).get(House.class, House.class), "no test is running");
        return requireNonNull(PARAMETERS.get(parameter.getParameter().getType()))
                .apply(house);
    }

    /** The context of one test; its parents, which tests share, hold nothing of ours. */
    private ExtensionContext.Store kept(ExtensionContext context) {
        return context.getStore(ExtensionContext.Namespace.create(this, context.getUniqueId()));
    }

    /** Collects how managers are made. Not safe for use by several threads; what it builds is. */
    public static final class Builder {
        private Supplier<LifecycleStore> stores = LifecycleStore::inMemory;
        private Instant start = START;
        private final List<Consumer<LifecycleManager.Builder>> settings = new ArrayList<>();

        private Builder() {}

        /** Opens the store of each test, which must be empty; the extension closes it. */
        public Builder store(Supplier<LifecycleStore> value) {
            stores = requireNonNull(value, "stores");
            return this;
        }

        /** Where the clock of each test begins. */
        public Builder start(Instant value) {
            start = requireNonNull(value, "start");
            return this;
        }

        /** The host's settings. */
        public Builder policy(LifecyclePolicy value) {
            requireNonNull(value, "policy");
            return manager(manager -> manager.policy(value));
        }

        /** Changes each manager before it is built: a credential issuer, teardown tasks, more listeners. */
        public Builder manager(Consumer<LifecycleManager.Builder> setting) {
            settings.add(requireNonNull(setting, "setting"));
            return this;
        }

        /** The extension. */
        public LifecycleExtension build() {
            return new LifecycleExtension(this);
        }
    }
}
