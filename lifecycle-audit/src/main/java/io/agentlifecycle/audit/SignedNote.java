package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A text with signatures below it, as C2SP's signed-note has it.
 *
 * @param text ends with a line feed
 * @param signatures of anyone; most readers know the key of one
 */
record SignedNote(String text, List<Signature> signatures) {
    private static final int MAX_CHARS = 16_384;
    private static final int MAX_SIGNATURES = 64;
    private static final String DASH = "\u2014 ";
    private static final int ID_BYTES = 4;

    /** Somebody's signature; {@code bytes} are the id of the key and what the key made. */
    record Signature(String name, byte[] bytes) {
        boolean mayBeOf(VerifierKey key) {
            return name.equals(key.name())
                    && bytes.length > ID_BYTES
                    && Arrays.equals(key.id(), 0, ID_BYTES, bytes, 0, ID_BYTES);
        }

        boolean isOf(VerifierKey key, String text) {
            return switch (key.kind()) {
                case NOTE -> key.key().verify(text.getBytes(UTF_8), made());
                case COSIGNATURE -> {
                    Cosignature cosignature = Cosignature.read(made());
                    yield key.key().verify(cosignature.message(text), cosignature.signature());
                }
            };
        }

        /** What the key made, without its id. */
        byte[] made() {
            return Arrays.copyOfRange(bytes, ID_BYTES, bytes.length);
        }

        String line() {
            return DASH + name + " " + Base64.getEncoder().encodeToString(bytes) + "\n";
        }
    }

    SignedNote {
        signatures = List.copyOf(signatures);
    }

    /** {@code text}, which ends with a line feed, with the one signature that {@code key} made over it. */
    static SignedNote of(String text, VerifierKey key, byte[] signature) {
        byte[] bytes = Arrays.copyOf(key.id(), ID_BYTES + signature.length);
        System.arraycopy(signature, 0, bytes, ID_BYTES, signature.length);
        return new SignedNote(text, List.of(new Signature(key.name(), bytes)));
    }

    /**
     * Reads a note, strictly. Whether signatures are right is not looked at.
     *
     * @throws IllegalArgumentException if it is no note, or longer than a checkpoint with its cosignatures would be
     */
    static SignedNote read(String note) {
        if (note.length() > MAX_CHARS) {
            throw new IllegalArgumentException("a note has at most %d characters here".formatted(MAX_CHARS));
        }
        if (!note.endsWith("\n") || note.chars().anyMatch(c -> c < ' ' && c != '\n' || c == 0x7f)) {
            throw new IllegalArgumentException("a note is made of lines without control characters");
        }
        int blank = note.lastIndexOf("\n\n");
        if (blank < 1) {
            throw new IllegalArgumentException("a note has a blank line before its signatures");
        }
        List<Signature> signatures = new ArrayList<>();
        for (String line : note.substring(blank + 2).split("\n", -1)) {
            if (!line.isEmpty()) {
                signatures.add(signature(line));
            }
        }
        var read = new SignedNote(note.substring(0, blank + 1), signatures);
        if (signatures.isEmpty()
                || signatures.size() > MAX_SIGNATURES
                || !read.toString().equals(note)) {
            throw new IllegalArgumentException(
                    "a note has 1 to %d signatures and nothing else".formatted(MAX_SIGNATURES));
        }
        return read;
    }

    private static Signature signature(String line) {
        int blank = line.lastIndexOf(' ');
        if (!line.startsWith(DASH) || blank <= DASH.length()) {
            throw new IllegalArgumentException("below its blank line a note has signatures only");
        }
        byte[] bytes = Base64.getDecoder().decode(line.substring(blank + 1));
        if (bytes.length <= ID_BYTES || !VerifierKey.isName(line.substring(DASH.length(), blank))) {
            throw new IllegalArgumentException(
                    "a signature has a name without blanks, and bytes behind the id of its key");
        }
        return new Signature(line.substring(DASH.length(), blank), bytes);
    }

    /** The signatures that may be of {@code key}. */
    List<Signature> by(VerifierKey key) {
        return signatures.stream().filter(signature -> signature.mayBeOf(key)).toList();
    }

    /**
     * Insists on a signature of {@code key}; those of others are skipped.
     *
     * @throws IllegalArgumentException if there is none, or one that is wrong or malformed
     */
    void requireSignedBy(VerifierKey key) {
        List<Signature> own = by(key);
        if (own.isEmpty()) {
            throw new IllegalArgumentException("it has no signature of " + key);
        }
        if (!own.stream().allMatch(signature -> signature.isOf(key, text))) {
            throw new IllegalArgumentException("its signature is not of " + key);
        }
    }

    /**
     * Insists on a signature of one of {@code keys}.
     *
     * @throws IllegalArgumentException if there is none, or a wrong one
     */
    void requireSignedByOneOf(List<VerifierKey> keys) {
        List<VerifierKey> named = keys.stream()
                .filter(key -> signatures.stream().anyMatch(signature -> signature.mayBeOf(key)))
                .toList();
        if (named.isEmpty()) {
            throw new IllegalArgumentException("it has no signature of "
                    + keys.stream().map(VerifierKey::toString).collect(Collectors.joining(" or ")));
        }
        named.forEach(this::requireSignedBy);
    }

    /** The note with its signatures. */
    @Override
    public String toString() {
        var note = new StringBuilder(text).append('\n');
        signatures.forEach(signature -> note.append(signature.line()));
        return note.toString();
    }
}
