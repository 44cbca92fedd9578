package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.kinds;
import static io.agentlifecycle.core.Workshop.refused;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.KeyHistory;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** An agent's identity key is replaced, by whoever has it and the next one, and by nobody else. */
class KeyRotationTest {
    @RegisterExtension
    final Workshop shop = new Workshop();

    private final TestSealer old = new TestSealer();
    private final TestSealer next = new TestSealer();
    private final Recording issuer = new Recording();
    private final LifecycleManager manager =
            shop.open(builder -> builder.policy(OPEN_DOOR).credentials(issuer));
    private final Credential first = active(ID, old);

    private Credential active(AgentId id, TestSealer key) {
        manager.requestProvisioning(
                request(id.value()).keyThumbprint(key.publicKey().keyId()).build());
        return manager.activate(id).issued().credential();
    }

    /** What an agent with those keys would send now. */
    static KeyRotation signed(Agent agent, TestSealer old, TestSealer next, long sequence) {
        return signed(agent.key(), old, next, sequence, agent.activity().updatedAt());
    }

    private static KeyRotation signed(AgentKey agent, TestSealer old, TestSealer next, long sequence, Instant at) {
        String statement = KeyRotation.statement(agent, old.publicKey().keyId(), next.publicKey(), sequence, at);
        return rotation(old, next, at, proof(old, statement), proof(next, statement));
    }

    private static KeyRotation rotation(TestSealer old, TestSealer next, Instant at, String oldProof, String newProof) {
        return new KeyRotation(old.publicKey(), next.publicKey(), at, oldProof, newProof);
    }

    private static String proof(TestSealer key, String statement) {
        return proof(key, KeyRotation.PAYLOAD_TYPE, statement);
    }

    private static String proof(TestSealer key, String type, String text) {
        return Digests.base64Url(key.sign(type, text));
    }

    private KeyRotation signed(TestSealer from, TestSealer to, long sequence) {
        return signed(manager.get(ID).key(), from, to, sequence, shop.clock.instant());
    }

    private Activation rotate(KeyRotation rotation) {
        return manager.rotateKey(ID, rotation, old::verify, Actor.agent(ID));
    }

    private PolicyViolationException refuses(String rule, KeyRotation rotation) {
        return refused(manager, rule, () -> rotate(rotation));
    }

    private static String idOf(TestSealer key) {
        return key.publicKey().keyId();
    }

    /** Remembers what was ordered. */
    private static final class Recording implements CredentialIssuer {
        final RepeatableIssuer to = new RepeatableIssuer();
        private final List<CredentialOrder> orders = new CopyOnWriteArrayList<>();

        @Override
        public IssuedCredential issue(CredentialOrder order) {
            orders.add(order);
            return to.issue(order);
        }

        @Override
        public Optional<IssuedCredential> reissue(CredentialOrder order, Credential issued) {
            return to.reissue(order, issued);
        }

        CredentialOrder last() {
            return orders.get(orders.size() - 1);
        }
    }

    // ---- what it does

    @Test
    void the_agent_stays_and_its_next_credentials_are_bound_to_the_new_key() {
        shop.clock.advance(Duration.ofMinutes(10));
        Activation done = rotate(signed(old, next, 1));

        Agent agent = done.agent();
        assertThat(agent.id()).isEqualTo(ID);
        assertThat(agent.entitlements().keyThumbprint()).contains(idOf(next));
        assertThat(agent.keyHistory())
                .isEqualTo(new KeyHistory(
                        1, List.of(new KeyHistory.Past(idOf(old), shop.clock.instant(), first.generation()))));
        assertThat(issuer.last().keyThumbprint()).contains(idOf(next));
        assertThat(done.issued().credential().generation()).isEqualTo(2);
        assertThat(kinds(manager, ID)).endsWith(EventKind.AGENT_KEY_ROTATED, EventKind.CREDENTIAL_ROTATED);
        manager.rotateCredentials(ID);
        assertThat(issuer.last().keyThumbprint()).contains(idOf(next));
    }

