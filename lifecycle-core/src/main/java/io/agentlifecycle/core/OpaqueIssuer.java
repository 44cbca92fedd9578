package io.agentlifecycle.core;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.CredentialIssuer;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The default issuer: a token is {@code <credential id>.<secret>}, and only the hash of the secret is stored. The secret
 * has 256 random bits, so a plain hash is enough.
 */
record OpaqueIssuer(Draws draws) implements CredentialIssuer {
    private static final Pattern FORM = Pattern.compile("(cred:[0-9a-f]{32})\\.([A-Za-z0-9_-]{43})");

    /** The parts of a token that has the right form. */
    record Presented(CredentialId id, String secretSha256) {
        /** Compares in constant time. */
        boolean fits(Credential credential) {
            return credential
                    .secretSha256()
                    .filter(stored -> MessageDigest.isEqual(bytes(stored), bytes(secretSha256)))
                    .isPresent();
        }

        private static byte[] bytes(String text) {
            return text.getBytes(US_ASCII);
        }
    }

    @Override
    public IssuedCredential issue(CredentialOrder order) {
        String secret = Digests.base64Url(draws.bytes(32));
        Token token = Token.of(order.id() + "." + secret);
        return new IssuedCredential(order.withSecret(Digests.sha256(secret)), token);
    }

    static Optional<Presented> parse(String token) {
        Matcher matcher = FORM.matcher(token);
        return matcher.matches()
                ? Optional.of(new Presented(CredentialId.of(matcher.group(1)), Digests.sha256(matcher.group(2))))
                : Optional.empty();
    }
}
