package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.store.Check;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * Commits as rows: records under their keys, checked by version, with an index for states and one for due times, and
 * events under their place in their stream. Not safe for use by several threads.
 */
final class Sql implements AutoCloseable {
    private final Connection connection;
    private final PreparedStatement insert;
    private final PreparedStatement update;
    private final PreparedStatement find;
    private final PreparedStatement event;

    Sql(Connection connection) throws SQLException {
        this.connection = connection;
        connection.setAutoCommit(false);
        insert = connection.prepareStatement(
                "INSERT INTO agent_record(version, due, state, body, tenant, kind, id) VALUES (?, ?, ?, ?, ?, ?, ?)");
        update = connection.prepareStatement("UPDATE agent_record SET version = ?, due = ?, state = ?, body = ?"
                + " WHERE tenant = ? AND kind = ? AND id = ? AND version = ?");
        find = connection.prepareStatement("SELECT version FROM agent_record WHERE tenant = ? AND kind = ? AND id = ?");
        event = connection.prepareStatement(
                "INSERT INTO agent_event(stream, n, canonical, signature) VALUES (?, ?, ?, ?)");
    }

    static void createTables(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE agent_record(tenant VARCHAR(64) NOT NULL, kind VARCHAR(32) NOT NULL,"
                    + " id VARCHAR(256) NOT NULL, version BIGINT NOT NULL, due VARCHAR(40), state VARCHAR(32),"
                    + " body VARCHAR(524288) NOT NULL, PRIMARY KEY (tenant, kind, id))");
            statement.execute("CREATE INDEX agent_record_state ON agent_record(state)");
            statement.execute("CREATE INDEX agent_record_due ON agent_record(due)");
            statement.execute("CREATE TABLE agent_event(stream VARCHAR(256) NOT NULL, n BIGINT NOT NULL,"
                    + " canonical VARCHAR(262144) NOT NULL, signature VARCHAR(128), PRIMARY KEY (stream, n))");
        }
    }

    void apply(Commit commit) throws SQLException {
        for (Check check : commit.checks()) {
            key(find, 1, check.key());
            try (ResultSet found = find.executeQuery()) {
                long version = found.next() ? found.getLong(1) : 0;
                require(version == (check instanceof Check.Version wanted ? wanted.version() : 0), check);
            }
        }
        for (Mutation mutation : commit.mutations()) {
            put(((Mutation.Put) mutation).next());
        }
        for (StoredEvent written : commit.events()) {
            event.setString(1, written.stream());
            event.setLong(2, written.n());
            event.setString(3, written.canonical());
            event.setString(4, written.signature().orElse(null));
            event.addBatch();
        }
        event.executeBatch();
        connection.commit();
    }

    private void put(StoredRecord next) throws SQLException {
        PreparedStatement statement = next.version() == 1 ? insert : update;
        statement.setLong(1, next.version());
        statement.setString(2, next.dueAt().map(Object::toString).orElse(null));
        statement.setString(3, next.index().get("state"));
        statement.setString(4, next.body());
        key(statement, 5, next.key());
        if (next.version() > 1) {
            statement.setLong(8, next.version() - 1);
        }
        require(statement.executeUpdate() == 1, next.key());
    }

    private static void key(PreparedStatement statement, int from, RecordKey key) throws SQLException {
        statement.setString(from, key.tenant().value());
        statement.setString(from + 1, key.kind());
        statement.setString(from + 2, key.id());
    }

    private static void require(boolean holds, Object what) {
        if (!holds) {
            throw new IllegalStateException("a check failed: " + what);
        }
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
