package io.agentlifecycle.storage.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Who holds a lock, as LOCK.info says it: for people, and for an opening that finds the lock taken or removed. Anything
 * may stand in that file; what was not written here counts as nothing. After an orderly close the file is empty.
 *
 * @param since when the process began
 * @param lock which LOCK it holds
 */
record LockInfo(long pid, String host, String since, String lock) {
    private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");
    private static final int MAX_BYTES = 8_192;
    private static final Pattern FORM =
            Pattern.compile("pid ([0-9]{1,18}) on host (\\S{1,255}) since (\\S{1,64})\\nlock (.{1,4096})\\n");

    private static Path file(Path directory) {
        return directory.resolve("LOCK.info");
    }

    /** What stands in the directory; empty if there is nothing, or nothing that makes sense. */
    static Optional<LockInfo> read(Path directory) {
        Path file = file(directory);
        if (!Files.isRegularFile(file, NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        try (InputStream in = Files.newInputStream(file, NOFOLLOW_LINKS)) {
            Matcher matcher = FORM.matcher(new String(in.readNBytes(MAX_BYTES), UTF_8));
            return matcher.matches()
                    ? Optional.of(new LockInfo(
                            Long.parseLong(matcher.group(1)), matcher.group(2), matcher.group(3), matcher.group(4)))
                    : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // it only makes a message better
        }
    }

    /** Says that this process holds {@code lock}. */
    static void write(Path directory, String lock) throws IOException {
        ProcessHandle self = ProcessHandle.current();
        String text = "pid %d on host %s since %s\nlock %s\n".formatted(self.pid(), thisHost(), beginning(self), lock);
        try (FileChannel channel = FileChannel.open(
                file(directory),
                Set.of(WRITE, CREATE, TRUNCATE_EXISTING, NOFOLLOW_LINKS),
                FileIo.ownerOnly("rw-------"))) {
            for (ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8)); bytes.hasRemaining(); ) {
                channel.write(bytes);
            }
            channel.force(false);
        }
    }

    /** Says that nobody holds the lock. */
    static void clear(Path directory) throws IOException {
        Path file = file(directory);
        if (Files.isRegularFile(file, NOFOLLOW_LINKS)) {
            // to open it does all, also on an interrupted thread, as the one that closes a store often is
            FileChannel.open(file, WRITE, TRUNCATE_EXISTING, NOFOLLOW_LINKS).close();
        }
    }

    /** True if it is known that the process has ended. */
    boolean isOver() {
        return host.equals(thisHost()) && !isRunning();
    }

    /** True if it is known that another process, which still runs, held another lock than this one. */
    boolean isOtherLockInUse(String present) {
        return !lock.equals(present) && pid != ProcessHandle.current().pid() && host.equals(thisHost()) && isRunning();
    }

    /** Another process may have got the same number, but it did not begin at the same time. */
    private boolean isRunning() {
        return ProcessHandle.of(pid)
                .filter(found -> beginning(found).equals(since))
                .isPresent();
    }

    private static String beginning(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toString).orElse("unknown");
    }

    /** Not by a look-up in the network where the system tells it, as that may take seconds. */
    private static String thisHost() {
        String name;
        try {
            name = Files.exists(HOST_NAME)
                    ? Files.readString(HOST_NAME)
                    : InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            name = "unknown";
        }
        return name.strip().replaceAll("\\s", "_");
    }

    /** {@code pid 4711 on host x since 2026-04-11T12:00:00Z} */
    @Override
    public String toString() {
        return "pid %d on host %s since %s".formatted(pid, host, since);
    }
}
