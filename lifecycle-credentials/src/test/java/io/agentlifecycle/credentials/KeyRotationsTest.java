package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.Activation;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.SigningKeyStore;
import io.agentlifecycle.core.spi.SigningKeyStore.PublishedKey;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.time.Duration;
import java.time.InstantSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An agent replaces the key that its tokens are bound to, from its own keys to the token that it uses next. */
class KeyRotationsTest {
    private static final AgentId ID = AgentId.of("holder");

    private final Bench bench = new Bench();
    private final Holder holder = new Holder(bench, ID.value());
    private final CredentialVerifier verifier = bench.verifier();
    private final String nextId = holder.keys.generate().keyId();

    KeyRotationsTest() {
        bench.advance(Holder.SETTLED);
    }

    @AfterEach
    void the_log_verifies() {
        bench.close();
    }

    private KeyRotation rotation() {
        return KeyRotations.prove(holder.keys, holder.keyId, nextId, key(), 1, bench.clock.instant());
    }

    private AgentKey key() {
        return bench.manager.get(ID).key();
    }

    private Activation rotate(KeyRotation rotation) {
        return bench.manager.rotateKey(ID, rotation, KeyRotations.verifier(), Actor.agent(ID));
    }

    private TokenVerdict verify(String token, String keyId) {
        String proof =
                DpopProver.create(holder.keys, keyId, bench.clock).prove(Holder.METHOD, Holder.URI, Token.of(token));
        return verifier.verify(token, proof, Holder.REQUEST);
    }

    private static void assertRejected(TokenVerdict verdict, Reason reason) {
        assertThat(verdict)
                .isInstanceOfSatisfying(
                        TokenVerdict.Rejected.class,
                        rejected -> assertThat(rejected.reason()).isEqualTo(reason));
    }

    @Test
    void the_new_token_counts_with_the_new_key_only_and_the_old_one_with_the_old_key_until_the_overlap_ends() {
        String sent = CanonicalJson.write(rotation().toJson());
        String next = rotate(KeyRotation.parse(sent)).issued().token().reveal();
        String old = holder.token.reveal();

        assertThat(verify(next, nextId).accepted()).isTrue();
        assertRejected(verify(next, holder.keyId), Reason.PROOF_KEY);
        assertThat(verify(old, holder.keyId).accepted()).isTrue();
        assertRejected(verify(old, nextId), Reason.PROOF_KEY);

        Duration overlap = bench.manager
                .policyFor(bench.manager.get(ID))
                .credentialPolicy()
                .rotationOverlap();
        bench.advance(overlap);
        assertThat(verify(old, holder.keyId).accepted()).isFalse();
        assertThat(verify(next, nextId).accepted()).isTrue();
    }

    @Test
    void a_host_that_fears_for_the_old_key_stops_it_at_once() {
        rotate(rotation());
        bench.manager.revokeCredentials(ID, "the old key may be stolen", Bench.ADMIN);
        String next = bench.manager.rotateCredentials(ID).issued().token().reveal();

        assertThat(verify(holder.token.reveal(), holder.keyId).accepted()).isFalse();
        assertThat(verify(next, nextId).accepted()).isTrue();
    }

    /** The key signs proofs of possession all day, and whoever sees a request has some. None of them is a statement. */
    @Test
    void proofs_of_possession_do_not_change_a_key() {
        InMemoryKeys attacker = InMemoryKeys.create(Purpose.PROOFS, bench.clock);
        String attackersId = attacker.publicKeys().get(0).keyId();
        KeyRotation own = rotation();
        String proof = holder.proof();
        String signature = proof.substring(proof.lastIndexOf('.') + 1);
        PublicJwk attackers = attacker.publicKeys().get(0).jwk();
        KeyRotation forged = new KeyRotation(own.oldKey(), attackers, own.at(), signature, signature);
        KeyRotation swapped = new KeyRotation(own.oldKey(), attackers, own.at(), own.oldProof(), own.newProof());

        for (KeyRotation each : new KeyRotation[] {forged, swapped}) {
            Agent before = bench.manager.get(ID);
            assertThatThrownBy(() -> rotate(each))
                    .isInstanceOfSatisfying(
                            PolicyViolationException.class,
                            e -> assertThat(e.rule()).isEqualTo("agent-key-proof"));
            assertThat(bench.manager.get(ID)).isEqualTo(before);
        }
        assertThat(attackersId).isNotEqualTo(holder.keyId);
        rotate(own);
    }

    /** With the identity as key any signature of zeros would verify in lax libraries. */
    @Test
    void a_key_that_is_no_good_point_is_refused() {
        byte[] identity = new byte[32];
        identity[0] = 1;
        KeyRotation own = rotation();
        KeyRotation bad =
                new KeyRotation(own.oldKey(), PublicJwk.of(identity), own.at(), own.oldProof(), "AQ" + "A".repeat(84));

        assertThatThrownBy(() -> rotate(bad)).isInstanceOf(PolicyViolationException.class);
        assertThat(KeyRotations.verifier().verify(PublicJwk.of(identity), "t", "x", new byte[64]))
                .isFalse();
    }

    @Test
    void keys_of_another_purpose_and_keys_that_are_gone_prove_nothing() {
        InMemoryKeys others = InMemoryKeys.create(Purpose.CREDENTIALS, bench.clock);
        String other = others.publicKeys().get(0).keyId();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KeyRotations.prove(others, other, other, key(), 1, bench.clock.instant()))
                .withMessage("an agent's key is one for PROOFS, and these are for CREDENTIALS");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KeyRotations.prove(holder.keys, holder.keyId, other, key(), 1, bench.clock.instant()))
                .withMessageContaining(other);
        holder.keys.retire(nextId);
        assertThatIllegalArgumentException().isThrownBy(this::rotation);
    }

    @Test
    void it_works_as_the_readme_says() {
        Token next = snippet(holder.keys, holder.keyId, key(), bench.clock, bench.manager, Actor.agent(ID));
        PublishedKey newest = holder.keys.publicKeys().get(2);
        assertThat(verify(next.reveal(), newest.keyId()).accepted()).isTrue();
    }

    private static Token snippet(
            SigningKeyStore keys,
            String keyId,
            AgentKey agent,
            InstantSource clock,
            LifecycleManager manager,
            Actor actor) {
        // snippet begins
        // the agent: the new key is made beside the old one
        String nextId = keys.generate().keyId();
        KeyRotation rotation = KeyRotations.prove(keys, keyId, nextId, agent, 1, clock.instant());

        // the host
        Token next = manager.rotateKey(agent.id(), rotation, KeyRotations.verifier(), actor)
                .issued()
                .token();
        // snippet ends
        return next;
    }
}
