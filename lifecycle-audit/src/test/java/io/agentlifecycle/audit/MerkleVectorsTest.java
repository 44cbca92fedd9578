package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.agentlifecycle.core.audit.Digests;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The public vectors of Merkle trees and of a log in tiles, in {@code -Dvectors.dir}. */
@Tag("vectors")
class MerkleVectorsTest {
    /** The key of that log, which is printed beside it. */
    private static final VerifierKey TESTDATA =
            VerifierKey.of("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");

    @Test
    void inclusion_proofs_get_the_verdict_that_they_expect() throws IOException {
        List<JsonNode> cases = cases("inclusion");
        assertThat(cases).hasSize(98);
        for (JsonNode each : cases) {
            agree(
                    each,
                    () -> MerkleProof.requireIncluded(
                            hash(each.get("leafHash")),
                            each.get("leafIdx").longValue(),
                            each.get("treeSize").longValue(),
                            proof(each),
                            hash(each.get("root"))));
        }
    }

    @Test
    void consistency_proofs_get_the_verdict_that_they_expect() throws IOException {
        List<JsonNode> cases = cases("consistency");
        assertThat(cases).hasSize(98);
        for (JsonNode each : cases) {
            agree(
                    each,
                    () -> MerkleProof.requireConsistent(
                            each.get("size1").longValue(),
                            each.get("size2").longValue(),
                            proof(each),
                            hash(each.get("root1")),
                            hash(each.get("root2"))));
        }
    }

    @Test
    void a_log_that_others_wrote_is_computed_anew_tile_by_tile() throws IOException {
        Path log = vectors("tessera-log", "log");
        MerkleTree.Tiles stored = tile -> Files.readAllBytes(log.resolve(tile.path()));
        List<Hash> leaves = new ArrayList<>();
        for (int size = 0; size <= 15; size++) {
            SignedNote note = SignedNote.read(Files.readString(log.resolve("checkpoint." + size)));
            note.requireSignedBy(TESTDATA);
            Checkpoint checkpoint = Checkpoint.read(note.text());
            assertThat(checkpoint.size()).isEqualTo(size);
            if (size > 0) {
                leaves.add(entry(Files.readAllBytes(log.resolve("tile/entries/000.p/" + size)), size - 1));
                var before = new MerkleTree(stored, size - 1);
                var changed = before.append(leaves.subList(size - 1, size));
                assertThat(changed).containsOnlyKeys(new Tile(0, 0, size));
                assertThat(changed.get(new Tile(0, 0, size))).isEqualTo(stored.read(new Tile(0, 0, size)));
            }
            assertThat(new MerkleTree(stored, size).root()).isEqualTo(checkpoint.rootHash());
        }
        assertThat(Files.readString(log.resolve("checkpoint")))
                .isEqualTo(Files.readString(log.resolve("checkpoint.15")));
    }

    /** Entry number {@code index} of a bundle: each has two bytes of length before it. */
    private static Hash entry(byte[] bundle, int index) {
        int at = 0;
        for (int i = 0; i < index; i++) {
            at += 2 + length(bundle, at);
        }
        byte[] leaf = new byte[1 + length(bundle, at)];
        System.arraycopy(bundle, at + 2, leaf, 1, leaf.length - 1);
        return Hash.of(Digests.sha256(leaf));
    }

    private static int length(byte[] bundle, int at) {
        return (bundle[at] & 0xff) << 8 | bundle[at + 1] & 0xff;
    }

    private static void agree(JsonNode each, ThrowingCallable check) {
        if (each.get("wantErr").booleanValue() || hasWordsForRoots(each)) {
            assertThatIllegalArgumentException()
                    .as(each.get("desc").textValue())
                    .isThrownBy(check);
        } else {
            assertThatCode(check).as(each.get("desc").textValue()).doesNotThrowAnyException();
        }
    }

    /** One good case says "don't care" where the roots should stand; a hash has 32 bytes here. */
    private static boolean hasWordsForRoots(JsonNode each) {
        return each.get("desc").textValue().equals("sizes are equal (one) and proof is empty");
    }

    private static List<JsonNode> cases(String kind) throws IOException {
        var json = new ObjectMapper();
        List<JsonNode> cases = new ArrayList<>();
        try (Stream<Path> files = Files.walk(vectors("merkle", kind))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".json"))
                    .sorted()
                    .toList()) {
                cases.add(json.readTree(Files.readString(file, UTF_8)));
            }
        }
        return cases;
    }

    private static List<Hash> proof(JsonNode each) {
        List<Hash> proof = new ArrayList<>();
        each.get("proof").forEach(node -> proof.add(hash(node)));
        return proof;
    }

    private static Hash hash(JsonNode node) {
        return Hash.of(Base64.getDecoder().decode(node.textValue()));
    }

    private static Path vectors(String... names) {
        return Path.of(System.getProperty("vectors.dir"), names);
    }
}
