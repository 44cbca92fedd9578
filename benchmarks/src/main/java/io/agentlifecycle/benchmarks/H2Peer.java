package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.store.Commit;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * H2 in its own process, a connection for each caller. A commit of H2 does not sync: by default its writer runs within half
 * a second, and even with {@code WRITE_DELAY=0} it writes and leaves the rest to the operating system. So a caller is done
 * only after {@code CHECKPOINT SYNC}, which writes and calls fsync; one of them serves all who committed before it began.
 */
final class H2Peer implements Peer {
    private final List<Sql> callers = new ArrayList<>();
    private final Connection syncing;
    private final Statement sync;

    /** Held by whoever syncs. */
    private final ReentrantLock turn = new ReentrantLock();

    /** The number of the last sync that began. */
    private volatile long begun;

    /** The number of the last sync that is done. */
    private long done;

    H2Peer(Path directory, int callers) throws SQLException {
        String url = "jdbc:h2:file:" + directory.resolve("peer").toAbsolutePath() + ";DB_CLOSE_ON_EXIT=FALSE";
        syncing = DriverManager.getConnection(url, "sa", "");
        Sql.createTables(syncing);
        sync = syncing.createStatement();
        for (int i = 0; i < callers; i++) {
            this.callers.add(new Sql(DriverManager.getConnection(url, "sa", "")));
        }
    }

    @Override
    public void apply(int caller, Commit commit) throws SQLException {
        callers.get(caller).apply(commit);
        long needed = begun + 1; // one that is under way now may have begun before this commit
        turn.lock();
        try {
            if (done < needed) {
                begun++;
                sync.execute("CHECKPOINT SYNC");
                done = begun;
            }
        } finally {
            turn.unlock();
        }
    }

    @Override
    public void close() throws SQLException {
        for (Sql caller : callers) {
            caller.close();
        }
        syncing.close();
    }
}
