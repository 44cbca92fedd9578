package io.agentlifecycle.audit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Computes the tree over leaves that come one by one, and shows each tile when it is complete. It keeps at most 256 hashes
 * for each level of tiles. Not safe for use by several threads.
 */
final class TreeHasher {
    /** Hears of tiles: of full ones as they come, and of the others at the end. */
    interface Visitor {
        void tile(Tile tile, byte[] bytes) throws IOException;
    }

    private final Visitor visitor;

    /** For each level of tiles the hashes of the one that is not full. */
    private final List<List<Hash>> levels = new ArrayList<>();

    private long size;

    TreeHasher(Visitor visitor) {
        this.visitor = visitor;
    }

    long size() {
        return size;
    }

    void add(Hash leaf) throws IOException {
        size++;
        add(0, leaf);
    }

    private void add(int level, Hash hash) throws IOException {
        if (level == levels.size()) {
            levels.add(new ArrayList<>());
        }
        List<Hash> hashes = levels.get(level);
        hashes.add(hash);
        if (hashes.size() == Tile.FULL) {
            Tile tile = Tile.in(size, level, (size >>> level * Tile.HEIGHT) / Tile.FULL - 1);
            visitor.tile(tile, Hash.bytes(hashes));
            Hash above = root(hashes);
            hashes.clear();
            add(level + 1, above);
        }
    }

    /** Shows the tiles that are not full. */
    void end() throws IOException {
        for (int level = 0; level < levels.size(); level++) {
            List<Hash> hashes = levels.get(level);
            if (!hashes.isEmpty()) {
                visitor.tile(Tile.in(size, level, (size >>> level * Tile.HEIGHT) / Tile.FULL), Hash.bytes(hashes));
            }
        }
    }

    /** The root over all leaves so far. */
    Hash root() {
        List<Hash> edge = new ArrayList<>();
        for (List<Hash> hashes : levels) {
            List<Hash> all = new ArrayList<>(hashes);
            all.addAll(edge);
            edge = all.isEmpty() ? List.of() : List.of(root(all));
        }
        return edge.isEmpty() ? Hash.EMPTY_TREE : edge.get(0);
    }

    /** RFC 6962, section 2.1, over subtrees of equal size, of which the last may be smaller. */
    private static Hash root(List<Hash> hashes) {
        if (hashes.size() == 1) {
            return hashes.get(0);
        }
        int left = Integer.highestOneBit(hashes.size() - 1);
        return Hash.node(root(hashes.subList(0, left)), root(hashes.subList(left, hashes.size())));
    }
}
