package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.error.AuditTamperedException;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WitnessTest {
    /** A checkpoint of a public log, with its signatures of two kinds and the cosignatures of public witnesses. */
    private static final String PUBLIC = """
            arche2025h1.staging.ct.transparency.dev
            1432088532
            U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

            \u2014 arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
            \u2014 arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
            \u2014 transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
            \u2014 witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
            \u2014 remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
            \u2014 witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
            """;

    private static final String LOG_KEY =
            "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
    private static final String REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
    private static final String SMARTIT =
            "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO";
    private static final String STAGEMOLE =
            "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv";

    private static final String ORIGIN = "example.com/agents";

    private final JdkKeys keys = JdkKeys.fresh();
    private final VerifierKey key =
            new VerifierKey(ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));

    /** Cosigns as the specification says, with the JDK's Ed25519. */
    private static final class Cosigner {
        private final JdkKeys keys = JdkKeys.fresh();
        private final VerifierKey key;
        private Optional<Checkpoint> seen = Optional.empty();

        Cosigner(String name) {
            key = new VerifierKey(
                    name, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()), VerifierKey.Kind.COSIGNATURE);
        }

        Witness known() {
            return Witness.of(key.toString());
        }

        String line(String text, long seconds) {
            return line(text, seconds, text);
        }

        /** Says that it was about one text, and signs another. */
        String line(String text, long seconds, String signed) {
            byte[] signature = keys.sign(
                    key.key().jwk().keyId(),
                    ("cosignature/v1\ntime " + Long.toUnsignedString(seconds) + "\n" + signed).getBytes(UTF_8));
            byte[] made =
                    ByteBuffer.allocate(72).putLong(seconds).put(signature).array();
            return SignedNote.of(text, key, made).signatures().get(0).line();
        }

        /** What a witness does with a request, in the order of the specification. */
        String answer(String request, VerifierKey log, long seconds) {
            int blank = request.indexOf("\n\n");
            List<String> lines = List.of(request.substring(0, blank).split("\n"));
            SignedNote note = SignedNote.read(request.substring(blank + 2));
            note.requireSignedBy(log);
            Checkpoint checkpoint = Checkpoint.read(note.text());
            long old = seen.map(Checkpoint::size).orElse(0L);
            assertThat(lines.get(0)).isEqualTo("old " + old);
            List<Hash> proof =
                    lines.subList(1, lines.size()).stream().map(Hash::ofBase64).toList();
            if (old == 0) {
                assertThat(proof).isEmpty();
            } else {
                MerkleProof.requireConsistent(
                        old, checkpoint.size(), proof, seen.get().rootHash(), checkpoint.rootHash());
            }
            seen = Optional.of(checkpoint);
            return line(note.text(), seconds);
        }
    }

    private String note() {
        return CheckpointFileTest.note(key, keys, 7).toString();
    }

    private String text() {
        return SignedNote.read(note()).text();
    }

    @ParameterizedTest
    @ValueSource(strings = {REMORA, SMARTIT, STAGEMOLE})
    void the_cosignatures_of_public_witnesses_are_verified(String witness) {
        assertThat(Witness.of(witness).cosignedAt(PUBLIC)).isEqualTo("2026-05-23T21:50:24Z");
        assertThat(Witness.of(witness)).hasToString(witness);
        SignedNote.read(PUBLIC).requireSignedBy(VerifierKey.of(LOG_KEY));
    }

    @Property(tries = 2_000)
    void a_public_checkpoint_with_another_character_is_not_cosigned(
            @ForAll @IntRange(max = 10_000) int at, @ForAll char character) {
        // all that the witness signed, and its own line
        int line = PUBLIC.indexOf("\u2014 remora");
        String own = PUBLIC.substring(0, PUBLIC.indexOf("\n\n") + 2)
                + PUBLIC.substring(line, PUBLIC.indexOf('\n', line) + 1);
        Witness witness = Witness.of(REMORA);
        assertThat(witness.cosignedAt(own)).isEqualTo("2026-05-23T21:50:24Z");
        int place = at % own.length();
        if (own.charAt(place) != character) {
            String changed = own.substring(0, place) + character + own.substring(place + 1);
            assertThatIllegalArgumentException().isThrownBy(() -> witness.cosignedAt(changed));
        }
    }

    @Property(tries = 2_000)
    void no_text_is_more_than_refused(@ForAll String text, @ForAll @IntRange(max = 400) int at) {
        Witness witness = Witness.of(REMORA);
        String inside = PUBLIC.substring(0, at) + text + PUBLIC.substring(at);
        assertThatIllegalArgumentException().isThrownBy(() -> witness.cosignedAt(text));
        assertThatIllegalArgumentException().isThrownBy(() -> witness.cosigned(PUBLIC, text));
        assertThatIllegalArgumentException().isThrownBy(() -> Witness.of(text));
        if (!text.isEmpty() && at < PUBLIC.indexOf("\n\n")) {
            assertThatIllegalArgumentException().isThrownBy(() -> witness.cosignedAt(inside));
        }
    }

    @Test
    void a_cosignature_is_put_into_the_checkpoint_and_a_later_one_in_its_place() {
        var first = new Cosigner("witness.example/1");
        var second = new Cosigner("witness.example/2");
        String once = first.known().cosigned(note(), first.line(text(), 1_000));
        String both = second.known().cosigned(once, second.line(text(), 2_000));
        String later = first.known().cosigned(both, first.line(text(), 3_000));

        assertThat(once).isEqualTo(note() + first.line(text(), 1_000));
        assertThat(both).isEqualTo(once + second.line(text(), 2_000));
        assertThat(later).isEqualTo(note() + second.line(text(), 2_000) + first.line(text(), 3_000));
        SignedNote.read(later).requireSignedBy(key);
        assertThat(first.known().cosignedAt(once)).isEqualTo(Instant.ofEpochSecond(1_000));
        assertThat(second.known().cosignedAt(later)).isEqualTo(Instant.ofEpochSecond(2_000));
        assertThat(first.known().cosignedAt(later)).isEqualTo(Instant.ofEpochSecond(3_000));
        assertThat(first.known().cosignedAt(once + first.line(text(), 500)))
                .as("the latest of two")
                .isEqualTo(Instant.ofEpochSecond(1_000));
    }

    @Test
    void lines_of_strangers_in_an_answer_are_left_out() {
        var witness = new Cosigner("witness.example/1");
        var stranger = new Cosigner("witness.example/1"); // of the same name, with another key
        String own = witness.line(text(), 1_000);
        String answer = stranger.line(text(), 1) + own + stranger.line(text(), 2);

        assertThat(witness.known().cosigned(note(), answer)).isEqualTo(note() + own);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> witness.known().cosigned(note(), stranger.line(text(), 1)))
                .withMessage("it has no signature of " + witness.key);
    }

    @Test
    void a_wrong_cosignature_is_refused_and_it_is_said_what_is_wrong() {
        var witness = new Cosigner("witness.example/1");
        String other = CheckpointFileTest.note(key, keys, 8).text();
        refused(witness, witness.line(text(), 1_000, other), "its signature is not of");
        refused(witness, witness.line(text(), 1_000) + witness.line(text(), 1_000, other), "its signature is not of");
        refused(witness, witness.line(text(), -1), "the time of a cosignature cannot be 18446744073709551615");
        refused(
                witness,
                witness.line(text(), Instant.MAX.getEpochSecond() + 1),
                "the time of a cosignature cannot be 31556889864403200");
        refused(witness, bytes(witness, 71), "has 8 bytes of time and 64 of signature, not 71 bytes");
        refused(witness, bytes(witness, 73), "not 73 bytes");
        refused(witness, bytes(witness, 1), "not 1 bytes");
        refused(witness, "", "a note has 1 to 64 signatures");
        refused(witness, "404 Not Found\n", "signatures only");
        refused(witness, "text\n\n" + witness.line(text(), 1_000), "signature lines and nothing else");
        refused(witness, witness.line(text(), 1_000).repeat(64), "a note has 1 to 64 signatures");
        refused(witness, witness.line(text(), 1_000).repeat(1_000), "at most 16384 characters");

        String last = witness.line(text(), Instant.MAX.getEpochSecond());
        assertThat(witness.known().cosignedAt(note() + last))
                .isEqualTo(Instant.ofEpochSecond(Instant.MAX.getEpochSecond()));
    }

    private static String bytes(Cosigner witness, int count) {
        return SignedNote.of("", witness.key, new byte[count])
                .signatures()
                .get(0)
                .line();
    }

    private void refused(Cosigner witness, String answer, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> witness.known().cosigned(note(), answer))
                .withMessageContaining(why);
    }

    /** A witness signs checkpoints; what else it may have signed counts for nothing here. */
    @Test
    void a_note_that_is_no_checkpoint_is_not_cosigned() {
        var witness = new Cosigner("witness.example/1");
        String text = "some text\n";
        assertThatIllegalArgumentException()
                .isThrownBy(() -> witness.known().cosignedAt(text + "\n" + witness.line(text, 1_000)))
                .withMessageContaining("a checkpoint has three lines");
    }

    /** The same bytes of a key sign one thing for a log and another for a witness. */
    @Test
    void the_key_of_a_log_is_none_of_a_witness_and_the_other_way_round() {
        var witness = new Cosigner("witness.example/1");
        var asLog = new VerifierKey(witness.key.name(), witness.key.key());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Witness.of(LOG_KEY))
                .withMessageContaining("its algorithm is not Ed25519 of type 4, but of type 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> VerifierKey.of(REMORA))
                .withMessageContaining("its algorithm is not Ed25519 of type 1, but of type 4");
        assertThat(asLog.toString()).isNotEqualTo(witness.key.toString());
        assertThatIllegalArgumentException()
                .isThrownBy(() ->
                        SignedNote.read(note() + witness.line(text(), 1_000)).requireSignedBy(asLog));
        byte[] plain = witness.keys.sign(witness.key.key().jwk().keyId(), text().getBytes(UTF_8));
        refused(
                witness,
                SignedNote.of(text(), witness.key, plain).signatures().get(0).line(),
                "not 64 bytes");
    }

    @Test
    void a_witness_that_follows_the_specification_takes_the_requests_of_a_log(@TempDir Path folder) {
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        var witness = new Cosigner("witness.example/1");
        var late = new Cosigner("witness.example/2");
        assertThatThrownBy(() -> tree.witnessRequest(0)).isInstanceOf(IllegalStateException.class);
        try (LifecycleManager manager = open(tree)) {
            assertThatThrownBy(() -> tree.witnessRequest(0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("no checkpoint was signed yet");
            for (int round = 0; round < 30; round++) {
                for (int i = 0; i < round; i++) {
                    approved(manager);
                }
                manager.sweeper().sweep();
                approved(manager); // after the checkpoint, so not in it
                String request =
                        tree.witnessRequest(witness.seen.map(Checkpoint::size).orElse(0L));
                assertThat(request).endsWith("\n\n" + tree.checkpoint().orElseThrow());
                String cosigned = witness.known()
                        .cosigned(tree.checkpoint().orElseThrow(), witness.answer(request, key, 1_000 + round));
                assertThat(witness.known().cosignedAt(cosigned)).isEqualTo(Instant.ofEpochSecond(1_000 + round));
            }
            long size = witness.seen.orElseThrow().size();
            assertThat(size).as("some tiles are full").isGreaterThan(600);
            late.answer(tree.witnessRequest(0), key, 1);
            assertThat(tree.witnessRequest(size)).startsWith("old " + size + "\n\n" + ORIGIN);
            witness.answer(tree.witnessRequest(size), key, 5_000);
        }
    }

    /** A witness says which size it knows; that it was never one of this log shows at the witness. */
    @Test
    void every_size_that_is_not_larger_than_the_checkpoint_can_be_asked_for(@TempDir Path folder) {
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        try (LifecycleManager manager = open(tree)) {
            for (int i = 0; i < 90; i++) {
                approved(manager);
            }
            manager.sweeper().sweep();
            Checkpoint checkpoint = Checkpoint.read(
                    SignedNote.read(tree.checkpoint().orElseThrow()).text());
            for (long old = 0; old <= checkpoint.size(); old++) {
                assertThat(tree.witnessRequest(old)).startsWith("old " + old + "\n");
            }
            for (long old : new long[] {-1, checkpoint.size() + 1, Long.MAX_VALUE, Long.MIN_VALUE}) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> tree.witnessRequest(old))
                        .withMessageContaining("the last checkpoint is of " + checkpoint.size() + " events");
            }
        }
    }

    @Test
    void tiles_that_were_changed_prove_nothing_to_a_witness(@TempDir Path folder) throws IOException {
        MerkleLog tree = MerkleLog.create(folder.resolve("tree"), keys);
        try (LifecycleManager manager = open(tree)) {
            for (int i = 0; i < 90; i++) {
                approved(manager);
            }
            manager.sweeper().sweep();
            Path tile = folder.resolve("tree/tile/0/000");
            byte[] sound = Files.readAllBytes(tile);
            byte[] changed = sound.clone();
            changed[200 * 32] ^= 1;
            Files.write(tile, changed);
            assertThatThrownBy(() -> tree.witnessRequest(150))
                    .isInstanceOf(AuditTamperedException.class)
                    .hasMessageContaining("does not lead to the root");
            Files.write(tile, Arrays.copyOf(sound, sound.length));
            assertThat(tree.witnessRequest(150)).startsWith("old 150\n");
        }
    }

    private LifecycleManager open(MerkleLog tree) {
        return LifecycleManager.builder()
                .logOrigin(ORIGIN)
                .sealer(Ed25519AuditSealer.create(keys))
                .checkpoints(tree)
                .clock(MutableClock.at("2026-04-11T04:30:00Z"))
                .build();
    }

    private static void approved(LifecycleManager manager) {
        manager.approve(
                manager.requestProvisioning(ProvisioningRequest.builder("reviewer")
                                .owner("alice@company.com")
                                .requestedBy(Actor.human("alice@company.com"))
                                .build())
                        .id(),
                Actor.human("admin@company.com"));
    }
}
