package io.agentlifecycle.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.testkit.JdkKeys.Bug;
import java.util.Collection;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract of key stores bites: each store with a bug fails the test that is there to notice it. */
class PlantedKeyBugsTest {
    private static final String PLANTED = "planted.key.bug";

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void the_contract_notices(Bug bug) {
        ContractRun run = ContractRun.of(ContractOfAPlantedBug.class, PLANTED, bug.name());

        assertThat(run.tests()).as("tests that ran").isEqualTo(11);
        assertThat(run.failures()).containsKey(bug.noticedBy());
    }

    @ExtendWith(BugOfThisRun.class)
    static final class ContractOfAPlantedBug extends SigningKeyStoreContract {
        private final Bug bug;

        ContractOfAPlantedBug(Bug bug) {
            this.bug = bug;
        }

        @Override
        protected SigningKeyStore open() {
            return new JdkKeys(bug);
        }

        @Override
        protected Collection<byte[]> secrets(SigningKeyStore store) {
            return ((JdkKeys) store).secrets();
        }
    }

    private static final class BugOfThisRun implements ParameterResolver {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == Bug.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return Bug.valueOf(context.getConfigurationParameter(PLANTED).orElseThrow());
        }
    }
}
