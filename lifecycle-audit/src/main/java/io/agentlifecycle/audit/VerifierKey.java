package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whose signature a note should have, as C2SP's signed-note writes it: {@code name+530d903a+AekyeRrm...}. Immutable.
 *
 * @param name whose key it is; for a log, its origin
 * @param kind what the key signs
 */
record VerifierKey(String name, Ed25519PublicKey key, Kind kind) {
    /** What an Ed25519 key signs; the byte is part of its id, so that it is not taken for one of another kind. */
    enum Kind {
        NOTE(1),
        COSIGNATURE(4);

        private final byte type;

        Kind(int type) {
            this.type = (byte) type;
        }
    }

    private static final int ID_BYTES = 4;
    private static final int MAX_CHARS = 512;
    private static final Pattern NAME = Pattern.compile("[^\\s+\\p{Z}\\p{C}]{1,256}");
    private static final Pattern FORM = Pattern.compile("([^+]+)\\+([0-9a-f]{8})\\+([A-Za-z0-9+/]{44})");

    VerifierKey {
        if (!isName(requireNonNull(name, "name"))) {
            throw new IllegalArgumentException(
                    "the name of a key has 1 to 256 characters, none of them a blank or a plus, but was \"" + name
                            + "\"");
        }
        requireNonNull(key, "key");
        requireNonNull(kind, "kind");
    }

    /** A key that signs notes. */
    VerifierKey(String name, Ed25519PublicKey key) {
        this(name, key, Kind.NOTE);
    }

    /**
     * Reads what {@link #toString} writes of a key that signs notes, strictly.
     *
     * @throws IllegalArgumentException if it is anything else, of another kind, or not a good key
     */
    static VerifierKey of(String text) {
        return of(text, Kind.NOTE);
    }

    /** The same of a key of some kind. */
    static VerifierKey of(String text, Kind kind) {
        Matcher form = FORM.matcher(requireNonNull(text, "text"));
        if (text.length() > MAX_CHARS || !form.matches()) {
            throw new IllegalArgumentException("a verifier key is NAME+8 hex digits+base64 of 33 bytes");
        }
        byte[] typed = Base64.getDecoder().decode(form.group(3));
        if (typed[0] != kind.type) {
            throw new IllegalArgumentException(
                    "its algorithm is not Ed25519 of type %d, but of type %d".formatted(kind.type, typed[0]));
        }
        var read =
                new VerifierKey(form.group(1), Ed25519PublicKey.of(Arrays.copyOfRange(typed, 1, typed.length)), kind);
        if (!read.toString().equals(text)) {
            throw new IllegalArgumentException("its id does not belong to its name and key");
        }
        return read;
    }

    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    /** The four bytes that stand before a signature and say which key it may be of. */
    byte[] id() {
        var bytes = new ByteArrayOutputStream();
        bytes.writeBytes((name + "\n").getBytes(UTF_8));
        bytes.writeBytes(typed());
        return Arrays.copyOf(Digests.sha256(bytes.toByteArray()), ID_BYTES);
    }

    private byte[] typed() {
        byte[] bytes = key.jwk().bytes();
        byte[] typed = new byte[1 + bytes.length];
        typed[0] = kind.type;
        System.arraycopy(bytes, 0, typed, 1, bytes.length);
        return typed;
    }

    /** As one line of text without blanks. */
    @Override
    public String toString() {
        return name + "+" + HexFormat.of().formatHex(id()) + "+"
                + Base64.getEncoder().encodeToString(typed());
    }
}
