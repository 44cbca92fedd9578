package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointFileTest {
    private static final String PATH = "checkpoints.log";

    /** A name whose characters have one to four bytes. */
    private static final String ORIGIN = "log.example/\u00e9\u4e2d\ud83d\ude00";

    private static final JdkKeys KEYS = JdkKeys.fresh();
    private static final VerifierKey KEY =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(KEYS.publicKeys().get(0).jwk()));

    private final MemoryFiles files = new MemoryFiles();

    static SignedNote note(VerifierKey key, JdkKeys keys, long size) {
        return new NoteSigner(keys, key)
                .sign(new Checkpoint(
                                key.name(),
                                size,
                                Hash.of(new byte[] {
                                            (byte) size,
                                            1,
                                            2,
                                            3,
                                            4,
                                            5,
                                            6,
                                            7,
                                            8,
                                            9,
                                            10,
                                            11,
                                            12,
                                            13,
                                            14,
                                            15,
                                            16,
                                            17,
                                            18,
                                            19,
                                            20,
                                            21,
                                            22,
                                            23,
                                            24,
                                            25,
                                            26,
                                            27,
                                            28,
                                            29,
                                            30,
                                            31
                                        })
                                        .toString())
                        .text());
    }

    private static SignedNote note(long size) {
        return note(KEY, KEYS, size);
    }

    private static List<String> all(CheckpointFile file) throws IOException {
        List<String> notes = new ArrayList<>();
        long end = 0;
        for (var next = file.after(0); next.isPresent(); next = file.after(end)) {
            notes.add(next.get().note().toString());
            end = next.get().end();
        }
        assertThat(end).isEqualTo(file.end());
        return notes;
    }

    private CheckpointFile written(int notes) throws IOException {
        CheckpointFile file = CheckpointFile.open(files, PATH);
        for (int size = 1; size <= notes; size++) {
            file.append(note(size));
        }
        return file;
    }

    @Test
    void notes_stand_one_behind_the_other_five_lines_each() throws IOException {
        CheckpointFile file = written(40);

        String text = new String(files.files.get(PATH), UTF_8);
        List<String> lines = text.lines().toList();
        List<String> split = new ArrayList<>();
        for (int i = 0; i < lines.size(); i += 5) {
            split.add(String.join("\n", lines.subList(i, i + 5)) + "\n");
        }
        assertThat(split).hasSize(40).isEqualTo(all(file));
        for (String each : split) {
            SignedNote.read(each).requireSignedBy(KEY);
        }
        CheckpointFile again = CheckpointFile.open(files, PATH);
        assertThat(all(again)).isEqualTo(split);
        assertThat(again.last()).hasToString("Optional[" + note(40) + "]");
        assertThat(file.last()).hasToString("Optional[" + note(40) + "]");
    }

    @Test
    void what_is_the_last_already_is_not_appended_again() throws IOException {
        CheckpointFile file = written(2);
        byte[] before = files.files.get(PATH);
        file.append(note(2));
        CheckpointFile.open(files, PATH).append(note(2));

        assertThat(files.files.get(PATH)).isEqualTo(before);
    }

    @Test
    void a_torn_last_one_does_not_count_wherever_it_is_torn_and_is_written_again() throws IOException {
        for (int notes : new int[] {1, 2, 3, 40}) {
            files.files.clear();
            CheckpointFile file = written(notes - 1);
            int whole = (int) file.end();
            file.append(note(notes));
            byte[] bytes = files.files.get(PATH);
            for (int length = whole; length < bytes.length; length++) {
                files.files.put(PATH, Arrays.copyOf(bytes, length));
                CheckpointFile torn = CheckpointFile.open(files, PATH);
                assertThat(torn.end()).isEqualTo(whole);
                assertThat(torn.last().map(SignedNote::toString))
                        .isEqualTo(
                                notes == 1
                                        ? Optional.empty()
                                        : Optional.of(note(notes - 1).toString()));
                assertThat(torn.after(whole)).isEmpty();
                torn.append(note(notes));
                assertThat(files.files.get(PATH)).isEqualTo(bytes);
            }
        }
    }

    /** A disk may have made room for bytes that it did not write. */
    @Test
    void one_with_holes_is_torn() throws IOException {
        CheckpointFile file = written(2);
        int whole = (int) file.end();
        file.append(note(3));
        byte[] bytes = files.files.get(PATH);
        for (int hole = whole; hole < bytes.length; hole++) {
            byte[] damaged = bytes.clone();
            Arrays.fill(damaged, whole, hole + 1, (byte) 0);
            files.files.put(PATH, damaged);
            assertThat(CheckpointFile.open(files, PATH).end()).isEqualTo(whole);
        }
    }

    @Test
    void more_than_one_that_is_not_whole_is_no_crash() throws IOException {
        written(2);
        byte[] bytes = files.files.get(PATH);
        for (int junk : new int[] {2_048, 2_049, 100_000}) {
            byte[] longer = Arrays.copyOf(bytes, bytes.length + junk);
            files.files.put(PATH, longer);
            if (junk == 2_048) {
                assertThat(CheckpointFile.open(files, PATH).end()).isEqualTo(bytes.length);
            } else {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> CheckpointFile.open(files, PATH))
                        .withMessageContaining("bytes that are no checkpoint");
            }
        }
    }

    @Test
    void damage_in_the_middle_is_named_when_it_is_read() throws IOException {
        CheckpointFile file = written(3);
        CheckpointFile.Entry first = file.after(0).orElseThrow();
        files.files.get(PATH)[(int) first.end() + 3] = '\n';

        assertThatThrownBy(() -> file.after(first.end()))
                .isInstanceOf(IOException.class)
                .hasMessage("checkpoints.log has no checkpoint at byte " + first.end());
        assertThatThrownBy(() -> file.after(5)).isInstanceOf(IOException.class);
    }

    @Test
    void what_could_not_be_read_again_is_not_written() throws IOException {
        CheckpointFile file = written(1);
        byte[] before = files.files.get(PATH);
        SignedNote twice = SignedNote.read(note(2) + note(2).signatures().get(0).line());
        var longNamed = new VerifierKey("n".repeat(256), KEY.key());
        SignedNote extended = SignedNote.of(note(2).text() + "extension\n", KEY, new byte[64]);
        SignedNote longest = SignedNote.of(
                new Checkpoint("\u4e2d".repeat(256), Long.MAX_VALUE, Hash.EMPTY_TREE.toString()).text(),
                new VerifierKey("\u4e2d".repeat(256), longNamed.key()),
                new byte[64]);

        assertThatIllegalArgumentException().isThrownBy(() -> file.append(twice));
        assertThatIllegalArgumentException().isThrownBy(() -> file.append(extended));
        assertThat(files.files.get(PATH)).isEqualTo(before);
        file.append(longest);
        assertThat(CheckpointFile.open(files, PATH).last()).hasToString("Optional[" + longest + "]");
    }

    @Test
    void on_a_disk_it_is_the_same(@TempDir Path folder) throws IOException {
        written(3);
        byte[] bytes = files.files.get(PATH);
        Path file = folder.resolve(PATH);
        var disk = new Folder(folder);
        assertThat(CheckpointFile.open(disk, PATH).last()).isEmpty();
        CheckpointFile.open(disk, PATH).append(note(1));
        CheckpointFile.open(disk, PATH).append(note(2));
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 7));
        CheckpointFile torn = CheckpointFile.open(disk, PATH);
        torn.append(note(3));

        assertThat(file).hasBinaryContent(bytes);
        assertThat(all(torn)).hasSize(3);

        Files.write(file, Arrays.copyOf(bytes, bytes.length + 1_000));
        CheckpointFile.open(disk, PATH).append(note(4));
        assertThat(file).hasSize(bytes.length + note(4).toString().getBytes(UTF_8).length);
        assertThatThrownBy(() -> disk.append(PATH, Files.size(file) + 1, new byte[1]))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("ends before byte");
    }
}
