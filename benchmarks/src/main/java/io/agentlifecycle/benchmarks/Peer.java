package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.store.Commit;
import java.io.IOException;
import java.sql.SQLException;

/** Another way to keep agents and their events: each commit is on the disk, whole, when {@code apply} returns. */
interface Peer extends AutoCloseable {
    /** Stores it; each caller is one thread. */
    void apply(int caller, Commit commit) throws Exception;

    @Override
    void close() throws IOException, SQLException;
}
