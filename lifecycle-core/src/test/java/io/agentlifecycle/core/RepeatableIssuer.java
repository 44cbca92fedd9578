package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.CredentialIssuer;
import java.util.Optional;

/** Makes tokens that can be made again, as signed ones can, or fails. */
final class RepeatableIssuer implements CredentialIssuer {
    volatile boolean broken;

    @Override
    public IssuedCredential issue(CredentialOrder order) {
        if (broken) {
            throw new IllegalStateException("the key is gone; its password is hunter2");
        }
        return new IssuedCredential(order.signedBy("key-1"), Token.of("token-" + Digests.sha256(order.toString())));
    }

    @Override
    public Optional<IssuedCredential> reissue(CredentialOrder order, Credential issued) {
        return Optional.of(new IssuedCredential(issued, issue(order).token()));
    }
}
