package io.agentlifecycle.audit;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.SigningKeyStore;
import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Keys that sign with the JDK's own Ed25519, so that our verifier is checked by another signer. */
final class JdkKeys implements SigningKeyStore {
    private static final byte[] PKCS8 = HexFormat.of().parseHex("302e020100300506032b657004220420");
    private static final int SPKI_PREFIX = 12;

    /** The private key of RFC 8037, appendix A.1, and its public half of A.2. */
    private static final String RFC_8037_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    static final PublicJwk RFC_8037_KEY = new PublicJwk("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");

    private record Key(PublishedKey published, PrivateKey secret) {}

    private final Purpose purpose;
    private final Map<String, Key> keys = new LinkedHashMap<>();
    private final List<String> retired = new ArrayList<>();

    JdkKeys(Purpose purpose) {
        this.purpose = purpose;
    }

    /** A fresh key for the log. */
    static JdkKeys fresh() {
        var keys = new JdkKeys(Purpose.AUDIT);
        keys.generate();
        return keys;
    }

    /** The key of RFC 8037, which everybody knows. */
    static JdkKeys published() throws GeneralSecurityException {
        var der = new ByteArrayOutputStream();
        der.writeBytes(PKCS8);
        der.writeBytes(Base64.getUrlDecoder().decode(RFC_8037_D));
        var keys = new JdkKeys(Purpose.AUDIT);
        keys.add(
                RFC_8037_KEY,
                KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(der.toByteArray())));
        return keys;
    }

    private PublishedKey add(PublicJwk jwk, PrivateKey secret) {
        var published = new PublishedKey(jwk, Instant.EPOCH, false);
        keys.put(published.keyId(), new Key(published, secret));
        return published;
    }

    @Override
    public Purpose purpose() {
        return purpose;
    }

    @Override
    public List<PublishedKey> publicKeys() {
        return keys.values().stream()
                .map(Key::published)
                .map(key -> new PublishedKey(key.jwk(), key.createdAt(), retired.contains(key.keyId())))
                .toList();
    }

    @Override
    public byte[] sign(String keyId, byte[] message) {
        Key key = keys.get(keyId);
        if (key == null || retired.contains(keyId)) {
            throw new IllegalArgumentException("no such key: " + keyId);
        }
        try {
            Signature signer = Signature.getInstance("Ed25519");
            signer.initSign(key.secret());
            signer.update(message);
            return signer.sign();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public PublishedKey generate() {
        try {
            KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
            byte[] spki = pair.getPublic().getEncoded();
            return add(PublicJwk.of(Arrays.copyOfRange(spki, SPKI_PREFIX, spki.length)), pair.getPrivate());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void retire(String keyId) {
        retired.add(keyId);
    }

    @Override
    public void destroy(String keyId) {
        keys.remove(keyId);
    }
}
