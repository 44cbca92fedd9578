package io.agentlifecycle.core;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.AuditSealer;
import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/** Signs with the JDK's own Ed25519, and fails where a test tells it to. */
final class TestSealer implements AuditSealer {
    private static final byte[] SPKI = {0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0};

    private final KeyPair pair;

    /** What it throws instead of signing, if it is not null. */
    volatile RuntimeException failure;

    /** What it does to a signature before it hands it out. */
    volatile java.util.function.UnaryOperator<byte[]> touch = signature -> signature;

    final AtomicInteger calls = new AtomicInteger();

    TestSealer() {
        try {
            pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    void fail() {
        failure = new IllegalStateException("the key server is down; its password is hunter2");
    }

    void heal() {
        failure = null;
    }

    @Override
    public PublicJwk publicKey() {
        byte[] spki = pair.getPublic().getEncoded();
        return PublicJwk.of(Arrays.copyOfRange(spki, SPKI.length, spki.length));
    }

    @Override
    public byte[] sign(String payloadType, String payload) {
        calls.incrementAndGet();
        RuntimeException failing = failure;
        if (failing != null) {
            throw failing;
        }
        try {
            Signature signer = Signature.getInstance("Ed25519");
            signer.initSign(pair.getPrivate());
            signer.update(encoded(payloadType, payload));
            return touch.apply(signer.sign());
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public boolean verify(PublicJwk key, String payloadType, String payload, byte[] signature) {
        var spki = new ByteArrayOutputStream();
        spki.writeBytes(SPKI);
        spki.writeBytes(key.bytes());
        try {
            Signature verifier = Signature.getInstance("Ed25519");
            verifier.initVerify(
                    KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(spki.toByteArray())));
            verifier.update(encoded(payloadType, payload));
            return verifier.verify(signature);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    private static byte[] encoded(String type, String payload) {
        return "DSSEv1 %d %s %d %s"
                .formatted(type.getBytes(UTF_8).length, type, payload.getBytes(UTF_8).length, payload)
                .getBytes(UTF_8);
    }
}
