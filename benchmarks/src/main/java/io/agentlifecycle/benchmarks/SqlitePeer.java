package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.store.Commit;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.locks.ReentrantLock;

/**
 * SQLite with a write-ahead log and {@code synchronous=FULL}: it syncs its log at every commit. It has one writer at a
 * time, so callers take turns at one connection, which is faster than many that wait for each other's locks.
 */
final class SqlitePeer implements Peer {
    private final Sql sql;
    private final ReentrantLock turn = new ReentrantLock();

    SqlitePeer(Path directory) throws SQLException {
        Connection connection = DriverManager.getConnection("jdbc:sqlite:" + directory.resolve("peer.db"));
        try (Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA journal_mode=WAL");
            statement.execute("PRAGMA synchronous=FULL");
        }
        Sql.createTables(connection);
        sql = new Sql(connection);
    }

    @Override
    public void apply(int caller, Commit commit) throws SQLException {
        turn.lock();
        try {
            sql.apply(commit);
        } finally {
            turn.unlock();
        }
    }

    @Override
    public void close() throws SQLException {
        sql.close();
    }
}
