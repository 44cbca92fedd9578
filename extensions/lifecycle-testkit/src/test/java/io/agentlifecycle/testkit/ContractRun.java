package io.agentlifecycle.testkit;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.launcher.EngineFilter.includeEngines;

import java.util.Map;
import java.util.TreeMap;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * How a contract went on an implementation with a bug.
 *
 * @param tests how many tests ran
 * @param failures those that failed, with what they said
 */
record ContractRun(int tests, Map<String, String> failures) {
    /** Runs the tests of a class, with a parameter that they can ask for. */
    static ContractRun of(Class<?> contract, String parameter, String value) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectClass(contract))
                .filters(includeEngines("junit-jupiter"))
                .configurationParameter(parameter, value)
                .build();
        LauncherConfig bare = LauncherConfig.builder()
                .enableTestExecutionListenerAutoRegistration(false)
                .enableLauncherSessionListenerAutoRegistration(false)
                .enableLauncherDiscoveryListenerAutoRegistration(false)
                .enablePostDiscoveryFilterAutoRegistration(false)
                .build();
        var listener = new Failures();
        LauncherFactory.create(bare).execute(request, listener);
        return new ContractRun(listener.ran, listener.failures);
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
}
