package io.agentlifecycle.audit;

import java.util.List;

/**
 * Checks proofs of RFC 6962: that a leaf is in a tree, and that a tree is the beginning of another. The way of checking is
 * that of RFC 9162, sections 2.1.3.2 and 2.1.4.2. All methods are pure.
 */
final class MerkleProof {
    private MerkleProof() {}

    /**
     * Insists that {@code leaf} is number {@code index} of the {@code size} leaves under {@code root}.
     *
     * @throws IllegalArgumentException if that is not proven
     */
    static void requireIncluded(Hash leaf, long index, long size, List<Hash> proof, Hash root) {
        if (index < 0 || index >= size) {
            throw new IllegalArgumentException("there is no leaf %d in a tree of %d".formatted(index, size));
        }
        int inner = lengthOf(index ^ size - 1);
        requireLength(inner + Long.bitCount(index >>> inner), proof);
        Hash hash = inner(leaf, proof.subList(0, inner), index);
        if (!border(hash, proof.subList(inner, proof.size())).equals(root)) {
            throw new IllegalArgumentException("leaf %d is not in the tree of %d".formatted(index, size));
        }
    }

    /**
     * Insists that the first {@code size1} of the {@code size2} leaves under {@code root2} are those under {@code root1}.
     *
     * @throws IllegalArgumentException if that is not proven, and if {@code size1} is 0, which would prove nothing
     */
    static void requireConsistent(long size1, long size2, List<Hash> proof, Hash root1, Hash root2) {
        if (size1 < 1 || size1 > size2) {
            throw new IllegalArgumentException(
                    "a tree of %d leaves is not the beginning of one of %d".formatted(size1, size2));
        }
        if (size1 == size2) {
            requireLength(0, proof);
            requireEqual(root1, root2, size1);
            return;
        }
        int shift = Long.numberOfTrailingZeros(size1);
        int inner = lengthOf(size1 - 1 ^ size2 - 1) - shift;
        int border = Long.bitCount(size1 - 1 >>> inner + shift);
        boolean isSubtree = size1 == 1L << shift;
        int start = isSubtree ? 0 : 1;
        requireLength(start + inner + border, proof);
        Hash seed = isSubtree ? root1 : proof.get(0);
        List<Hash> innerHashes = proof.subList(start, start + inner);
        List<Hash> borderHashes = proof.subList(start + inner, proof.size());
        long path = size1 - 1 >>> shift;
        requireEqual(border(innerLeft(seed, innerHashes, path), borderHashes), root1, size1);
        requireEqual(border(inner(seed, innerHashes, path), borderHashes), root2, size2);
    }

    private static int lengthOf(long bits) {
        return Long.SIZE - Long.numberOfLeadingZeros(bits);
    }

    /** Up to where the paths to the leaf and to the last leaf part: the bits of the path say on which side it stands. */
    private static Hash inner(Hash seed, List<Hash> hashes, long path) {
        Hash hash = seed;
        for (int i = 0; i < hashes.size(); i++) {
            hash = (path >>> i & 1) == 0 ? Hash.node(hash, hashes.get(i)) : Hash.node(hashes.get(i), hash);
        }
        return hash;
    }

    /** The same, with only what stands to the left of it. */
    private static Hash innerLeft(Hash seed, List<Hash> hashes, long path) {
        Hash hash = seed;
        for (int i = 0; i < hashes.size(); i++) {
            hash = (path >>> i & 1) == 0 ? hash : Hash.node(hashes.get(i), hash);
        }
        return hash;
    }

    /** Along the right edge of the tree, where all that is missing stands to the left. */
    private static Hash border(Hash seed, List<Hash> hashes) {
        Hash hash = seed;
        for (Hash left : hashes) {
            hash = Hash.node(left, hash);
        }
        return hash;
    }

    private static void requireLength(int wanted, List<Hash> proof) {
        if (proof.size() != wanted) {
            throw new IllegalArgumentException(
                    "such a proof has %d hashes, but this has %d".formatted(wanted, proof.size()));
        }
    }

    private static void requireEqual(Hash computed, Hash root, long size) {
        if (!computed.equals(root)) {
            throw new IllegalArgumentException("the proof does not lead to the root of the tree of " + size);
        }
    }
}
