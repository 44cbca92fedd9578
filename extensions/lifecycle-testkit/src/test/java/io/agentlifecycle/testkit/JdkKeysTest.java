package io.agentlifecycle.testkit;

import io.agentlifecycle.core.spi.SigningKeyStore;
import java.util.Collection;

class JdkKeysTest extends SigningKeyStoreContract {
    @Override
    protected SigningKeyStore open() {
        return new JdkKeys(JdkKeys.Bug.NONE);
    }

    @Override
    protected Collection<byte[]> secrets(SigningKeyStore store) {
        return ((JdkKeys) store).secrets();
    }
}
