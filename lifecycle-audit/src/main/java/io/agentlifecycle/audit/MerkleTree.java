package io.agentlifecycle.audit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A tree of RFC 6962 over the first leaves of a log, whose hashes stand in tiles. A proof reads only the tiles on its path
 * and on the right edge. Tiles are not trusted: what is computed from wrong ones does not lead to the root. Not safe for
 * use by several threads.
 */
final class MerkleTree {
    /** Where tiles are kept. */
    interface Tiles {
        /** The bytes of a tile: {@link Tile#bytes} of them. */
        byte[] read(Tile tile) throws IOException;
    }

    private final Tiles tiles;
    private final long size;

    /** What was read so far. */
    private final Map<Tile, byte[]> known = new HashMap<>();

    /** The tree over the first {@code size} leaves of those in {@code tiles}. */
    MerkleTree(Tiles tiles, long size) {
        if (size < 0) {
            throw new IllegalArgumentException("a tree has no fewer than 0 leaves");
        }
        this.tiles = tiles;
        this.size = size;
    }

    long size() {
        return size;
    }

    /** The same tree, which keeps nothing of what this one has read. */
    MerkleTree fresh() {
        return new MerkleTree(tiles, size);
    }

    Hash root() throws IOException {
        return size == 0 ? Hash.EMPTY_TREE : hash(0, size);
    }

    /** The hash of leaf {@code index}, as its tile has it. */
    Hash leaf(long index) throws IOException {
        return hash(index, index + 1);
    }

    /** The proof that leaf {@code index} is in this tree, see {@link MerkleProof#requireIncluded}. */
    List<Hash> inclusion(long index) throws IOException {
        if (index < 0 || index >= size) {
            throw new IllegalArgumentException("there is no leaf %d in a tree of %d".formatted(index, size));
        }
        List<Hash> proof = new ArrayList<>();
        include(index, 0, size, proof);
        return proof;
    }

    private void include(long index, long from, long to, List<Hash> proof) throws IOException {
        if (to - from == 1) {
            return;
        }
        long middle = middle(from, to);
        if (index < middle) {
            include(index, from, middle, proof);
            proof.add(hash(middle, to));
        } else {
            include(index, middle, to, proof);
            proof.add(hash(from, middle));
        }
    }

    /** The proof that the tree of {@code before} leaves is the beginning of this, {@link MerkleProof#requireConsistent}. */
    List<Hash> consistency(long before) throws IOException {
        if (before < 1 || before > size) {
            throw new IllegalArgumentException("a tree of %d has no beginning of %d".formatted(size, before));
        }
        List<Hash> proof = new ArrayList<>();
        extend(before, 0, size, proof);
        return proof;
    }

    private void extend(long before, long from, long to, List<Hash> proof) throws IOException {
        if (before == to) {
            if (from > 0) { // else it is the tree that the reader knows
                proof.add(hash(from, to));
            }
            return;
        }
        long middle = middle(from, to);
        if (before <= middle) {
            extend(before, from, middle, proof);
            proof.add(hash(middle, to));
        } else {
            extend(before, middle, to, proof);
            proof.add(hash(from, middle));
        }
    }

    /** The hash over leaves {@code from} to {@code to - 1}, which are a subtree, or the right edge of one. */
    private Hash hash(long from, long to) throws IOException {
        long leaves = to - from;
        if (Long.bitCount(leaves) == 1) {
            return subtree(Long.numberOfTrailingZeros(leaves), from / leaves);
        }
        long middle = middle(from, to);
        return Hash.node(hash(from, middle), hash(middle, to));
    }

    /** A subtree's left half is the largest that is full. */
    private static long middle(long from, long to) {
        return from + Long.highestOneBit(to - from - 1);
    }

    /** The hash over leaves {@code index << height} to {@code (index + 1 << height) - 1}. */
    private Hash subtree(int height, long index) throws IOException {
        int level = height / Tile.HEIGHT;
        int above = height % Tile.HEIGHT;
        long first = index << above;
        byte[] tile = tile(Tile.in(size, level, first / Tile.FULL));
        List<Hash> hashes = new ArrayList<>();
        for (int i = 0; i < 1 << above; i++) {
            hashes.add(Hash.at(tile, (int) (first % Tile.FULL) + i));
        }
        return folded(hashes);
    }

    /** The bytes of a tile, the same each time. */
    byte[] tile(Tile tile) throws IOException {
        byte[] bytes = known.get(tile);
        if (bytes == null) {
            bytes = tiles.read(tile);
            if (bytes.length != tile.bytes()) {
                throw new IOException(
                        "%s has %d bytes instead of %d".formatted(tile.path(), bytes.length, tile.bytes()));
            }
            known.put(tile, bytes);
        }
        return bytes;
    }

    /** The hash above as many hashes as a full subtree has. */
    private static Hash folded(List<Hash> hashes) {
        List<Hash> level = hashes;
        while (level.size() > 1) {
            List<Hash> next = new ArrayList<>(level.size() / 2);
            for (int i = 0; i < level.size(); i += 2) {
                next.add(Hash.node(level.get(i), level.get(i + 1)));
            }
            level = next;
        }
        return level.get(0);
    }

    /** The tiles that are new or longer once {@code leaves} stand behind this tree, with their bytes, those of leaves first. */
    Map<Tile, byte[]> append(List<Hash> leaves) throws IOException {
        Map<Tile, byte[]> changed = new LinkedHashMap<>();
        List<Hash> added = leaves;
        for (int level = 0; !added.isEmpty(); level++) {
            added = append(level, added, changed);
        }
        return changed;
    }

    /** Returns the hashes above the tiles of that level that became full. */
    private List<Hash> append(int level, List<Hash> added, Map<Tile, byte[]> changed) throws IOException {
        List<Hash> above = new ArrayList<>();
        long count = size >>> level * Tile.HEIGHT;
        List<Hash> tile = begun(level, count);
        long index = count / Tile.FULL;
        for (Hash hash : added) {
            tile.add(hash);
            if (tile.size() == Tile.FULL) {
                changed.put(new Tile(level, index, Tile.FULL), Hash.bytes(tile));
                above.add(folded(tile));
                tile = new ArrayList<>();
                index++;
            }
        }
        if (!tile.isEmpty()) {
            changed.put(new Tile(level, index, tile.size()), Hash.bytes(tile));
        }
        return above;
    }

    /** The hashes in the last tile of that level, if it is not full. */
    private List<Hash> begun(int level, long count) throws IOException {
        List<Hash> hashes = new ArrayList<>();
        int width = (int) (count % Tile.FULL);
        if (width > 0) {
            byte[] bytes = tile(new Tile(level, count / Tile.FULL, width));
            for (int i = 0; i < width; i++) {
                hashes.add(Hash.at(bytes, i));
            }
        }
        return hashes;
    }
}