    @Test
    void the_credential_of_the_old_key_retires_as_after_any_rotation() {
        Instant end = shop.clock.instant().plus(OPEN_DOOR.credentialPolicy().rotationOverlap());
        Agent agent = rotate(signed(old, next, 1)).agent();

        Credential retiring = agent.credentials().find(first.id()).orElseThrow();
        assertThat(retiring.status(end.minusNanos(1))).isEqualTo(CredentialStatus.RETIRING);
        assertThat(retiring.status(end).isUsable()).isFalse();
        assertThat(retiring.graceUntil()).contains(end);
    }

    /** It would say the new key under the id of the old credential, and so be a token that nobody issued. */
    @Test
    void the_token_of_a_credential_of_the_old_key_is_not_made_again() {
        Activation done = rotate(signed(old, next, 1));

        refused(manager, "token-once", () -> manager.reissueCredential(ID, first.id(), ADMIN));
        assertThat(manager.reissueCredential(ID, done.issued().credential().id(), ADMIN)
                        .token()
                        .reveal())
                .isEqualTo(done.issued().token().reveal());
        Credential third = manager.rotateCredentials(ID).issued().credential();
        assertThat(manager.reissueCredential(ID, done.issued().credential().id(), ADMIN)
                        .token()
                        .reveal())
                .as("the retiring one is of the new key, too")
                .isEqualTo(done.issued().token().reveal());
        assertThat(third.generation()).isEqualTo(3);
    }

    @Test
    void the_event_has_all_that_is_needed_to_check_it_again() {
        KeyRotation rotation = signed(old, next, 1);
        rotate(rotation);

        AuditEvent event = manager.auditTrail(ID).stream()
                .map(each -> each.event())
                .filter(each -> each.kind() == EventKind.AGENT_KEY_ROTATED)
                .findFirst()
                .orElseThrow();
        assertThat(KeyRotation.of(event)).isEqualTo(rotation);
        assertThat(KeyRotation.of(event).isProven(manager.get(ID).key(), idOf(old), 1, old::verify))
                .isTrue();
        assertThat(event.actor()).isEqualTo(Actor.agent(ID));
        assertThat(event.mayWait()).as("it grants power").isFalse();
    }

    @Test
    void what_it_changed_is_there_when_the_store_is_opened_again() {
        rotate(signed(old, next, 1));
        Agent before = manager.get(ID);

        assertThat(shop.open(OPEN_DOOR).get(ID)).isEqualTo(before);
    }

    @Test
    void only_the_last_eight_keys_are_remembered_and_their_number_goes_on() {
        List<TestSealer> keys = new ArrayList<>(List.of(old));
        for (int i = 1; i <= 10; i++) {
            TestSealer key = new TestSealer();
            rotate(signed(keys.get(i - 1), key, i));
            keys.add(key);
        }

        KeyHistory history = manager.get(ID).keyHistory();
        assertThat(history.rotations()).isEqualTo(10);
        assertThat(history.past())
                .extracting(KeyHistory.Past::keyThumbprint)
                .containsExactlyElementsOf(
                        keys.subList(2, 10).stream().map(KeyRotationTest::idOf).toList());
        refuses("agent-key", signed(keys.get(10), keys.get(2), 11));
    }

    // ---- who may not

