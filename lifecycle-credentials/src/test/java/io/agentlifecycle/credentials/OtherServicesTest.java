package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.crypto.Ed25519Verifier;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.proc.BadJOSEException;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.jwt.proc.DefaultJWTClaimsVerifier;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What README.md tells other services to do works, word for word. */
class OtherServicesTest {
    private static final Path SOURCE = Path.of("src/test/java/io/agentlifecycle/credentials/OtherServicesTest.java");

    private String token;
    private String jwks;
    private String issuer;
    private String audience;

    /** By the clock of the machine: the snippet has no other. */
    @BeforeEach
    void issue() {
        var keys = InMemoryKeys.create(Purpose.CREDENTIALS, InstantSource.system());
        keys.generate();
        Ed25519CredentialIssuer ours = Ed25519CredentialIssuer.create(keys);
        try (LifecycleManager manager = LifecycleManager.builder()
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .credentials(ours)
                .build()) {
            AgentId bot = manager.requestProvisioning(ProvisioningRequest.builder("Bot")
                            .owner("alice@company.com")
                            .build())
                    .id();
            token = manager.activate(bot).issued().token().reveal();
        }
        jwks = ours.jwks();
        issuer = ours.issuer();
        audience = ours.audience();
    }

    @Test
    @Tag("host")
    void openssl_verifies_a_token_with_the_commands_of_the_readme(@TempDir Path directory) throws Exception {
        String verified = openssl(directory, token);
        assertThat(verified).startsWith("Signature Verified Successfully\n{\"aud\":\"did:key:z6Mk");

        String forged = token.substring(0, token.length() - 4) + (token.endsWith("AAAA") ? "AAAQ" : "AAAA");
        assertThat(openssl(directory, forged)).doesNotContain("Successfully");
    }

    private String openssl(Path directory, String text) throws Exception {
        Files.writeString(directory.resolve("token.txt"), text + "\n");
        Files.writeString(directory.resolve("jwks.json"), jwks);
        Process process = new ProcessBuilder("sh", "-c", block("sh"))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        process.waitFor();
        return output;
    }

    @Test
    void the_snippet_of_the_readme_is_the_one_below() throws IOException {
        String source = Files.readString(SOURCE);
        String below = source.substring(
                        source.lastIndexOf("// snippet begins\n") + "// snippet begins\n".length(),
                        source.lastIndexOf("        // snippet ends"))
                .replaceAll("(?m)^ {8}", "");

        assertThat(block("java")).isEqualTo(below);
    }

    @Test
    void nimbus_verifies_a_token_with_the_snippet_of_the_readme() throws Exception {
        snippet();

        audience = "somebody else";
        assertThatThrownBy(this::snippet).isInstanceOf(BadJOSEException.class);
    }

    private void snippet() throws Exception {
        // snippet begins
        SignedJWT jwt = SignedJWT.parse(token);
        JWK key = JWKSet.parse(jwks).getKeyByKeyId(jwt.getHeader().getKeyID());
        var types = new DefaultJOSEObjectTypeVerifier<SecurityContext>(new JOSEObjectType("agent+jwt"));
        types.verify(jwt.getHeader().getType(), null);
        if (key == null || !jwt.verify(new Ed25519Verifier(key.toOctetKeyPair()))) {
            throw new BadJOSEException("not signed by a key of the set");
        }
        var claims = new DefaultJWTClaimsVerifier<SecurityContext>(
                audience,
                new JWTClaimsSet.Builder().issuer(issuer).build(),
                Set.of("sub", "iat", "nbf", "exp", "jti", "gen"));
        claims.verify(jwt.getJWTClaimsSet(), null);
        // snippet ends
    }

    private static String block(String language) throws IOException {
        Matcher block = Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("README.md")));
        assertThat(block.find()).as("a block of " + language).isTrue();
        return block.group(1);
    }
}
