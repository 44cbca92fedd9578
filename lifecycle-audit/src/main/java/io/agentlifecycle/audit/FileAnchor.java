package io.agentlifecycle.audit;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Checkpoints in a file elsewhere. The file is looked at anew each time, so it may have been moved or cut since. */
final class FileAnchor implements AnchorSink {
    private final Path file;
    private final Folder folder;

    FileAnchor(Path file) {
        this.file = file.toAbsolutePath();
        this.folder = new Folder(Folder.parent(file));
    }

    @Override
    public void anchor(String checkpoint) throws IOException {
        SignedNote note = SignedNote.read(checkpoint);
        Checkpoint next = Checkpoint.read(note.text());
        CheckpointFile there = CheckpointFile.open(folder, String.valueOf(file.getFileName()));
        Optional<Checkpoint> last = there.last().map(found -> Checkpoint.read(found.text()));
        if (last.isPresent() && !precedes(last.get(), next)) {
            throw new IllegalArgumentException(
                    ("%s ends with %s, and the next one is %s: the log was rolled back or written anew, or it is another one;"
                                    + " compare them, and anchor what is right in another file")
                            .formatted(file, last.get(), next));
        }
        there.append(note);
    }

    /** One of as many events may be the same again, perhaps by another key. */
    private static boolean precedes(Checkpoint last, Checkpoint next) {
        return last.equals(next) || last.origin().equals(next.origin()) && last.size() < next.size();
    }
}
