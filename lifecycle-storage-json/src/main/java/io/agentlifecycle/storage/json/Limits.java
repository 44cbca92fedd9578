package io.agentlifecycle.storage.json;

/**
 * When the journal does what it does by size or by time. Tests choose figures that are reached sooner.
 *
 * @param batch from how many bytes on a batch takes no further commit
 * @param segment after how many bytes the journal goes on in a new segment
 * @param checkpoint after how many bytes of the journal a checkpoint is made, unless the snapshot is larger
 * @param checkpointAtClose the same for a store that is closed
 * @param sealAfterMillis after how long an idle writer says that all is durable
 */
record Limits(int batch, long segment, long checkpoint, long checkpointAtClose, long sealAfterMillis) {
    static final Limits STANDARD = new Limits(4 << 20, 64L << 20, 8L << 20, 1L << 20, 50);
}
