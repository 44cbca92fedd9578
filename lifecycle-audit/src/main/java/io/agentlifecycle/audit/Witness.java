package io.agentlifecycle.audit;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Somebody who saw the checkpoints of a log and cosigns those that extend what was there before, so that a log cannot show
 * one history to some and another to others: C2SP's tlog-witness and tlog-cosignature, with Ed25519. All methods are pure; the
 * host asks the witness, with {@link MerkleLog#witnessRequest}. Immutable.
 */
public final class Witness {
    private final VerifierKey key;

    private Witness(VerifierKey key) {
        this.key = key;
    }

    /**
     * The witness of that verifier key, {@code name+8 hex digits+base64}, of type 4.
     *
     * @throws IllegalArgumentException if it is anything else, or not a good key
     */
    public static Witness of(String verifierKey) {
        return new Witness(VerifierKey.of(requireNonNull(verifierKey, "verifierKey"), VerifierKey.Kind.COSIGNATURE));
    }

    /**
     * Checks that the witness cosigned a checkpoint, and says when. The signature of the log is not looked at, and neither is
     * whether that time has come; of several cosignatures of this witness all must be right, and the latest counts.
     *
     * @param checkpoint a note with its signatures, from anyone
     * @throws IllegalArgumentException if it is no checkpoint, or has no or a wrong cosignature of this witness
     */
    public Instant cosignedAt(String checkpoint) {
        SignedNote note = SignedNote.read(requireNonNull(checkpoint, "checkpoint"));
        Checkpoint.read(note.text());
        note.requireSignedBy(key);
        return note.by(key).stream()
                .map(signature ->
                        Instant.ofEpochSecond(Cosignature.read(signature.made()).seconds()))
                .max(Comparator.naturalOrder())
                .orElseThrow();
    }

    /**
     * The checkpoint with the cosignature that the witness answered, in the place of an earlier one of this witness. Lines that
     * are not of its key are left out.
     *
     * @param checkpoint the note that the witness was asked for
     * @param answer the body of its answer: signature lines, from anyone
     * @throws IllegalArgumentException as for {@link #cosignedAt}, or if the answer is not made of signature lines
     */
    public String cosigned(String checkpoint, String answer) {
        SignedNote note = SignedNote.read(requireNonNull(checkpoint, "checkpoint"));
        SignedNote answered = SignedNote.read(note.text() + "\n" + requireNonNull(answer, "answer"));
        if (!answered.text().equals(note.text())) {
            throw new IllegalArgumentException("the answer of a witness has signature lines and nothing else");
        }
        List<SignedNote.Signature> signatures = new ArrayList<>(note.signatures());
        signatures.removeAll(note.by(key));
        signatures.addAll(answered.by(key));
        String cosigned = new SignedNote(note.text(), signatures).toString();
        cosignedAt(cosigned);
        return cosigned;
    }

    /** The verifier key. */
    @Override
    public String toString() {
        return key.toString();
    }
}
