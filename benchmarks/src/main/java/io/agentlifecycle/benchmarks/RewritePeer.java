package io.agentlifecycle.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * All agents with their events in one JSON file, which every change writes anew beside the old one, makes durable and puts
 * in its place. Every record and event is kept encoded, so that no time goes into that.
 */
final class RewritePeer implements Peer {
    private final Path directory;
    private final Map<RecordKey, byte[]> records = new LinkedHashMap<>();
    private final Map<String, byte[]> events = new LinkedHashMap<>();
    private final ReentrantLock turn = new ReentrantLock();

    RewritePeer(Path directory) {
        this.directory = directory;
    }

    @Override
    public void apply(int caller, Commit commit) throws IOException {
        turn.lock();
        try {
            remember(commit);
            write();
        } finally {
            turn.unlock();
        }
    }

    /** Takes it over without writing the file. */
    void remember(Commit commit) {
        for (Mutation mutation : commit.mutations()) {
            StoredRecord next = ((Mutation.Put) mutation).next();
            String text = "{\"key\":\"" + next.key() + "\",\"version\":" + next.version() + ",\"body\":" + next.body()
                    + "},\n";
            records.put(next.key(), text.getBytes(UTF_8));
        }
        for (StoredEvent event : commit.events()) {
            events.put(event.stream() + "/" + event.n(), (event.canonical() + ",\n").getBytes(UTF_8));
        }
    }

    private void write() throws IOException {
        var text = new ByteArrayOutputStream(1 << 20);
        text.writeBytes("{\"agents\":[\n".getBytes(UTF_8));
        records.values().forEach(text::writeBytes);
        text.writeBytes("{}],\"events\":[\n".getBytes(UTF_8));
        events.values().forEach(text::writeBytes);
        text.writeBytes("{}]}\n".getBytes(UTF_8));
        Path temporary = directory.resolve("agents.json.tmp");
        try (FileChannel channel = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(text.toByteArray());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(
                temporary,
                directory.resolve("agents.json"),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
        try (FileChannel names = FileChannel.open(directory, StandardOpenOption.READ)) {
            names.force(true);
        }
    }

    @Override
    public void close() {}
}
