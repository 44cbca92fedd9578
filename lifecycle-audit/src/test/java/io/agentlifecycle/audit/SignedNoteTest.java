package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.time.InstantSource;
import java.util.Base64;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SignedNoteTest {
    /** The note and the key that C2SP's signed-note prints. */
    private static final String NOTE = """
            This is an example message.

            \u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
            """;

    private static final VerifierKey KEY =
            VerifierKey.of("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");

    @Test
    void the_note_of_the_specification_is_signed_by_its_key() {
        SignedNote note = SignedNote.read(NOTE);

        note.requireSignedBy(KEY);
        assertThat(note.text()).isEqualTo("This is an example message.\n");
        assertThat(note).hasToString(NOTE);
        assertThat(KEY).hasToString("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    }

    @Test
    void what_one_key_signs_another_did_not_sign() {
        VerifierKey own = key("agentlifecycle.local/one");
        VerifierKey same = new VerifierKey("agentlifecycle.local/two", own.key());
        SignedNote note = SignedNote.of("text\n", own, new byte[64]);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> note.requireSignedBy(own))
                .withMessage("its signature is not of " + own);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> note.requireSignedBy(same))
                .withMessage("it has no signature of " + same);
        assertThatIllegalArgumentException().isThrownBy(() -> note.requireSignedBy(KEY));
    }

    @Test
    void signatures_of_strangers_are_skipped() {
        String stranger = SignedNote.of("This is an example message.\n", key("witness.example"), new byte[64])
                .signatures()
                .get(0)
                .line();

        SignedNote.read(NOTE + stranger).requireSignedBy(KEY);
    }

    @Property(tries = 2_000)
    void a_note_with_another_character_somewhere_is_not_signed(
            @ForAll @IntRange(max = 500) int at, @ForAll char character) {
        int place = at % NOTE.length();
        if (NOTE.charAt(place) != character) {
            String changed = NOTE.substring(0, place) + character + NOTE.substring(place + 1);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> SignedNote.read(changed).requireSignedBy(KEY));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\n",
                "\n\n",
                "text\n",
                "text\n\n",
                "\n\n\u2014 name AAAAAAA=\n",
                "text\n\n\u2014 name AAAAAAA=",
                "text\n\n\u2014 name\n",
                "text\n\n\u2014  AAAAAAA=\n",
                "text\n\n- name AAAAAAA=\n",
                "text\n\n\u2014 name AAAAAAA\n",
                "text\n\n\u2014 name AAAAAAB=\n",
                "text\n\n\u2014 name A*AAAAA=\n",
                "text\n\n\u2014 name AAAAAAA=\n\u2014 name",
                "te\txt\n\n\u2014 name AAAAAAA=\n",
                "te\rxt\n\n\u2014 name AAAAAAA=\n"
            })
    void what_is_no_note_is_refused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> SignedNote.read(text));
    }

    @Test
    void a_note_is_bounded() {
        String signature = "\u2014 name AAAAAAA=\n";
        assertThat(SignedNote.read("text\n\n" + signature.repeat(64)).signatures())
                .hasSize(64);
        assertThatIllegalArgumentException().isThrownBy(() -> SignedNote.read("text\n\n" + signature.repeat(65)));
        assertThatIllegalArgumentException().isThrownBy(() -> SignedNote.read("t".repeat(16_384) + "\n\n" + signature));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "example.com/foo",
                "example.com/foo+530d903a",
                "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l",
                "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k ",
                "exam ple+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
            })
    void what_is_no_verifier_key_is_refused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> VerifierKey.of(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "a+b", "a\u00a0b", "a\nb", "a\u200bb"})
    void a_name_that_would_not_stand_on_a_line_is_refused(String name) {
        assertThatIllegalArgumentException().isThrownBy(() -> new VerifierKey(name, KEY.key()));
    }

    @Test
    void a_checkpoint_is_three_lines() {
        String root = Base64.getEncoder().encodeToString(new byte[32]);
        var checkpoint = new Checkpoint("agentlifecycle.local/one", 7, root);

        assertThat(checkpoint.text()).isEqualTo("agentlifecycle.local/one\n7\n" + root + "\n");
        assertThat(Checkpoint.read(checkpoint.text())).isEqualTo(checkpoint);
        for (String wrong : new String[] {
            "",
            "a\n7\n" + root,
            "a\n7\n" + root + "\nextension\n",
            "a\n07\n" + root + "\n",
            "a\n-7\n" + root + "\n",
            "a\n7777777777777777777\n" + root + "\n",
            "\n7\n" + root + "\n",
            "a\n7\n" + root.replace('A', 'B') + "\n",
            "a\n7\nAAAA\n"
        }) {
            assertThatIllegalArgumentException().as(wrong).isThrownBy(() -> Checkpoint.read(wrong));
        }
    }

    @Test
    void a_signature_made_here_is_one() {
        SigningKeyStore keys = InMemoryKeys.create(Purpose.AUDIT, InstantSource.system());
        var published = keys.publicKeys().get(0);
        var own = new VerifierKey("agentlifecycle.local/one", Ed25519PublicKey.of(published.jwk()));
        byte[] signature = keys.sign(published.jwk().keyId(), "text\n".getBytes(UTF_8));

        SignedNote.read(SignedNote.of("text\n", own, signature).toString()).requireSignedBy(own);
    }

    private static VerifierKey key(String name) {
        SigningKeyStore keys = InMemoryKeys.create(Purpose.AUDIT, InstantSource.system());
        return new VerifierKey(
                name, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
    }
}