    /**
     * AgentMesh verifies whatever text the proof brings along, so that any one that the old key ever signed puts any key in its
     * place. Here no text is brought along.
     */
    @Test
    void a_text_that_the_old_key_once_signed_puts_no_other_key_in_its_place() {
        TestSealer attacker = new TestSealer();
        AgentKey agent = manager.get(ID).key();
        Instant now = shop.clock.instant();
        String forAttacker = KeyRotation.statement(agent, idOf(old), attacker.publicKey(), 1, now);
        List<String> once = List.of(
                proof(old, "text/plain", "hello"),
                proof(old, "text/plain", forAttacker),
                proof(old, AuditEvent.PAYLOAD_TYPE, forAttacker),
                proof(old, idOf(attacker)),
                proof(old, forAttacker + " "),
                proof(old, KeyRotation.statement(agent, idOf(old), next.publicKey(), 1, now)),
                proof(old, KeyRotation.statement(agent, idOf(next), attacker.publicKey(), 1, now)),
                proof(old, KeyRotation.statement(agent, idOf(old), attacker.publicKey(), 2, now)),
                proof(old, KeyRotation.statement(agent, idOf(old), attacker.publicKey(), 1, now.plusNanos(1))),
                proof(old, KeyRotation.statement(other(agent), idOf(old), attacker.publicKey(), 1, now)),
                proof(old, KeyRotation.statement(elsewhere(agent), idOf(old), attacker.publicKey(), 1, now)),
                proof(attacker, forAttacker));
        for (String signature : once) {
            refuses("agent-key-proof", rotation(old, attacker, now, signature, proof(attacker, forAttacker)));
        }
        assertThat(manager.get(ID).entitlements().keyThumbprint()).contains(idOf(old));
    }

    private static AgentKey other(AgentKey agent) {
        return new AgentKey(agent.tenant(), AgentId.of("agent:2"));
    }

    private static AgentKey elsewhere(AgentKey agent) {
        return new AgentKey(TenantId.of("acme"), agent.id());
    }

    @Test
    void nobody_puts_the_key_of_somebody_else_in_place_of_his_own() {
        Instant now = shop.clock.instant();
        String statement = KeyRotation.statement(manager.get(ID).key(), idOf(old), next.publicKey(), 1, now);

        refuses("agent-key-proof", rotation(old, next, now, proof(old, statement), proof(old, statement)));
        refuses("agent-key-proof", rotation(old, next, now, proof(old, statement), proof(new TestSealer(), statement)));
    }

    @Test
    void an_old_statement_counts_no_more_also_when_the_key_is_the_same_again() {
        KeyRotation there = signed(old, next, 1);
        rotate(there);
        refuses("agent-key", there);
        // eight others, so that the first key is forgotten and may come again
        TestSealer last = next;
        for (int i = 2; i <= 10; i++) {
            TestSealer key = i == 10 ? old : new TestSealer();
            rotate(signed(last, key, i));
            last = key;
        }
        assertThat(manager.get(ID).entitlements().keyThumbprint()).contains(idOf(old));

        TestSealer forgotten = next;
        assertThat(manager.get(ID).keyHistory().has(idOf(forgotten))).isFalse();
        refuses("agent-key-proof", there);
    }

    @Test
    void a_statement_counts_for_a_minute_either_way() {
        Instant now = shop.clock.instant();
        AgentKey agent = manager.get(ID).key();
        Duration minute = Duration.ofSeconds(60);
        for (Instant wrong :
                List.of(now.minus(minute).minusNanos(1), now.plus(minute).plusNanos(1), Instant.EPOCH, Instant.MAX)) {
            assertThat(refuses("agent-key-proof", signed(agent, old, next, 1, wrong)))
                    .hasMessageContaining("sign it now");
        }
        rotate(signed(agent, old, next, 1, now.minus(minute)));
        rotate(signed(agent, next, new TestSealer(), 2, now.plus(minute)));
    }

    // ---- what is refused

    @Test
    void wrong_keys_are_refused_by_name() {
        assertThat(refuses("agent-key", signed(next, new TestSealer(), 1)))
                .hasMessageContaining("agent " + manager.get(ID).key() + " is bound to key " + idOf(old)
                        + ", and not to " + idOf(next));
        assertThat(refuses("agent-key", signed(old, old, 1))).hasMessageContaining("generate a new one");
        rotate(signed(old, next, 1));
        assertThat(refuses("agent-key", signed(next, old, 2))).hasMessageContaining("or had it before");
    }

