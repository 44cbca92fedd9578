/** Contract tests for implementations of the extension points. */
module io.agentlifecycle.testkit {
    requires static org.jspecify;
    requires transitive io.agentlifecycle.core;
    requires transitive org.junit.jupiter.api;
    requires transitive org.assertj.core;

    exports io.agentlifecycle.testkit;
}
