package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.EngineFilter.includeEngines;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.testkit.JournaledStore.Disk;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** The contract bites: each store with a bug fails the tests that are there to notice it. */
class PlantedBugsTest {
    private static final String PLANTED = "planted.bug";

    @ParameterizedTest
    @EnumSource(PlantedBug.class)
    void the_contract_notices(PlantedBug bug) {
        Map<String, String> failures = run(bug);

        assertThat(failures).containsKeys(bug.noticedBy().toArray(String[]::new));
    }

    /** Runs the contract on a store with that bug; the tests that failed, with what they said. */
    private static Map<String, String> run(PlantedBug bug) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectClass(ContractOfAPlantedBug.class))
                .filters(includeEngines("junit-jupiter"))
                .configurationParameter(PLANTED, bug.name())
                .build();
        LauncherConfig bare = LauncherConfig.builder()
                .enableTestExecutionListenerAutoRegistration(false)
                .enableLauncherSessionListenerAutoRegistration(false)
                .enableLauncherDiscoveryListenerAutoRegistration(false)
                .enablePostDiscoveryFilterAutoRegistration(false)
                .build();
        var listener = new Failures();
        LauncherFactory.create(bare).execute(request, listener);
        assertThat(listener.ran).as("tests that ran").isGreaterThan(60);
        return listener.failures;
    }

    private static final class Failures implements TestExecutionListener {
        private final Map<String, String> failures = new TreeMap<>();
        private int ran;

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (test.isTest()) {
                ran++;
            }
            result.getThrowable()
                    .ifPresent(thrown -> failures.put(test.getDisplayName().replace("()", ""), thrown.toString()));
        }
    }

    @ExtendWith(BugOfThisRun.class)
    static final class ContractOfAPlantedBug extends LifecycleStoreContract {
        private final PlantedBug bug;
        private final Map<LifecycleStore, Disk> disks = new HashMap<>();

        ContractOfAPlantedBug(PlantedBug bug) {
            this.bug = bug;
        }

        @Override
        protected LifecycleStore open() {
            Disk disk = bug.disk();
            LifecycleStore store = disk.reopen();
            disks.put(store, disk);
            return store;
        }

        @Override
        protected Optional<StoreMedium> medium(LifecycleStore store) {
            return store.describe().durability() == Durability.NONE
                    ? Optional.empty()
                    : Optional.ofNullable(disks.get(store));
        }
    }

    private static final class BugOfThisRun implements ParameterResolver {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == PlantedBug.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return PlantedBug.valueOf(context.getConfigurationParameter(PLANTED).orElseThrow());
        }
    }
}
