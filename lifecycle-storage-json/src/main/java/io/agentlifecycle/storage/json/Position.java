package io.agentlifecycle.storage.json;

/**
 * Where a line of the journal ends.
 *
 * @param size up to which byte of the segment
 * @param seq the number of the line
 * @param crc its checksum
 */
record Position(Segment segment, long size, long seq, String crc) {}
