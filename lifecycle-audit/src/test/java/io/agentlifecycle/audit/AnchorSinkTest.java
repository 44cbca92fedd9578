package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.AbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** The sinks that come with the library. */
class AnchorSinkTest {
    private final JdkKeys keys = JdkKeys.fresh();
    private final VerifierKey key = new VerifierKey(
            "example.com/agents", Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));

    @TempDir
    private Path folder;

    private String note(long size) {
        return CheckpointFileTest.note(key, keys, size).toString();
    }

    private String note(String origin, long size, Hash root) {
        return new NoteSigner(keys, key)
                .sign(new Checkpoint(origin, size, root.toString()).text())
                .toString();
    }

    @Test
    void a_file_has_all_notes_one_behind_the_other_for_its_owner_only() throws Exception {
        Path file = folder.resolve("anchor.log");
        AnchorSink.file(file).anchor(note(1));
        AnchorSink sink = AnchorSink.file(file);
        sink.anchor(note(2));
        sink.anchor(note(3));

        assertThat(file).hasContent(note(1) + note(2) + note(3));
        if (Files.getFileStore(file).supportsFileAttributeView("posix")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void a_file_gets_the_last_one_twice_and_keeps_it_once() throws Exception {
        AnchorSink sink = AnchorSink.file(folder.resolve("anchor.log"));
        sink.anchor(note(1));
        sink.anchor(note(2));
        sink.anchor(note(2));

        assertThat(folder.resolve("anchor.log")).hasContent(note(1) + note(2));
    }

    @Test
    void a_file_takes_again_what_a_crash_tore() throws Exception {
        Path file = folder.resolve("anchor.log");
        AnchorSink sink = AnchorSink.file(file);
        sink.anchor(note(1));
        sink.anchor(note(2));
        byte[] whole = Files.readAllBytes(file);
        for (int length = note(1).getBytes(UTF_8).length; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            sink.anchor(note(2));
            assertThat(file).hasBinaryContent(whole);
        }
    }

    @Test
    void a_file_refuses_what_cannot_come_after_what_it_has() throws Exception {
        Path file = folder.resolve("anchor.log");
        AnchorSink sink = AnchorSink.file(file);
        sink.anchor(note(1));
        sink.anchor(note(5));
        String before = Files.readString(file);

        for (String wrong : List.of(
                note(1),
                note(4),
                note("example.com/others", 6, Hash.EMPTY_TREE),
                note("example.com/agents", 5, Hash.EMPTY_TREE))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> sink.anchor(wrong))
                    .withMessageContaining("the log was rolled back or written anew");
        }
        assertThatIllegalArgumentException().isThrownBy(() -> sink.anchor("no note"));
        assertThat(file).hasContent(before);
    }

    /** A new key may sign what an old one signed before. */
    @Test
    void a_file_takes_the_same_checkpoint_by_another_key() throws Exception {
        AnchorSink sink = AnchorSink.file(folder.resolve("anchor.log"));
        JdkKeys others = JdkKeys.fresh();
        var other = new VerifierKey(
                key.name(), Ed25519PublicKey.of(others.publicKeys().get(0).jwk()));
        String again = CheckpointFileTest.note(other, others, 5).toString();
        sink.anchor(note(5));
        sink.anchor(again);

        assertThat(folder.resolve("anchor.log")).hasContent(note(5) + again);
    }

    /** What is not mounted is not made up for. */
    @Test
    void a_file_whose_folder_is_missing_takes_nothing() throws Exception {
        Path file = folder.resolve("disk/anchor.log");
        AnchorSink sink = AnchorSink.file(file);
        assertThatThrownBy(() -> sink.anchor(note(1))).isInstanceOf(NoSuchFileException.class);
        assertThat(file.getParent()).doesNotExist();

        Files.createDirectory(folder.resolve("disk"));
        sink.anchor(note(1));
        assertThat(file).hasContent(note(1));
    }

    @Test
    void a_file_that_ends_with_something_else_is_left_alone() throws IOException {
        Path file = folder.resolve("anchor.log");
        Files.write(file, new byte[5_000]);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> AnchorSink.file(file).anchor(note(1)))
                .withMessageContaining("bytes that are no checkpoint");
        assertThat(file).hasBinaryContent(new byte[5_000]);
        assertThatIllegalArgumentException().isThrownBy(() -> AnchorSink.file(Path.of("/")));
    }

    @Test
    void a_logger_gets_the_note_with_a_marker() {
        var logger = new Lines(true);
        new LoggerAnchor(logger).anchor(note(7));

        assertThat(logger.lines).containsExactly("INFO AGENT_LIFECYCLE_CHECKPOINT checkpoint of the log\n" + note(7));
    }

    @Test
    void a_logger_that_takes_no_such_lines_is_no_anchor() {
        var logger = new Lines(false);
        assertThatIllegalStateException()
                .isThrownBy(() -> new LoggerAnchor(logger).anchor(note(7)))
                .withMessageContaining("AGENT_LIFECYCLE_CHECKPOINT");
        assertThatIllegalStateException()
                .as("the logger of these tests is off")
                .isThrownBy(() -> AnchorSink.logger().anchor(note(7)));
        assertThat(logger.lines).isEmpty();
    }

    /** Keeps lines, if it is on for that marker. */
    private static final class Lines extends AbstractLogger {
        private static final long serialVersionUID = 1L;

        private final transient List<String> lines = new ArrayList<>();
        private final boolean on;

        Lines(boolean on) {
            this.on = on;
        }

        private boolean takes(@Nullable Marker marker) {
            return on && marker != null && marker.getName().equals("AGENT_LIFECYCLE_CHECKPOINT");
        }

        @Override
        protected String getFullyQualifiedCallerName() {
            return "";
        }

        @Override
        protected void handleNormalizedLoggingCall(
                Level level,
                @Nullable Marker marker,
                String message,
                Object @Nullable [] arguments,
                @Nullable Throwable thrown) {
            lines.add(level + " " + marker + " " + MessageFormatter.basicArrayFormat(message, arguments));
        }

        @Override
        public String getName() {
            return "lines";
        }

        @Override
        public boolean isTraceEnabled() {
            return false;
        }

        @Override
        public boolean isTraceEnabled(Marker marker) {
            return false;
        }

        @Override
        public boolean isDebugEnabled() {
            return false;
        }

        @Override
        public boolean isDebugEnabled(Marker marker) {
            return false;
        }

        @Override
        public boolean isInfoEnabled() {
            return false;
        }

        @Override
        public boolean isInfoEnabled(Marker marker) {
            return takes(marker);
        }

        @Override
        public boolean isWarnEnabled() {
            return false;
        }

        @Override
        public boolean isWarnEnabled(Marker marker) {
            return false;
        }

        @Override
        public boolean isErrorEnabled() {
            return false;
        }

        @Override
        public boolean isErrorEnabled(Marker marker) {
            return false;
        }
    }
}
