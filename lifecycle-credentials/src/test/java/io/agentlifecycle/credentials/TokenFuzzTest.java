package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Good tokens with something changed at random: none is accepted, and none makes the verifier throw. */
class TokenFuzzTest {
    private static final int ROUNDS = 4_000;
    private static final String CHARACTERS =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0\u00e9\u2028\ud83d\ufeff";

    private final Random random = new Random(7);

    @Test
    void a_text_that_was_changed_is_not_accepted() {
        try (var bench = new Bench()) {
            String good = bench.activate("bot").token().reveal();
            CredentialVerifier plain = bench.verifier();
            CredentialVerifier cached = bench.cached();
            assertThat(cached.verify(good).accepted()).isTrue();
            for (int i = 0; i < ROUNDS; i++) {
                String changed = changed(good);
                boolean same = changed.equals(good);

                assertThat(plain.verify(changed).accepted()).as(changed).isEqualTo(same);
                assertThat(cached.verify(changed).accepted()).as(changed).isEqualTo(same);
            }
        }
    }

    /** Signed again after the change, so that the readers of JSON see all of it: refused, or it says the same agent. */
    @Test
    void bytes_that_were_changed_and_signed_never_throw_and_never_speak_for_another() {
        try (var bench = new Bench()) {
            bench.activate("other");
            TokenDraft good = bench.draft(bench.activate("bot"));
            CredentialVerifier verifier = bench.verifier();
            for (int i = 0; i < ROUNDS; i++) {
                TokenDraft draft = i % 2 == 0 ? good.payloadBytes(this::changed) : good.headerBytes(this::changed);

                TokenVerdict verdict = verifier.verify(draft.text());

                if (verdict instanceof TokenVerdict.Accepted yes) {
                    assertThat(yes.claims().agent()).hasToString("bot");
                } else {
                    assertThat(((TokenVerdict.Rejected) verdict).reason()).isNotEqualTo(TokenVerdict.Reason.UNCHECKED);
                }
            }
        }
    }

    private String changed(String text) {
        var changed = new StringBuilder(text);
        for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
            int at = random.nextInt(changed.length());
            char c = CHARACTERS.charAt(random.nextInt(CHARACTERS.length()));
            switch (random.nextInt(5)) {
                case 0 -> changed.setCharAt(at, c);
                case 1 -> changed.insert(at, c);
                case 2 -> changed.replace(at, at + 1, at == 0 ? "." : "");
                case 3 -> changed.append(c);
                default -> changed.setLength(Math.max(1, at));
            }
        }
        return changed.toString();
    }

    private byte[] changed(byte[] bytes) {
        byte[] changed = bytes.clone();
        for (int edits = 1 + random.nextInt(3); edits > 0; edits--) {
            changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
        }
        return changed;
    }
}
