package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a directory must be like before a store is opened or made there. */
class PremisesTest {
    @TempDir
    private Path temporary;

    private Path directory;

    @BeforeEach
    void locate() throws IOException {
        directory = temporary.toRealPath().resolve("lifecycle-data");
    }

    /** Everything that is there, with its permissions and what stands in it or where it leads. */
    private Map<String, String> everything() throws IOException {
        try (Stream<Path> found = Files.walk(temporary)) {
            Map<String, String> all = new TreeMap<>();
            for (Path path : found.toList()) {
                String content = Files.isSymbolicLink(path)
                        ? Files.readSymbolicLink(path).toString()
                        : Files.isDirectory(path) ? "" : Files.readString(path);
                all.put(
                        temporary.relativize(path).toString(),
                        PosixFilePermissions.toString(Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS))
                                + " "
                                + content);
            }
            return all;
        }
    }

    /** It is refused, in words that name the path and the way out, and nothing is changed. */
    private void assertRefused(Path given, String... words) throws IOException {
        Map<String, String> before = everything();
        assertThatThrownBy(() -> JsonStore.open(given))
                .isExactlyInstanceOf(StoreException.class)
                .hasMessageContainingAll(words);
        assertThat(everything()).isEqualTo(before);
    }

    private void closedStore() throws IOException {
        Limits snapshot = new Limits(4 << 20, 64L << 20, 8L << 20, 0, 50);
        try (JsonStore store = JsonStore.open(directory, new FileIo(), snapshot)) {
            Sample.applied(store, Sample.put("a", 1));
        }
        new FileIo().createDirectory(directory.resolve("quarantine"));
        Files.createFile(directory.resolve("quarantine").resolve("cut"), FileIo.ownerOnly("rw-------"));
    }

    /** A disk of which one method answers something else. */
    private static StorageIo with(StorageIo disk, String name, UnaryOperator<Object> answer) {
        return (StorageIo) Proxy.newProxyInstance(
                StorageIo.class.getClassLoader(), new Class<?>[] {StorageIo.class}, (proxy, method, arguments) -> {
                    try {
                        Object found = method.invoke(disk, arguments);
                        return method.getName().equals(name) ? answer.apply(found) : found;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private List<Path> entries() throws IOException {
        try (Stream<Path> found = Files.walk(directory)) {
            return found.filter(path -> !path.equals(directory)).toList();
        }
    }

    // ---- the file system

    private static StorageIo on(MemoryIo disk, String type) {
        return with(disk, "fileSystem", found -> type);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nfs",
                "nfs4",
                "NFS",
                "nfsd",
                "cifs",
                "CIFS",
                "smb2",
                "smb3",
                "smbfs",
                "fuse",
                "fuse.sshfs",
                "fuseblk",
                "fuse.glusterfs",
                "fusectl",
                "9p",
                "v9fs",
                "afs",
                "ceph",
                "glusterfs",
                "lustre",
                "gpfs",
                "beegfs",
                "afpfs",
                "davfs",
                "webdav",
                "coda",
                "ncpfs",
                "ocfs2",
                "gfs2",
                "orangefs",
                "pvfs2",
                "vboxsf",
                "vmhgfs",
                "virtiofs",
                "prl_fs",
                "panfs",
                "wslfs",
                "osxfuse",
                "macfuse"
            })
    void a_network_file_system_is_refused_before_anything_is_made(String type) throws IOException {
        for (MemoryIo disk : List.of(new MemoryIo(), MemoryIo.of(Journals.closed(Journals.commits(3))))) {
            Map<Path, byte[]> before = disk.files();
            assertThatThrownBy(() -> JsonStore.open(Sample.DIRECTORY, on(disk, type), Sample.QUIET))
                    .isExactlyInstanceOf(StoreException.class)
                    .hasMessageContainingAll(
                            "a file system of type " + type.toLowerCase(Locale.ROOT),
                            "choose a directory on a local disk");
            assertThat(Journals.same(disk.files(), before)).isTrue();
            assertThat(disk.exists(Sample.DIRECTORY)).isEqualTo(!before.isEmpty());
            assertThat(disk.isLocked()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ext2",
                "ext3",
                "ext4",
                "xfs",
                "btrfs",
                "zfs",
                "f2fs",
                "overlay",
                "overlayfs",
                "aufs",
                "tmpfs",
                "ramfs",
                "apfs",
                "hfs",
                "hfsplus",
                "ntfs",
                "ntfs3",
                "NTFS",
                "ReFS",
                "vfat",
                "exfat",
                "jfs",
                "reiserfs",
                "bcachefs",
                "ufs",
                "unknown",
                ""
            })
    void a_local_file_system_is_taken(String type) {
        var disk = new MemoryIo();
        for (int i = 0; i < 2; i++) {
            try (JsonStore store = JsonStore.open(Sample.DIRECTORY, on(disk, type), Sample.QUIET)) {
                Sample.applied(store, Sample.put("a", i + 1));
            }
        }
    }

    @Test
    void the_disk_says_of_what_type_its_file_system_is() {
        assertThat(new FileIo().fileSystem(temporary)).matches("[a-zA-Z0-9.]+").isNotEqualTo("unknown");
        assertThat(new FileIo().fileSystem(Path.of("/proc"))).isEqualTo("proc");
    }

    // ---- links

    @Test
    void a_link_in_the_place_of_any_entry_is_refused() throws IOException {
        closedStore();
        List<Path> entries = entries();
        assertThat(entries).hasSizeGreaterThanOrEqualTo(7);
        for (Path entry : entries) {
            Path aside = temporary.resolve("aside");
            Files.move(entry, aside);
            for (Path target : List.of(aside, temporary.resolve("nowhere"))) {
                Files.createSymbolicLink(entry, target);
                assertRefused(directory, entry.toString(), "is a symbolic link", "put the file itself in its place");
                Files.delete(entry);
            }
            Files.move(aside, entry);
        }
        Files.createSymbolicLink(directory.resolve("stranger"), temporary);
        assertRefused(directory, directory.resolve("stranger").toString(), "is a symbolic link");
        Files.delete(directory.resolve("stranger"));
        JsonStore.open(directory).close();
    }

    @Test
    void a_link_in_a_directory_without_a_store_is_refused_too() throws IOException {
        new FileIo().createDirectory(directory);
        for (String name : List.of("LOCK", "LOCK.info", "MANIFEST.json", "MANIFEST.json.tmp")) {
            Path victim = temporary.resolve("victim");
            Files.writeString(victim, "mine");
            for (Path target : List.of(victim, temporary.resolve("nowhere"))) {
                Files.createSymbolicLink(directory.resolve(name), target);
                assertRefused(directory, directory.resolve(name).toString(), "is a symbolic link");
                Files.delete(directory.resolve(name));
            }
        }
    }

    @Test
    void a_store_that_is_given_by_a_link_stays_where_it_is_when_the_link_goes_elsewhere() throws IOException {
        Path link = temporary.resolve("link");
        Files.createSymbolicLink(link, directory);
        assertRefused(link, link + " is a symbolic link that leads nowhere", "make the directory it leads to");

        new FileIo().createDirectory(directory);
        Path elsewhere = temporary.resolve("elsewhere");
        new FileIo().createDirectory(elsewhere);
        Limits small = new Limits(4 << 20, 500, 600, 0, 50);
        try (JsonStore store = JsonStore.open(link, new FileIo(), small)) {
            Sample.applied(store, Sample.put("a", 1));
            Files.delete(link);
            Files.createSymbolicLink(link, elsewhere);
            for (int version = 2; version < 20; version++) {
                Sample.applied(store, Sample.put("a", version));
            }
        }
        assertThat(elsewhere).isEmptyDirectory();
        try (JsonStore store = JsonStore.open(directory)) {
            assertThat(store.get(Sample.key("a"))).contains(Sample.record("a", 19));
        }
    }

    @Test
    void the_disk_follows_no_link_even_if_nobody_checked() throws IOException {
        Path victim = Files.writeString(temporary.resolve("victim"), "mine");
        Path link = Files.createSymbolicLink(temporary.resolve("link"), victim);
        var io = new FileIo();
        assertThat(catchThrowable(() -> io.readAll(link, 100))).isInstanceOf(IOException.class);
        assertThat(catchThrowable(() -> io.size(link))).isInstanceOf(IOException.class);
        assertThat(catchThrowable(() -> io.openForCut(link))).isInstanceOf(IOException.class);
        assertThat(catchThrowable(() -> io.create(link))).isInstanceOf(IOException.class);
        Path dangling = Files.createSymbolicLink(temporary.resolve("dangling"), temporary.resolve("nowhere"));
        assertThat(catchThrowable(() -> io.create(dangling))).isInstanceOf(IOException.class);
        assertThat(temporary.resolve("nowhere")).doesNotExist();
        assertThat(victim).hasContent("mine");
    }

    // ---- permissions

    @Test
    void what_others_may_read_or_change_is_refused_with_the_command_that_helps() throws IOException {
        closedStore();
        for (String permissions :
                List.of("rwxr-----", "rwx-w----", "rwx--x---", "rwx---r--", "rwx----w-", "rwx-----x")) {
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(permissions));
            assertRefused(directory, "can be read or changed by others", "run: chmod 700 " + directory);
        }
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        try (Stream<Path> found = Files.list(directory)) {
            for (Path entry : found.toList()) {
                var before = Files.getPosixFilePermissions(entry);
                for (String permissions : List.of("rw-r-----", "rw--w----", "rw----r--", "rw-----w-")) {
                    Files.setPosixFilePermissions(entry, PosixFilePermissions.fromString(permissions));
                    assertRefused(directory, entry + " can be read or changed", "run: chmod -R go= " + directory);
                }
                Files.setPosixFilePermissions(entry, before);
            }
        }
        JsonStore.open(directory).close();
    }

    @Test
    void the_command_that_helps_can_be_pasted_into_a_shell() throws Exception {
        directory = temporary.toRealPath().resolve("it's $HOME");
        closedStore();
        Files.setPosixFilePermissions(directory.resolve("MANIFEST.json"), PosixFilePermissions.fromString("rw-r--r--"));
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        for (int i = 0; i < 2; i++) {
            String message = catchThrowable(() -> JsonStore.open(directory)).getMessage();
            String command = message.substring(message.indexOf("run: ") + 5);
            assertThat(new ProcessBuilder("sh", "-c", command)
                            .inheritIO()
                            .start()
                            .waitFor())
                    .isZero();
        }
        JsonStore.open(directory).close();
    }

    // ---- files and directories

    @Test
    void a_directory_in_the_place_of_a_file_is_refused_and_a_file_in_the_place_of_a_directory() throws IOException {
        closedStore();
        Path aside = temporary.resolve("aside");
        for (Path entry : entries()) {
            boolean isDirectory = Files.isDirectory(entry);
            if (!isDirectory && !entry.getParent().equals(directory)) {
                continue; // anything may be in quarantine
            }
            Files.move(entry, aside);
            if (isDirectory) {
                Files.createFile(entry, FileIo.ownerOnly("rw-------"));
                assertRefused(directory, entry + " is a file and should be a directory", "move it away");
            } else {
                new FileIo().createDirectory(entry);
                assertRefused(directory, entry + " is a directory and should be a file", "move it away");
            }
            Files.delete(entry);
            Files.move(aside, entry);
        }
        new FileIo().createDirectory(directory.resolve("MANIFEST.json.tmp"));
        assertRefused(directory, "MANIFEST.json.tmp is a directory and should be a file");
        Files.delete(directory.resolve("MANIFEST.json.tmp"));
        JsonStore.open(directory).close();
    }

    @Test
    void a_file_that_is_gone_when_it_is_looked_at_is_no_reason_to_refuse() throws IOException {
        closedStore();
        StorageIo io = with(new FileIo(), "list", found -> {
            List<Object> names = new ArrayList<>((List<?>) found);
            names.add("MANIFEST.json.tmp");
            return names;
        });

        assertThat(Premises.check(io, directory)).isEqualTo(directory);
    }
}
