package io.agentlifecycle.audit;

import java.util.Locale;

/**
 * Names a tile: hashes number {@code 256 * index} to {@code 256 * index + width - 1} of those of {@code 256^level} leaves
 * each, one behind the other. See C2SP's tlog-tiles.
 *
 * @param width how many hashes are in it, 1 to 256
 */
record Tile(int level, long index, int width) {
    /** How many hashes a full tile has. */
    static final int FULL = 1 << Tile.HEIGHT;

    /** How many levels of the tree a tile spans. */
    static final int HEIGHT = 8;

    private static final int GROUP = 1_000;

    Tile {
        if (level < 0 || level >= Long.SIZE / HEIGHT || index < 0 || width < 1 || width > FULL) {
            throw new IllegalArgumentException("there is no tile %d/%d of %d".formatted(level, index, width));
        }
    }

    /** The tile {@code index} of that level as it is in a tree of {@code size} leaves. */
    static Tile in(long size, int level, long index) {
        return new Tile(level, index, (int) Math.min(FULL, (size >>> level * HEIGHT) - index * FULL));
    }

    int bytes() {
        return width * Hash.BYTES;
    }

    /** Where it stands, with slashes: {@code tile/0/x001/234}, and {@code .p/5} behind that if it is not full. */
    String path() {
        var number = new StringBuilder(String.format(Locale.ROOT, "%03d", index % GROUP));
        for (long rest = index / GROUP; rest > 0; rest /= GROUP) {
            number.insert(0, String.format(Locale.ROOT, "x%03d/", rest % GROUP));
        }
        return "tile/" + level + "/" + number + (width == FULL ? "" : ".p/" + width);
    }
}
