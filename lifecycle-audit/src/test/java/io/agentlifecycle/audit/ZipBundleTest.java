package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.error.AuditTamperedException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A log in a zip, which somebody may have made in order to harm whoever verifies it. */
class ZipBundleTest {
    private static final int END = 22;

    @TempDir
    private Path folder;

    private static Map<String, String> files(Path exported) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> found = Files.walk(exported)) {
            for (Path file : found.filter(Files::isRegularFile).toList()) {
                files.put(exported.relativize(file).toString().replace('\\', '/'), Files.readString(file, ISO_8859_1));
            }
        }
        return files;
    }

    private static Map<String, String> unzipped(Path zip) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (var file = new ZipFile(zip.toFile())) {
            for (ZipEntry entry : file.stream().toList()) {
                files.put(entry.getName(), new String(file.getInputStream(entry).readAllBytes(), ISO_8859_1));
            }
        }
        return files;
    }

    /** A zip as somebody else would make it. */
    private Path zip(Map<String, String> files) throws IOException {
        Path zip = folder.resolve("made.zip");
        try (var out = new ZipOutputStream(Files.newOutputStream(zip))) {
            for (Map.Entry<String, String> file : files.entrySet()) {
                out.putNextEntry(new ZipEntry(file.getKey()));
                out.write(file.getValue().getBytes(ISO_8859_1));
                out.closeEntry();
            }
        }
        return zip;
    }

    @Test
    void a_zip_has_the_files_of_the_folder_and_says_the_same() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.export(folder.resolve("log"));
        kept.tree.export(folder.resolve("log.zip"));
        kept.tree.exportTrail(KeptLog.A, folder.resolve("trail"));
        kept.tree.exportTrail(KeptLog.A, folder.resolve("trail.ZIP"));
        kept.tree.exportRange(3, 17, folder.resolve("range"));
        kept.tree.exportRange(3, 17, folder.resolve("range.zip"));

        for (String[] pair : new String[][] {{"log", "log.zip"}, {"trail", "trail.ZIP"}, {"range", "range.zip"}}) {
            Path plain = folder.resolve(pair[0]);
            Path zip = folder.resolve(pair[1]);
            assertThat(zip).isRegularFile();
            assertThat(unzipped(zip)).isEqualTo(files(plain));
            assertThat(kept.verify(zip)).isEqualTo(kept.verify(plain));
            assertThat(kept.verifyPart(zip)).isEqualTo(kept.verifyPart(plain));
        }
        Path renamed = Files.move(folder.resolve("range.zip"), folder.resolve("renamed"));
        assertThat(kept.verify(renamed)).isEqualTo(kept.verify(folder.resolve("range")));
        assertThat(kept.leftovers())
                .containsExactlyInAnyOrder("log", "log.zip", "trail", "trail.ZIP", "range", "renamed", "key.vkey");
    }

    @Test
    void the_same_log_gives_the_same_zip() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.export(folder.resolve("a.zip"));
        kept.tree.export(folder.resolve("b.zip"));
        assertThat(folder.resolve("a.zip")).hasSameBinaryContentAs(folder.resolve("b.zip"));
        try (var zip = new ZipFile(folder.resolve("a.zip").toFile())) {
            assertThat(zip.stream().map(ZipEntry::getTimeLocal)).containsOnly(LocalDateTime.of(1980, 2, 1, 0, 0));
        }
    }

    @Test
    void a_zip_never_takes_the_place_of_a_file() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        Path there = Files.writeString(folder.resolve("there.zip"), "mine");
        assertThatThrownBy(() -> kept.tree.export(there))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("is there already");
        assertThat(there).hasContent("mine");
        assertThat(kept.leftovers()).containsExactly("there.zip");
    }

    /** Made by another program, with folders, and with files that nobody asks for. */
    @Test
    void only_the_files_of_an_export_count() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.export(folder.resolve("log"));
        Map<String, String> files = files(folder.resolve("log"));
        files.put("tile/", "");
        files.put("../outside", "x");
        files.put("/outside", "x");
        files.put("C:\\outside", "x");
        files.put("META-INF/MANIFEST.MF", "Multi-Release: true\n");
        files.put("META-INF/versions/9/checkpoint", "x");
        files.put("Checkpoint", "x");
        files.put("tile\\0\\000", "x");

        assertThat(kept.verify(zip(files))).isEqualTo(kept.verify(folder.resolve("log")));
        assertThat(kept.leftovers()).containsExactlyInAnyOrder("log", "made.zip");
        for (String name : List.of("checkpoint", "genesis.vkey", "events.jsonl", "tile/0/000.p/30")) {
            String own = files.remove(name);
            files.put(name + "/", own);
            assertThatThrownBy(() -> kept.verify(zip(files)))
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining(name + ": it is not there");
            files.remove(name + "/");
            files.put("log/" + name, own);
            assertThatThrownBy(() -> kept.verify(zip(files)))
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining(name + ": it is not there");
            files.put(name, own);
        }
        kept.verify(zip(files));
    }

    @Test
    void a_name_that_is_there_twice_is_refused() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.export(folder.resolve("log"));
        Map<String, String> files = files(folder.resolve("log"));
        files.put("checkpoinT", "x");
        Path zip = zip(files);
        Files.writeString(zip, Files.readString(zip, ISO_8859_1).replace("checkpoinT", "checkpoint"), ISO_8859_1);

        assertThatThrownBy(() -> kept.verify(zip))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("made.zip: checkpoint is there twice");
    }

    /** Some JDKs take a size of less than nothing from a zip64 block, and give no byte and no end for ever. */
    @Test
    @Timeout(60)
    void a_file_that_says_that_it_is_shorter_than_nothing_is_refused() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        byte[] name = "checkpoint".getBytes(ISO_8859_1);
        int local = 30 + name.length;
        int central = 46 + name.length + 12;
        ByteBuffer zip = ByteBuffer.allocate(local + central + 22).order(ByteOrder.LITTLE_ENDIAN);
        zip.putInt(0x04034b50)
                .putShort((short) 45)
                .putShort((short) 0)
                .putShort((short) 0)
                .putInt(0);
        zip.putInt(0)
                .putInt(0)
                .putInt(5)
                .putShort((short) name.length)
                .putShort((short) 0)
                .put(name);
        zip.putInt(0x02014b50)
                .putShort((short) 45)
                .putShort((short) 45)
                .putShort((short) 0)
                .putShort((short) 0);
        zip.putInt(0)
                .putInt(0)
                .putInt(-1)
                .putInt(5)
                .putShort((short) name.length)
                .putShort((short) 12);
        zip.putShort((short) 0)
                .putShort((short) 0)
                .putShort((short) 0)
                .putInt(0)
                .putInt(0)
                .put(name);
        zip.putShort((short) 1).putShort((short) 8).putLong(-5);
        zip.putInt(0x06054b50)
                .putShort((short) 0)
                .putShort((short) 0)
                .putShort((short) 1)
                .putShort((short) 1);
        zip.putInt(central).putInt(local).putShort((short) 0);
        Path made = folder.resolve("endless.zip");
        Files.write(made, zip.array());

        assertThatThrownBy(() -> kept.verify(made)).isInstanceOf(AuditTamperedException.class);
    }

    @Test
    void what_inflates_without_end_is_read_to_its_limit() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.exportRange(3, 17, folder.resolve("range"));
        Map<String, String> files = files(folder.resolve("range"));
        String bomb = "{\"event\":" + " ".repeat(50_000_000);
        for (String name : List.of("checkpoint", "genesis.vkey", "0007.tlog-proof")) {
            String own = files.put(name, bomb);
            assertThatThrownBy(() -> kept.verify(zip(files)))
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining(name + ": it is longer than 32768 bytes");
            files.put(name, own);
        }
        files.put("events.jsonl", files.get("events.jsonl") + bomb);
        assertThatThrownBy(() -> kept.verify(zip(files)))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("line 16: it is longer than " + EventLine.MAX_BYTES + " bytes");
    }

    // ---- zips that are none

    @Test
    void a_zip_that_was_cut_anywhere_is_refused() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.exportRange(3, 4, folder.resolve("range.zip"));
        byte[] whole = Files.readAllBytes(folder.resolve("range.zip"));
        Path cut = folder.resolve("cut.zip");
        for (int length = 0; length < whole.length; length += length < whole.length - 100 ? 7 : 1) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> kept.verify(cut))
                    .as("%d bytes", length)
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining("cut.zip: it is no zip, or has a comment");
        }
        Files.write(cut, Arrays.copyOf(whole, whole.length + 1));
        assertThatThrownBy(() -> kept.verify(cut)).hasMessageContaining("it is no zip, or has a comment");
        Files.write(cut, whole);
        kept.verify(cut);
    }

    /** The JDK takes an end whose comment has just the length that is left, so what stands last need not be it. */
    @Test
    void an_end_that_is_the_comment_of_another_end_is_refused() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.exportRange(3, 4, folder.resolve("range.zip"));
        byte[] whole = Files.readAllBytes(folder.resolve("range.zip"));
        byte[] both = Arrays.copyOf(whole, whole.length + END);
        System.arraycopy(whole, whole.length - END, both, whole.length, END);
        both[whole.length - 2] = END; // the length of a comment
        both[both.length - 2] = 1;
        Path zip = Files.write(folder.resolve("both.zip"), both);

        assertThat(unzipped(zip)).as("to the JDK it is a zip").containsKey("checkpoint");
        assertThatThrownBy(() -> kept.verify(zip))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("both.zip: it is no zip, or has a comment");
    }

    /** JDK 17 checks only names when it opens a zip, and throws something untyped when it comes to such a comment. */
    @Test
    void a_zip_whose_file_has_a_comment_that_is_no_utf_8_is_refused() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        var commented = new ByteArrayOutputStream();
        try (var out = new ZipOutputStream(commented)) {
            var entry = new ZipEntry("checkpoint");
            entry.setComment("\u00e9");
            out.putNextEntry(entry);
        }
        byte[] bytes = commented.toByteArray();
        bytes[bytes.length - END - 1] = 'x'; // the second byte of the letter, which ends the list of files
        Path zip = Files.write(folder.resolve("commented.zip"), bytes);

        assertThatThrownBy(() -> kept.verify(zip))
                .isInstanceOf(AuditTamperedException.class)
                .hasMessageContaining("commented.zip: ");
        assertThatThrownBy(() -> BundleFiles.in(zip)).isInstanceOf(ZipException.class);
    }

    /** What a zip says of its files besides their bytes does not count, so some changes are none. */
    @Test
    void a_zip_with_a_byte_changed_is_refused_or_says_the_same_and_nothing_else_is_thrown() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.exportRange(3, 4, folder.resolve("range.zip"));
        byte[] bytes = Files.readAllBytes(folder.resolve("range.zip"));
        LogBundle.Verified expected = kept.verify(folder.resolve("range.zip"));
        Path changed = folder.resolve("changed.zip");
        var random = new Random(5);
        int refused = 0;
        for (int i = 0; i < bytes.length; i += 1 + random.nextInt(5)) {
            byte own = bytes[i];
            bytes[i] ^= (byte) (1 + random.nextInt(255));
            Files.write(changed, bytes);
            try {
                assertThat(kept.verify(changed)).as("byte %d", i).isEqualTo(expected);
            } catch (AuditTamperedException e) {
                refused++;
            }
            bytes[i] = own;
        }
        assertThat(refused).isBetween(bytes.length / 10, bytes.length / 3 - 50);
    }

    private byte[] listed(long files, long list) throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.exportRange(3, 4, folder.resolve("range.zip"));
        byte[] bytes = Files.readAllBytes(folder.resolve("range.zip"));
        ByteBuffer end = ByteBuffer.wrap(bytes, bytes.length - END, END).slice().order(ByteOrder.LITTLE_ENDIAN);
        end.putShort(8, (short) files).putShort(10, (short) files).putInt(12, (int) list);
        return bytes;
    }

    /** The JDK reads a list as long as the zip says that it is. */
    @Test
    void a_zip_that_says_it_has_very_many_files_is_refused_before_anyone_believes_it() throws IOException {
        long[][] sizes = {{65_535, 65_535 * 46}, {65_534, 1 << 25}, {10, 459}, {1, 0xffff_ffffL}, {65_535, 0xffff_ffffL}
        };
        for (long[] size : sizes) {
            Path each = Files.createDirectory(folder.resolve("z" + size[0] + "-" + size[1]));
            var test = new ZipBundleTest();
            test.folder = each;
            Path zip = Files.write(each.resolve("hostile.zip"), test.listed(size[0], size[1]));
            assertThatThrownBy(() -> BundleFiles.in(zip))
                    .isInstanceOf(ZipException.class)
                    .hasMessage("a zip here has at most 65534 files, whose list has at most 16777216 bytes");
        }
    }

    /** In a zip of the long format the true numbers stand elsewhere, if those at the end say so. */
    @Test
    void the_numbers_of_the_long_format_cannot_get_round_the_limits() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.exportRange(3, 4, folder.resolve("range.zip"));
        byte[] bytes = Files.readAllBytes(folder.resolve("range.zip"));
        int at = bytes.length - END;
        ByteBuffer end = ByteBuffer.wrap(bytes, at, END).slice().order(ByteOrder.LITTLE_ENDIAN);
        int files = end.getShort(10);
        int list = end.getInt(12);
        ByteBuffer longer = ByteBuffer.allocate(bytes.length + 56 + 20).order(ByteOrder.LITTLE_ENDIAN);
        longer.put(bytes, 0, at);
        longer.putInt(0x06064b50)
                .putLong(44)
                .putShort((short) 45)
                .putShort((short) 45)
                .putInt(0)
                .putInt(0);
        longer.putLong(1L << 40).putLong(1L << 40).putLong(1L << 40).putLong(at - list);
        longer.putInt(0x07064b50).putInt(0).putLong(at).putInt(1);
        longer.put(bytes, at, END);
        Path zip = Files.write(folder.resolve("long.zip"), longer.array());

        // the JDK takes them only if those at the end are the same, or the largest there are, which is refused
        assertThat(files).isLessThan(10);
        assertThatThrownBy(() -> kept.verify(zip)).isInstanceOf(AuditTamperedException.class);
    }

    @Test
    void there_is_a_limit_for_files_when_a_zip_is_read_and_when_it_is_written() throws IOException {
        Path many = folder.resolve("many.zip");
        try (var out = new ZipOutputStream(Files.newOutputStream(many))) {
            for (int i = 0; i <= ZipBundle.MAX_FILES; i++) {
                var entry = new ZipEntry("" + i);
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(0);
                entry.setCrc(new CRC32().getValue());
                out.putNextEntry(entry);
            }
        }
        assertThatThrownBy(() -> BundleFiles.in(many)).hasMessageContaining("at most 65534 files");

        Path files = Files.createDirectory(folder.resolve("files"));
        for (String name : List.of("a", "b", "c")) {
            Files.createFile(files.resolve(name));
        }
        assertThatThrownBy(() -> ZipBundle.pack(files, folder.resolve("packed.zip"), 2))
                .isInstanceOf(IOException.class)
                .hasMessage("a zip has at most 2 files here; export into a folder, or less");
        ZipBundle.pack(files, folder.resolve("packed.zip"), 3);
        assertThat(unzipped(folder.resolve("packed.zip"))).containsOnlyKeys("a", "b", "c");
    }

    @Test
    void the_command_reads_a_zip_and_says_in_one_line_why_it_does_not() throws IOException {
        KeptLog kept = new KeptLog(folder).thirty();
        kept.tree.export(folder.resolve("log.zip"));
        Path vkey = Files.writeString(folder.resolve("key.vkey"), kept.key + "\n");
        var output = new ByteArrayOutputStream();
        String[] args = {"verify", folder.resolve("log.zip").toString(), "--vkey", vkey.toString()};

        assertThat(Verify.run(args, new PrintStream(output, true, UTF_8)))
                .as(output.toString(UTF_8))
                .isZero();
        assertThat(output.toString(UTF_8)).contains("30 events in 3 streams");
        output.reset();
        Files.writeString(folder.resolve("log.zip"), "no zip");
        assertThat(Verify.run(args, new PrintStream(output, true, UTF_8))).isEqualTo(1);
        assertThat(output.toString(UTF_8)).startsWith("log.zip: it is no zip").hasLineCount(1);
    }
}
