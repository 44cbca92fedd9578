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
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
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

    private final InMemoryKeys keys = InMemoryKeys.create(Purpose.CREDENTIALS, InstantSource.system());
    private final LifecycleStore store = LifecycleStore.inMemory();
    private String token;
    private String jwks;
    private String issuer;
    private String audience;

    /** By the clock of the machine: the snippet has no other. */
    @BeforeEach
    void issue() {
        keys.generate();
        Ed25519CredentialIssuer ours = Ed25519CredentialIssuer.create(keys);
        try (LifecycleManager manager = LifecycleManager.builder()
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .credentials(ours)
                .store(store)
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
        Process process = new ProcessBuilder("sh", "-c", blocks("sh").get(0))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        process.waitFor();
        return output;
    }

    @Test
    void the_snippets_of_the_readme_are_those_of_tests() throws IOException {
        List<String> snippets = new ArrayList<>();
        for (String test : List.of("OtherServicesTest", "DpopReadmeTest", "KeyRotationsTest", "ApiKeyExchangeTest")) {
            Matcher snippet = Pattern.compile(" {8}// snippet begins\n(.*?) *// snippet ends\n", Pattern.DOTALL)
                    .matcher(Files.readString(SOURCE.resolveSibling(test + ".java")));
            while (snippet.find()) {
                snippets.add(snippet.group(1).replaceAll("(?m)^ {8}", ""));
            }
        }

        assertThat(blocks("java")).hasSize(6).containsExactlyInAnyOrderElementsOf(snippets);
    }

    @Test
    void an_offline_verifier_is_used_as_the_readme_says() {
        Ed25519CredentialIssuer ours = Ed25519CredentialIssuer.create(keys);
        try (LifecycleManager manager =
                LifecycleManager.builder().store(store).credentials(ours).build()) {
            assertThat(offline(manager, ours).accepted()).isTrue();
            new TokenRevocation(manager, ours).revoke(token, "leaked", Actor.SYSTEM);
            assertThat(offline(manager, ours).accepted()).isFalse();
        }
    }

    private TokenVerdict offline(LifecycleManager manager, Ed25519CredentialIssuer ours) {
        // snippet begins
        RevocationSnapshots snapshots = new RevocationSnapshots(manager, ours);
        String served = ours.jwks();
        String snapshot = snapshots.take();
        // snippet ends
        // snippet begins
        OfflineVerifier verifier = OfflineVerifier.builder(issuer, audience, InstantSource.system())
                .maxSnapshotAge(Duration.ofMinutes(5))
                .build();
        verifier.follow(served, snapshot);
        TokenVerdict verdict = verifier.verify(token);
        // snippet ends
        return verdict;
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

    private static List<String> blocks(String language) throws IOException {
        Matcher block = Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("README.md")));
        List<String> blocks = new ArrayList<>();
        while (block.find()) {
            blocks.add(block.group(1));
        }
        return blocks;
    }
}
