package io.agentlifecycle.audit;

import java.nio.file.Path;

/**
 * Takes the checkpoints of a log to where its owner cannot change them: whoever keeps them there can tell whether the log was
 * written anew, which nobody can tell by the log alone. See {@link MerkleLog#withAnchor}.
 *
 * <ol>
 *   <li>It gets every checkpoint that was signed, in the order of signing, from the first one on. What it does not take, it
 *       gets again in a later sweep, and nothing after that before it. It may get one twice, if the process dies or the
 *       manager closes before it is written down that it took it, and must not mind.
 *   <li>It runs in the thread that sweeps, after all else, and no lock is held that a command, an export or another sweep
 *       waits for. Until it returns that thread does nothing else, so it should give up after a time.
 *   <li>It has a checkpoint when it returns: it should do so only once the checkpoint is safe.
 * </ol>
 *
 * <p>It is called by one thread at a time, though not always by the same one.
 */
@FunctionalInterface
public interface AnchorSink {
    /**
     * Takes a checkpoint.
     *
     * @param checkpoint a note of C2SP's tlog-checkpoint with its signature, five lines with their line feeds
     * @throws Exception if it does not have it now
     */
    void anchor(String checkpoint) throws Exception;

    /**
     * A file to which checkpoints are appended, in the form of {@code checkpoints.log}; it should be on another disk, or on one
     * that lets nobody change what was written. It is durable when the sink returns, for its owner only, and its folder must be
     * there. A checkpoint is refused that is of another log than the last one there, of fewer events, or of as many with
     * another root. One log at a time may use it.
     */
    static AnchorSink file(Path file) {
        return new FileAnchor(file);
    }

    /**
     * The log of the host's program: SLF4J, at level INFO, marker {@code AGENT_LIFECYCLE_CHECKPOINT}, logger of this interface's
     * name. It fails as long as that logger does not take such lines; what becomes of a line that it takes is the host's matter.
     */
    static AnchorSink logger() {
        return new LoggerAnchor();
    }
}
