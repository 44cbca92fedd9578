package io.agentlifecycle.credentials.keys;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.EdECPrivateKeySpec;
import java.security.spec.NamedParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;

/** The JDK's own Ed25519, which shares no code with ours. */
final class Jdk {
    private Jdk() {}

    static byte[] sign(byte[] seed, byte[] message) throws GeneralSecurityException {
        return sign(
                KeyFactory.getInstance("Ed25519")
                        .generatePrivate(new EdECPrivateKeySpec(NamedParameterSpec.ED25519, seed)),
                message);
    }

    static byte[] sign(PrivateKey key, byte[] message) throws GeneralSecurityException {
        Signature signer = Signature.getInstance("Ed25519");
        signer.initSign(key);
        signer.update(message);
        return signer.sign();
    }

    static boolean verifies(Ed25519PublicKey key, byte[] message, byte[] signature) throws GeneralSecurityException {
        byte[] spki = Base64.getMimeDecoder().decode(key.toPem().replaceAll("-----[A-Z ]+-----", ""));
        Signature verifier = Signature.getInstance("Ed25519");
        verifier.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(spki)));
        verifier.update(message);
        return verifier.verify(signature);
    }
}
