package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.Digests;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/** One hash of a Merkle tree as RFC 6962 has it, with SHA-256. Immutable. */
final class Hash {
    static final int BYTES = 32;

    /** The root of a tree without leaves. */
    static final Hash EMPTY_TREE = new Hash(Digests.sha256(new byte[0]));

    private static final byte NODE = 1;

    private final byte[] bytes;

    private Hash(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("a hash has 32 bytes, not " + bytes.length);
        }
        this.bytes = bytes;
    }

    static Hash of(byte[] bytes) {
        return new Hash(bytes.clone());
    }

    /** Standard base64 with padding, as notes and checkpoints have it. */
    static Hash ofBase64(String text) {
        var hash = new Hash(Base64.getDecoder().decode(text));
        if (!hash.toString().equals(text)) {
            throw new IllegalArgumentException("not the one base64 text of a hash");
        }
        return hash;
    }

    /** The hash number {@code index} of those that stand one behind the other in {@code bytes}. */
    static Hash at(byte[] bytes, int index) {
        return new Hash(Arrays.copyOfRange(bytes, index * BYTES, (index + 1) * BYTES));
    }

    /** Hashes one behind the other. */
    static byte[] bytes(List<Hash> hashes) {
        byte[] bytes = new byte[hashes.size() * BYTES];
        for (int i = 0; i < hashes.size(); i++) {
            System.arraycopy(hashes.get(i).bytes, 0, bytes, i * BYTES, BYTES);
        }
        return bytes;
    }

    /** The hash of an event, by which the next one of its stream refers to it. */
    static Hash ofLeaf(String leafHash) {
        return new Hash(Digests.fromBase64Url(leafHash));
    }

    /** What stands above two hashes. */
    static Hash node(Hash left, Hash right) {
        byte[] both = new byte[1 + 2 * BYTES];
        both[0] = NODE;
        System.arraycopy(left.bytes, 0, both, 1, BYTES);
        System.arraycopy(right.bytes, 0, both, 1 + BYTES, BYTES);
        return new Hash(Digests.sha256(both));
    }

    byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Hash hash && MessageDigest.isEqual(bytes, hash.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /** In standard base64. */
    @Override
    public String toString() {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
