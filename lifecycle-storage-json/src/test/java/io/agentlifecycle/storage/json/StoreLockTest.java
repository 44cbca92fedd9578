package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.agentlifecycle.core.error.StoreLockedException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** One writer at a time, whatever becomes of the others and of the files of the lock. */
@Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StoreLockTest {
    private static final long AT_ONCE_MILLIS = 1_000;

    @TempDir
    private Path temporary;

    private Path directory;
    private Child.Served other;
    private final List<Long> waits = new ArrayList<>();

    @BeforeEach
    void start() throws IOException {
        directory = temporary.toRealPath().resolve("lifecycle-data");
        other = new Child.Served(directory);
    }

    @AfterEach
    void end() throws Exception {
        other.close();
    }

    private void assertOtherIsRefused(String holder) throws IOException {
        Child.Answer answer = other.tell("open");
        assertThat(answer.text()).startsWith("store-locked ").contains(directory.toString(), holder);
        waits.add(answer.millis());
    }

    private void assertRefusedHere(String holder) {
        long begin = System.nanoTime();
        assertThatThrownBy(() -> JsonStore.open(directory))
                .isInstanceOf(StoreLockedException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContaining(holder);
        waited(begin);
    }

    private void waited(long begin) {
        waits.add(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin));
    }

    /** All but a few, which a busy machine may have held up; a wait or a look-up by the lock would be in each. */
    private void assertAtOnce() {
        waits.sort(null);
        assertThat(waits.get(waits.size() * 3 / 4)).as("%s", waits).isLessThan(AT_ONCE_MILLIS);
    }

    private static String named(ProcessHandle process) throws IOException {
        Path file = Path.of("/proc/sys/kernel/hostname");
        String host = Files.exists(file) ? Files.readString(file).strip() : "";
        return "pid %d on host %s".formatted(process.pid(), host);
    }

    private static String since(ProcessHandle process) {
        return " since " + process.info().startInstant().orElseThrow();
    }

    // ---- two processes, and two stores in one

    @Test
    void whoever_comes_second_is_refused_and_hears_who_is_first() throws Exception {
        takeTurns(20);
    }

    @Test
    @Tag("deep")
    @Tag("once")
    void whoever_comes_second_is_refused_time_and_again() throws Exception {
        takeTurns(200);
    }

    private void takeTurns(int rounds) throws Exception {
        List<Commit> applied = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            String id = "agent:" + round;
            try (Child.Served killed = new Child.Served(directory)) {
                assertThat(killed.tell("open").text()).isEqualTo("open");
                String first = named(ProcessHandle.of(killed.pid()).orElseThrow())
                        + since(ProcessHandle.of(killed.pid()).orElseThrow());
                assertRefusedHere("is locked by " + first + "; close it there, or use another directory");
                assertOtherIsRefused("is locked by " + first);
                assertThat(killed.tell("put " + id + " 1").text()).startsWith("Applied");
                applied.add(Sample.put(id, 1));
                killed.kill();
            }
            assertThat(directory.resolve("LOCK")).exists();

            long begin = System.nanoTime();
            try (JsonStore store = JsonStore.open(directory)) {
                waited(begin);
                for (Path same : List.of(directory, directory.resolve("../lifecycle-data"))) {
                    assertThat(catchThrowable(() -> JsonStore.open(same)))
                            .isInstanceOf(StoreLockedException.class)
                            .hasMessageContaining("is open in this process already");
                }
                // the refused openings did not let go of the lock
                assertOtherIsRefused("is locked by " + named(ProcessHandle.current()));
                Sample.applied(store, Sample.put(id, 2));
                applied.add(Sample.put(id, 2));
            }

            assertThat(other.tell("open").text()).isEqualTo("open");
            assertRefusedHere("is locked by pid " + other.pid());
            assertThat(other.tell("put " + id + " 3").text()).startsWith("Applied");
            applied.add(Sample.put(id, 3));
            assertThat(other.tell("close").text()).isEqualTo("closed");
        }
        assertAtOnce();
        try (JsonStore store = JsonStore.open(directory)) {
            assertThat(Sample.content(store)).isEqualTo(Sample.content(applied));
        }
    }

    @Test
    void another_copy_of_the_library_in_this_process_neither_gets_in_nor_lets_others_in() throws Exception {
        JsonStore.open(directory).close();
        StoreLock held = StoreLock.take(directory);
        List<URL> classPath = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(System.getProperty("path.separator"))) {
            classPath.add(Path.of(entry).toUri().toURL());
        }
        try (var loader = new URLClassLoader(classPath.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
            Method take = Class.forName(StoreLock.class.getName(), true, loader).getDeclaredMethod("take", Path.class);
            take.setAccessible(true);
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(() -> take.invoke(null, directory))
                        .isInstanceOf(InvocationTargetException.class)
                        .cause()
                        .hasMessageContaining("is open in this process already");
                assertOtherIsRefused(named(ProcessHandle.current()));
                held.ensureHeld();
            }

            held.close();
            var taken = (AutoCloseable) take.invoke(null, directory);
            assertOtherIsRefused(named(ProcessHandle.current()));
            taken.close();
        }
        assertThat(other.tell("open").text()).isEqualTo("open");
    }

    @Test
    void a_copy_of_a_store_that_shares_its_lock_file_does_not_let_others_in() throws Exception {
        JsonStore.open(directory).close();
        Path copy = temporary.resolve("copy");
        new FileIo().createDirectory(copy);
        for (String name : new FileIo().list(directory)) {
            Files.createLink(copy.resolve(name), directory.resolve(name));
        }
        try (JsonStore store = JsonStore.open(directory)) {
            assertThatThrownBy(() -> JsonStore.open(copy)).isInstanceOf(StoreLockedException.class);
            assertOtherIsRefused(named(ProcessHandle.current()));
            Sample.applied(store, Sample.put("a", 1));
        }
    }

    // ---- a lock that is gone

    /** What someone does to the lock of a store that is open. */
    private enum Sabotage {
        REMOVED,
        REPLACED,
        LINKED,
        DIRECTORY_REPLACED;

        void to(Path directory) throws IOException {
            Path lock = directory.resolve("LOCK");
            Path aside = directory.resolveSibling("aside");
            switch (this) {
                case REMOVED -> Files.delete(lock);
                case REPLACED -> {
                    Files.createFile(aside, FileIo.ownerOnly("rw-------"));
                    Files.move(aside, lock, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                }
                case LINKED -> {
                    Files.move(lock, aside);
                    Files.createSymbolicLink(lock, aside);
                }
                case DIRECTORY_REPLACED -> {
                    Files.move(directory, aside);
                    new FileIo().createDirectory(directory);
                    Files.createFile(lock, FileIo.ownerOnly("rw-------"));
                }
            }
        }
    }

    @Test
    void a_lock_that_was_removed_or_replaced_is_not_held() throws Exception {
        for (Sabotage sabotage : Sabotage.values()) {
            Path place = temporary.resolve(sabotage.name()).resolve("lifecycle-data");
            JsonStore.open(place).close();
            StoreLock held = StoreLock.take(place);
            assertThatCode(held::ensureHeld).doesNotThrowAnyException();

            sabotage.to(place);

            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(held::ensureHeld)
                        .as("%s", sabotage)
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining(place.toRealPath().resolve("LOCK") + " was removed or replaced");
            }
            assertThatThrownBy(held::close).isInstanceOf(IOException.class);
            assertThatThrownBy(held::ensureHeld).isInstanceOf(IOException.class);
        }
    }

    /**
     * A file system may give the identity of a directory that was deleted to a new one, although a store still runs in the old
     * one. It takes its time for that, so here an empty directory gets it by being moved.
     */
    @Test
    void a_directory_with_the_identity_of_one_that_is_gone_is_another() throws Exception {
        Path gone = temporary.resolve("gone");
        new FileIo().createDirectory(gone);
        StoreLock held = StoreLock.take(gone);
        Path next = Files.move(gone, temporary.resolve("next"));
        for (String name : new FileIo().list(next)) {
            Files.delete(next.resolve(name));
        }

        try (StoreLock another = StoreLock.take(next)) {
            assertThatThrownBy(held::ensureHeld).isInstanceOf(IOException.class);
            assertThatThrownBy(held::close).isInstanceOf(IOException.class);
            assertThatCode(another::ensureHeld).doesNotThrowAnyException();
            assertThatThrownBy(() -> StoreLock.take(next)).isInstanceOf(StoreLockedException.class);
        }
    }

    @Test
    void a_lock_that_was_closed_is_not_held_and_closing_it_again_takes_it_from_nobody() throws Exception {
        JsonStore.open(directory).close();
        StoreLock first = StoreLock.take(directory);
        first.close();
        assertThatThrownBy(first::ensureHeld).isInstanceOf(IOException.class);
        try (StoreLock second = StoreLock.take(directory)) {
            first.close();
            second.ensureHeld();
            assertRefusedHere("is open in this process already");
            assertOtherIsRefused(named(ProcessHandle.current()));
        }
    }

    @Test
    void whoever_removes_a_lock_lets_nobody_in_while_its_holder_runs() throws Exception {
        for (Sabotage sabotage : List.of(Sabotage.REMOVED, Sabotage.REPLACED)) {
            assertThat(other.tell("open").text()).isEqualTo("open");
            sabotage.to(directory);
            for (int i = 0; i < 2; i++) {
                assertRefusedHere("was opened by pid " + other.pid());
            }
            other.close();
            try (JsonStore store = JsonStore.open(directory)) {
                Sample.applied(store, Sample.put(sabotage.name(), 1));
            }
            other = new Child.Served(directory);
        }
    }

    @Test
    void a_store_whose_lock_was_removed_stores_nothing_more_and_the_next_one_is_not_disturbed() throws Exception {
        List<Commit> applied = new ArrayList<>();
        for (Sabotage sabotage : List.of(Sabotage.REMOVED, Sabotage.REPLACED)) {
            String id = sabotage.name();
            assertThat(other.tell("open").text()).isEqualTo("open");
            assertThat(other.tell("put " + id + " 1").text()).startsWith("Applied");
            applied.add(Sample.put(id, 1));
            sabotage.to(directory);
            Files.delete(directory.resolve("LOCK.info"));

            try (JsonStore second = JsonStore.open(directory)) {
                Sample.applied(second, Sample.put(id, 2));
                applied.add(Sample.put(id, 2));
                for (int i = 0; i < 3; i++) {
                    assertThat(other.tell("put other:" + id + " 1").text())
                            .doesNotStartWith("Applied")
                            .contains(CommitResult.Reason.FAILED.name());
                }
                assertThat(other.tell("close").text()).isEqualTo("closed");
                Sample.applied(second, Sample.put(id, 3));
                applied.add(Sample.put(id, 3));
                assertRefusedHere("is open in this process already");
                assertOtherIsRefused(named(ProcessHandle.current()));
            }
            try (JsonStore store = JsonStore.open(directory)) {
                assertThat(Sample.content(store)).isEqualTo(Sample.content(applied));
            }
        }
    }

    // ---- who holds it

    @Test
    void whatever_stands_in_LOCK_info_breaks_no_opening() throws Exception {
        JsonStore.open(directory).close();
        Path info = directory.resolve("LOCK.info");
        String lock = Files.readAttributes(
                        directory.resolve("LOCK"), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                .fileKey()
                .toString();
        String here = named(ProcessHandle.current());
        String running = since(ProcessHandle.of(other.pid()).orElseThrow());
        List<String> garbage = List.of(
                "",
                "\n",
                "pid",
                "\u0000".repeat(100),
                "x".repeat(3 << 20),
                "pid 99999999999999999999 on host x since y\nlock z\n",
                "pid 999999999999999999 on host x since y\nlock z\n",
                "pid -1 on host x since y\nlock z\n",
                // killed, and its number was given to another process
                here.replaceFirst("[0-9]+", String.valueOf(other.pid())) + " since 2001-01-01T00:00:00Z\nlock z\n",
                // of another host, which cannot be asked
                "pid " + other.pid() + " on host elsewhere" + running + "\nlock z\n",
                // it has the same lock, so it is over
                here.replaceFirst("[0-9]+", String.valueOf(other.pid())) + running + "\nlock " + lock + "\n",
                here + since(ProcessHandle.current()) + "\nlock z\n");
        for (String text : garbage) {
            Files.writeString(info, text);
            try (JsonStore store = JsonStore.open(directory)) {
                assertThat(store.describe().openReport().cutBytes()).isZero();
                assertOtherIsRefused(here);
                Files.writeString(info, text.substring(0, Math.min(text.length(), 20)));
                assertOtherIsRefused("is locked by another process");
            }
            assertThat(info).isEmptyFile();
        }
        Files.delete(info);
        JsonStore.open(directory).close();
    }

    @Test
    void a_process_that_is_over_is_not_named_as_the_holder() throws Exception {
        assertThat(other.tell("open").text()).isEqualTo("open");
        Path info = directory.resolve("LOCK.info");
        String left = Files.readString(info);
        other.close();
        other = new Child.Served(directory);
        assertThat(other.tell("open").text()).isEqualTo("open");
        Files.writeString(info, left);

        assertRefusedHere("is locked by another process");
    }

    @Test
    void a_store_that_an_interrupted_thread_closes_is_free() throws Exception {
        JsonStore store = JsonStore.open(directory);
        assertThat(directory.resolve("LOCK.info")).content().startsWith(named(ProcessHandle.current()));
        Thread.currentThread().interrupt();
        store.close();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(directory.resolve("LOCK.info")).isEmptyFile();
        assertThat(other.tell("open").text()).isEqualTo("open");
    }

    @Test
    void the_files_of_the_lock_may_not_be_links() throws Exception {
        JsonStore.open(directory).close();
        for (String name : List.of("LOCK", "LOCK.info")) {
            Path victim = Files.writeString(temporary.resolve("victim-of-" + name), "mine");
            Files.delete(directory.resolve(name));
            Files.createSymbolicLink(directory.resolve(name), victim);
            assertThatThrownBy(() -> StoreLock.take(directory)).isInstanceOf(IOException.class);
            assertThat(victim).hasContent("mine");
            Files.delete(directory.resolve(name));
        }
        assertThat(other.tell("open").text()).isEqualTo("open");
    }
}
