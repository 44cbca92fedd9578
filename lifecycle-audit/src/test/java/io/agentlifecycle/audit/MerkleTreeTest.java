package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Trees in tiles against the definitions of RFC 6962, section 2.1, written down as they stand there. */
class MerkleTreeTest {
    private static final int MOST = 1_100;

    private static final List<Hash> LEAVES = leaves();

    /** Tiles in memory, and which of them were read. */
    private static final class Shelf implements MerkleTree.Tiles {
        private final Map<String, byte[]> tiles = new HashMap<>();
        private final List<String> read = new ArrayList<>();

        @Override
        public byte[] read(Tile tile) {
            read.add(tile.path());
            return tiles.get(tile.path());
        }

        void append(long size, List<Hash> leaves) {
            try {
                new MerkleTree(this, size).append(leaves).forEach((tile, bytes) -> tiles.put(tile.path(), bytes));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** The leaves that every implementation of certificate transparency is tested with. */
    @Test
    void the_tree_of_the_eight_known_leaves_has_the_known_root() {
        List<Hash> leaves = new ArrayList<>();
        for (String leaf : List.of(
                "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")) {
            leaves.add(Hash.of(Digests.sha256(HexFormat.of().parseHex("00" + leaf))));
        }
        assertThat(HexFormat.of().formatHex(root(leaves).bytes()))
                .isEqualTo("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
        assertThat(HexFormat.of().formatHex(Hash.EMPTY_TREE.bytes()))
                .isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    @Property(tries = 60)
    void however_leaves_were_appended_the_root_is_that_of_the_definition(
            @ForAll @Size(min = 1, max = 6) List<@IntRange(min = 1, max = 400) Integer> parts) throws IOException {
        var shelf = new Shelf();
        int size = 0;
        for (int part : parts) {
            int next = Math.min(MOST, size + part);
            shelf.append(size, LEAVES.subList(size, next));
            size = next;
            assertThat(new MerkleTree(shelf, size).root()).isEqualTo(root(LEAVES.subList(0, size)));
        }
    }

    @Property(tries = 300)
    void a_proof_of_inclusion_is_that_of_the_definition_and_convinces(
            @ForAll @IntRange(min = 1, max = MOST) int size, @ForAll @IntRange(max = MOST - 1) int wanted)
            throws IOException {
        int index = wanted % size;
        List<Hash> leaves = LEAVES.subList(0, size);
        List<Hash> proof = tree(size).inclusion(index);

        assertThat(proof).isEqualTo(path(index, leaves));
        MerkleProof.requireIncluded(leaves.get(index), index, size, proof, root(leaves));
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        MerkleProof.requireIncluded(LEAVES.get((index + 1) % MOST), index, size, proof, root(leaves)));
        if (size > 1) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> MerkleProof.requireIncluded(
                            leaves.get(index), (index + 1) % size, size, proof, root(leaves)));
        }
    }

    @Property(tries = 300)
    void a_proof_of_consistency_is_that_of_the_definition_and_convinces(
            @ForAll @IntRange(min = 1, max = MOST) int size, @ForAll @IntRange(max = MOST - 1) int wanted)
            throws IOException {
        int before = 1 + wanted % size;
        List<Hash> leaves = LEAVES.subList(0, size);
        List<Hash> proof = tree(size).consistency(before);

        assertThat(proof).isEqualTo(before == size ? List.of() : subproof(before, leaves, true));
        MerkleProof.requireConsistent(before, size, proof, root(leaves.subList(0, before)), root(leaves));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MerkleProof.requireConsistent(
                        before, size, proof, root(LEAVES.subList(1, before + 1)), root(leaves)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MerkleProof.requireConsistent(
                        before,
                        size,
                        proof,
                        root(leaves.subList(0, before)),
                        LEAVES.get(0).equals(root(leaves)) ? LEAVES.get(1) : LEAVES.get(0)));
    }

    /** Of tiles that are full there are only their hashes, so a million leaves are four thousand tiles, and one above. */
    @Test
    void a_proof_of_a_million_leaves_has_at_most_20_hashes_and_reads_the_tiles_on_its_path() throws IOException {
        var shelf = new Shelf();
        int million = 1_000_000;
        List<Hash> leaves = new ArrayList<>(million);
        var random = new Random(1);
        byte[] bytes = new byte[Hash.BYTES];
        for (int i = 0; i < million; i++) {
            random.nextBytes(bytes);
            leaves.add(Hash.of(bytes));
        }
        shelf.append(0, leaves);
        Hash root = new MerkleTree(shelf, million).root();
        for (int i = 0; i < 200; i++) {
            int index = random.nextInt(million);
            shelf.read.clear();
            List<Hash> proof = new MerkleTree(shelf, million).inclusion(index);

            assertThat(proof).hasSizeLessThanOrEqualTo(20);
            // its own tile and the two above it, and on the right edge the last of each level
            assertThat(shelf.read).hasSizeLessThanOrEqualTo(6).doesNotHaveDuplicates();
            MerkleProof.requireIncluded(leaves.get(index), index, million, proof, root);
        }
    }

    @Test
    void what_is_not_in_the_tree_has_no_proof() {
        MerkleTree tree = tree(5);
        assertThatIllegalArgumentException().isThrownBy(() -> tree.inclusion(5)).withMessageContaining("no leaf 5");
        assertThatIllegalArgumentException().isThrownBy(() -> tree.inclusion(-1));
        assertThatIllegalArgumentException().isThrownBy(() -> tree.consistency(0));
        assertThatIllegalArgumentException().isThrownBy(() -> tree.consistency(6));
    }

    @Test
    void a_tile_of_another_length_is_no_tile() {
        var tree = new MerkleTree(tile -> new byte[tile.bytes() - 1], 5);
        assertThatThrownBy(tree::root)
                .isInstanceOf(IOException.class)
                .hasMessage("tile/0/000.p/5 has 159 bytes instead of 160");
    }

    /** The examples of C2SP's tlog-tiles, and the first and the last of a directory. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 256, tile/0/000",
        "0, 0, 1, tile/0/000.p/1",
        "3, 999, 256, tile/3/999",
        "0, 1000, 256, tile/0/x001/000",
        "1, 1234067, 256, tile/1/x001/x234/067",
        "0, 1234067, 8, tile/0/x001/x234/067.p/8"
    })
    void a_tile_stands_where_everyone_looks_for_it(int level, long index, int width, String path) {
        assertThat(new Tile(level, index, width).path()).isEqualTo(path);
    }

    private static MerkleTree tree(int size) {
        var shelf = new Shelf();
        shelf.append(0, LEAVES.subList(0, size));
        return new MerkleTree(shelf, size);
    }

    private static List<Hash> leaves() {
        List<Hash> leaves = new ArrayList<>();
        for (int i = 0; i <= MOST; i++) {
            leaves.add(Hash.of(Digests.sha256(("leaf " + i).getBytes(UTF_8))));
        }
        return leaves;
    }

    // ---- RFC 6962, section 2.1

    private static Hash root(List<Hash> d) {
        if (d.isEmpty()) {
            return Hash.EMPTY_TREE;
        }
        if (d.size() == 1) {
            return d.get(0);
        }
        int k = k(d.size());
        return Hash.node(root(d.subList(0, k)), root(d.subList(k, d.size())));
    }

    private static List<Hash> path(int m, List<Hash> d) {
        if (d.size() == 1) {
            return List.of();
        }
        int k = k(d.size());
        return m < k
                ? and(path(m, d.subList(0, k)), root(d.subList(k, d.size())))
                : and(path(m - k, d.subList(k, d.size())), root(d.subList(0, k)));
    }

    private static List<Hash> subproof(int m, List<Hash> d, boolean b) {
        if (m == d.size()) {
            return b ? List.of() : List.of(root(d));
        }
        int k = k(d.size());
        return m <= k
                ? and(subproof(m, d.subList(0, k), b), root(d.subList(k, d.size())))
                : and(subproof(m - k, d.subList(k, d.size()), false), root(d.subList(0, k)));
    }

    /** The largest power of two smaller than {@code n}. */
    private static int k(int n) {
        int k = 1;
        while (k * 2 < n) {
            k *= 2;
        }
        return k;
    }

    private static List<Hash> and(List<Hash> proof, Hash last) {
        List<Hash> all = new ArrayList<>(proof);
        all.add(last);
        return all;
    }
}
