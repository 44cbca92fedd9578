package io.agentlifecycle.credentials;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.spi.SigningKeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** Passes every call on, lists keys that a careless host might list, and fails when it is told to. */
class OpenKeys implements SigningKeyStore {
    private final SigningKeyStore to;
    private final List<PublishedKey> alsoListed = new CopyOnWriteArrayList<>();
    private volatile Optional<RuntimeException> failure = Optional.empty();

    OpenKeys(SigningKeyStore to) {
        this.to = to;
    }

    PublishedKey list(byte[] publicKey) {
        var key =
                new PublishedKey(PublicJwk.of(publicKey), to.publicKeys().get(0).createdAt(), false);
        alsoListed.add(key);
        return key;
    }

    void fail(Optional<RuntimeException> with) {
        failure = with;
    }

    @Override
    public Purpose purpose() {
        return to.purpose();
    }

    @Override
    public List<PublishedKey> publicKeys() {
        if (failure.isPresent()) {
            throw failure.get();
        }
        List<PublishedKey> all = new ArrayList<>(alsoListed);
        all.addAll(to.publicKeys());
        return all;
    }

    @Override
    public byte[] sign(String keyId, byte[] message) {
        return to.sign(keyId, message);
    }

    @Override
    public PublishedKey generate() {
        return to.generate();
    }

    @Override
    public void retire(String keyId) {
        to.retire(keyId);
    }

    @Override
    public void destroy(String keyId) {
        to.destroy(keyId);
    }
}
