package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Durability;
import io.agentlifecycle.testkit.JournaledStore.Disk;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract bites: each store with a bug fails the tests that are there to notice it. */
class PlantedBugsTest {
    private static final String PLANTED = "planted.bug";

    @ParameterizedTest
    @EnumSource(PlantedBug.class)
    void the_contract_notices(PlantedBug bug) {
        ContractRun run = ContractRun.of(ContractOfAPlantedBug.class, PLANTED, bug.name());

        assertThat(run.tests()).as("tests that ran").isGreaterThan(60);
        assertThat(run.failures()).containsKeys(bug.noticedBy().toArray(String[]::new));
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