    @Test
    void an_agent_without_a_key_has_none_to_replace() {
        AgentId bearer = AgentId.of("agent:bearer");
        manager.requestProvisioning(request(bearer.value()).build());
        manager.activate(bearer);

        KeyRotation rotation = signed(manager.get(bearer).key(), old, next, 1, shop.clock.instant());
        assertThat(refused(manager, "agent-key", () -> manager.rotateKey(bearer, rotation, old::verify, ADMIN)))
                .hasMessageContaining("is bound to no key; request an agent with keyThumbprint(..)");
    }

    @Test
    void an_agent_that_is_not_active_does_not_change_its_key() {
        manager.suspend(ID, "maintenance", ADMIN);

        assertThatThrownBy(() -> manager.rotateKey(ID, signed(old, next, 1), old::verify, ADMIN))
                .isInstanceOf(InvalidTransitionException.class);
        assertThat(manager.get(ID).entitlements().keyThumbprint()).contains(idOf(old));
    }

    @Test
    void an_issuer_that_fails_leaves_the_old_key_in_force() {
        issuer.to.broken = true;

        assertThatThrownBy(() -> rotate(signed(old, next, 1))).isInstanceOf(IllegalStateException.class);

        assertThat(manager.get(ID).entitlements().keyThumbprint()).contains(idOf(old));
        assertThat(manager.get(ID).keyHistory()).isEqualTo(KeyHistory.NONE);
        issuer.to.broken = false;
        rotate(signed(old, next, 1));
    }

    @Test
    void of_two_changes_at_once_one_wins_and_the_other_is_refused() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            List<Future<Activation>> racing = List.of(
                    pool.submit(() -> rotate(signed(old, next, 1))),
                    pool.submit(() -> rotate(signed(old, new TestSealer(), 1))));
            int won = 0;
            for (Future<Activation> each : racing) {
                try {
                    each.get(60, TimeUnit.SECONDS);
                    won++;
                } catch (ExecutionException e) {
                    assertThat(e).hasCauseInstanceOf(PolicyViolationException.class);
                }
            }
            assertThat(won).isEqualTo(1);
            assertThat(manager.get(ID).keyHistory().rotations()).isEqualTo(1);
        } finally {
            pool.shutdownNow();
        }
    }

    // ---- as text

    @Test
    void it_travels_as_text_in_one_spelling() {
        KeyRotation rotation = signed(old, next, 1);
        String text = CanonicalJson.write(rotation.toJson());

        assertThat(KeyRotation.parse(text)).isEqualTo(rotation);
        String[] others = {
            "",
            "{}",
            "[]",
            text + " ",
            " " + text,
            text.replace("\"signedAt\":\"", "\"signedAt\":\"+"),
            text.replace("{\"newKey\"", "{\"message\":\"x\",\"newKey\""),
            text.replace("\"oldProof\":\"", "\"oldProof\":\"A"),
            text.replace("\"kty\":\"OKP\"", "\"kty\":\"EC\""),
            text.replace("\"crv\":\"Ed25519\"", "\"crv\":\"Ed25519\",\"d\":\"AA\""),
            text + "x".repeat(2_000)
        };
        for (String other : others) {
            assertThat(other).isNotEqualTo(text);
            assertThatThrownBy(() -> KeyRotation.parse(other)).as(other).isInstanceOf(JsonFormatException.class);
        }
    }

    @Test
    void a_signature_has_one_spelling() {
        PublicJwk key = old.publicKey();
        Instant at = shop.clock.instant();
        String right = "A".repeat(86);
        assertThat(new KeyRotation(key, key, at, right, right).oldProof()).isEqualTo(right);
        for (String wrong : List.of("", "A".repeat(85), "A".repeat(87), "A".repeat(85) + "B", "A".repeat(85) + "=")) {
            assertThatThrownBy(() -> new KeyRotation(key, key, at, wrong, right))
                    .isInstanceOf(JsonFormatException.class)
                    .hasMessageContaining("oldProof");
            assertThatThrownBy(() -> new KeyRotation(key, key, at, right, wrong))
                    .isInstanceOf(JsonFormatException.class)
                    .hasMessageContaining("newProof");
        }
    }
}
