package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.access.Verdict.Reason;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.ApiKey;
import io.agentlifecycle.core.credential.ApiKeyId;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.CredentialStatus;
import io.agentlifecycle.core.credential.IssuedApiKey;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.ContentionException;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** API keys: what they fetch, and all that they do not. */
class ApiKeysTest {
    private static final Duration MONTH = Duration.ofDays(30);

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final LifecycleManager manager =
            shop.open(builder -> builder.policy(CredentialSinkTest.POLICY).credentials(new RepeatableIssuer()));

    private IssuedApiKey register() {
        return manager.apiKeys().register(ID, MONTH, ADMIN);
    }

    private Token exchange(IssuedApiKey key) {
        return manager.apiKeys().exchange(key.secret().reveal()).issued().token();
    }

    private List<Reason> denied(LifecycleManager by, String text) {
        var denied = catchThrowableOfType(
                AccessDeniedException.class, () -> by.apiKeys().exchange(text));
        assertThat(denied).as("the refusal").isNotNull();
        return denied.verdict().reasons();
    }

    private List<AuditEvent> events(EventKind kind) {
        return manager.auditTrail(ID).stream()
                .map(written -> written.event())
                .filter(event -> event.kind() == kind)
                .toList();
    }

    private Instant now() {
        return shop.clock.instant();
    }

    // ---- what it fetches

    @Test
    void a_key_fetches_the_token_of_the_current_credential_and_makes_no_other_one() {
        Token first = active(manager, "agent:1").issued().token();
        IssuedApiKey key = register();

        for (int i = 0; i < 5; i++) {
            assertThat(exchange(key)).isEqualTo(first);
        }

        assertThat(manager.get(ID).credentials().generation()).isEqualTo(1);
        assertThat(events(EventKind.CREDENTIAL_REISSUED))
                .hasSize(5)
                .extracting(AuditEvent::actor)
                .containsOnly(Actor.service(key.key().id().value()));
    }

    @Test
    void when_rotation_is_due_to_the_nanosecond_it_fetches_the_next_one_once() {
        var first = active(manager, "agent:1").issued();
        IssuedApiKey key = register();
        Instant due = first.credential().rotateAt(CredentialSinkTest.POLICY.credentialPolicy());
        shop.clock.set(due.minusNanos(1));
        assertThat(exchange(key)).isEqualTo(first.token());
        shop.clock.set(due);

        Token second = exchange(key);

        assertThat(second).isNotEqualTo(first.token());
        assertThat(exchange(key)).isEqualTo(second);
        assertThat(manager.get(ID).credentials().generation()).isEqualTo(2);
        assertThat(manager.get(ID).credentials().retiring())
                .hasValueSatisfying(old -> assertThat(old.graceUntil()).contains(due.plus(Duration.ofMinutes(10))));
        shop.clock.advance(CredentialSinkTest.LIFE);
        assertThat(exchange(key)).as("after the end").isNotEqualTo(second);
    }

    @Test
    void a_credential_that_ends_with_its_agent_is_not_replaced_again_and_again() {
        manager.requestProvisioning(Workshop.request("agent:1")
                .notAfter(now().plus(Duration.ofMinutes(30)))
                .build());
        manager.activate(ID);
        IssuedApiKey key = register();
        assertThat(key.key().expiresAt()).as("no key outlives its agent").isEqualTo(now().plus(Duration.ofMinutes(30)));
        shop.clock.advance(Duration.ofMinutes(29));
        exchange(key);
        exchange(key);
        assertThat(manager.get(ID).credentials().generation()).isEqualTo(1);
    }

    @Test
    void with_random_tokens_each_exchange_is_a_rotation_and_two_are_good() {
        LifecycleManager opaque = shop.open(CredentialSinkTest.POLICY);
        Token first = active(opaque, "agent:1").issued().token();
        IssuedApiKey key = opaque.apiKeys().register(ID, MONTH, ADMIN);

        List<Token> tokens = new ArrayList<>(List.of(first));
        for (int i = 0; i < 3; i++) {
            tokens.add(opaque.apiKeys().exchange(key.secret().reveal()).issued().token());
        }

        assertThat(tokens)
                .extracting(token -> opaque.verifyOpaque(token.reveal()).allowed())
                .containsExactly(false, false, true, true);
        assertThat(opaque.get(ID).credentials().generation()).isEqualTo(4);
    }

    // ---- what it does not

    @Test
    void unknown_revoked_and_expired_keys_and_those_of_others_get_one_answer() {
        active(manager, "agent:1");
        IssuedApiKey revoked = register();
        IssuedApiKey expired = manager.apiKeys().register(ID, Duration.ofMinutes(1), ADMIN);
        manager.apiKeys().revoke(ID, revoked.key().id(), "leaked", ADMIN);
        String good = register().secret().reveal();
        shop.clock.set(expired.key().expiresAt());
        char other = good.charAt(79) == 'A' ? 'B' : 'A';
        String id = good.substring(0, 36);

        List<String> bad = List.of(
                revoked.secret().reveal(),
                expired.secret().reveal(),
                good.substring(0, 79) + other,
                "key:" + "0".repeat(32) + good.substring(36),
                id + "." + Digests.sha256(""),
                id + "." + manager.get(ID).credentials().apiKeys().get(0).secretSha256(),
                "",
                id,
                id + ".",
                good + "\n",
                " " + good,
                good.toUpperCase(java.util.Locale.ROOT),
                "Bearer " + good,
                "\u0000".repeat(80),
                "A".repeat(1 << 20),
                good + "A".repeat(1 << 20),
                manager.rotateCredentials(ID).issued().token().reveal());
        Set<String> answers = new HashSet<>();
        Workshop.Picture before = Workshop.Picture.of(manager);
        for (String text : bad) {
            assertThatThrownBy(() -> manager.apiKeys().exchange(text))
                    .isInstanceOf(AccessDeniedException.class)
                    .hasNoCause()
                    .satisfies(e -> answers.add(e.getMessage()));
        }

        assertThat(answers)
                .containsExactly("a token is denied to this API key: the credential is not one of the agent's"
                        + " ([CREDENTIAL_UNKNOWN])");
        assertThat(Workshop.Picture.of(manager)).as("nothing is changed").isEqualTo(before);
        assertThat(manager.apiKeys().exchange(good).credential()).isPresent();
    }

    @Test
    void a_key_is_good_until_the_nanosecond_before_its_end() {
        active(manager, "agent:1");
        IssuedApiKey key = register();
        shop.clock.set(key.key().expiresAt().minusNanos(1));
        assertThat(exchange(key)).isNotNull();
        shop.clock.advance(Duration.ofNanos(1));
        assertThat(denied(manager, key.secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        shop.clock.advance(Duration.ofSeconds(1));
        assertThat(denied(manager, key.secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        shop.clock.advance(Duration.ofHours(-1));
        assertThat(denied(manager, key.secret().reveal()))
                .as("when the clock went back")
                .containsExactly(Reason.CREDENTIAL_UNKNOWN);
    }

    @Test
    void a_key_of_another_tenant_is_unknown_also_if_its_agent_has_the_same_id() {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        active(manager, "agent:1");
        active(acme, "agent:1");
        IssuedApiKey here = register();
        IssuedApiKey there = acme.apiKeys().register(ID, MONTH, ADMIN);

        assertThat(denied(acme, here.secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(denied(manager, there.secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(acme.apiKeys()
                        .exchange(there.secret().reveal())
                        .agent()
                        .key()
                        .tenant())
                .isEqualTo(TenantId.of("acme"));
    }

    @Test
    void while_its_agent_may_not_act_a_key_fetches_nothing_and_after_its_end_never_again() {
        active(manager, "agent:1");
        IssuedApiKey key = register();
        String text = key.secret().reveal();
        manager.suspend(ID, "maintenance", ADMIN);
        assertThat(denied(manager, text)).containsExactly(Reason.SUSPENDED);
        assertThatThrownBy(this::register).isInstanceOf(InvalidTransitionException.class);
        manager.resume(ID, ADMIN);
        assertThat(exchange(key)).isNotNull();
        manager.markOrphaned(ID, ADMIN);
        assertThat(denied(manager, text)).containsExactly(Reason.ORPHANED);
        manager.reclaim(ID, "bob@company.com", ADMIN);
        assertThat(exchange(key)).isNotNull();
        manager.decommission(ID, "sunset", ADMIN);
        assertThat(denied(manager, text)).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        manager.apiKeys().revoke(ID, key.key().id(), "", ADMIN);
        assertThat(events(EventKind.API_KEY_REVOKED)).isEmpty();
    }

    @Test
    void a_retired_agent_whose_credentials_were_left_to_run_out_gets_nothing_either() {
        LifecycleManager lenient = shop.open(builder -> builder.policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .credentialPolicy(CredentialPolicy.DEFAULT.withRevokeOnDecommission(false))
                        .build())
                .credentials(new RepeatableIssuer()));
        active(lenient, "agent:1");
        IssuedApiKey key = lenient.apiKeys().register(ID, MONTH, ADMIN);
        lenient.decommission(ID, "sunset", ADMIN);
        assertThat(lenient.get(ID).credentials().apiKeys()).hasSize(1);
        assertThat(denied(lenient, key.secret().reveal())).containsExactly(Reason.DECOMMISSIONED);
        lenient.apiKeys().revoke(ID, key.key().id(), "", ADMIN);
        assertThat(Workshop.kinds(lenient, ID)).endsWith(EventKind.AGENT_DECOMMISSIONED);
    }

    @Test
    void an_agent_that_is_denied_here_because_its_suspension_could_not_be_stored_gets_nothing() {
        active(manager, "agent:1");
        IssuedApiKey key = register();
        store.commits = (commit, to) -> new CommitResult.Rejected(CommitResult.Reason.BUSY, "the disk is busy");
        assertThatThrownBy(() -> manager.suspend(ID, "", ADMIN)).isInstanceOf(StoreException.class);
        store.commits = (commit, to) -> to.commit(commit);
        assertThat(denied(manager, key.secret().reveal())).containsExactly(Reason.DENIED_HERE);
        manager.suspend(ID, "", ADMIN);
    }

    @Test
    void revoking_the_credentials_takes_all_keys_back_and_one_that_is_registered_then_is_good() {
        active(manager, "agent:1");
        IssuedApiKey one = register();
        IssuedApiKey two = register();

        manager.revokeCredentials(ID, "leaked", ADMIN);

        assertThat(denied(manager, one.secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(denied(manager, two.secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);
        assertThat(events(EventKind.CREDENTIAL_REVOKED).get(0).details().get("ids"))
                .hasValueSatisfying(ids -> assertThat(((Json.Arr) ids).items())
                        .contains(
                                Json.of(one.key().id().value()),
                                Json.of(two.key().id().value())));
        assertThat(manager.get(ID).credentials().isRevoked()).isTrue();
        exchange(register());
        assertThat(manager.get(ID).credential().orElseThrow().status(now())).isEqualTo(CredentialStatus.ACTIVE);
    }

    // ---- keeping them

    @Test
    void an_agent_has_so_many_keys_each_revoked_by_itself_and_expired_ones_do_not_count() {
        active(manager, "agent:1");
        List<IssuedApiKey> keys = new ArrayList<>();
        for (int i = 0; i < ApiKey.MOST; i++) {
            keys.add(manager.apiKeys().register(ID, i == 0 ? Duration.ofHours(1) : MONTH, ADMIN));
        }
        refused(manager, "api-key-count", this::register);
        manager.apiKeys().revoke(ID, keys.get(3).key().id(), "leaked", ADMIN);
        manager.apiKeys().revoke(ID, keys.get(3).key().id(), "leaked", ADMIN);
        manager.apiKeys().revoke(ID, ApiKeyId.of("key:" + "0".repeat(32)), "", ADMIN);
        assertThat(events(EventKind.API_KEY_REVOKED)).hasSize(1);
        keys.add(register());
        refused(manager, "api-key-count", this::register);
        shop.clock.advance(Duration.ofHours(1));
        keys.add(register());

        assertThat(manager.get(ID).credentials().apiKeys())
                .as("those that expired are not kept")
                .hasSize(ApiKey.MOST)
                .doesNotContain(keys.get(0).key());
        assertThat(exchange(keys.get(1))).isNotNull();
        assertThat(denied(manager, keys.get(3).secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);
    }

    @Test
    void keys_outlive_a_restart_an_expiry_and_every_rotation() {
        active(manager, "agent:1");
        IssuedApiKey key = register();
        manager.rotateCredentials(ID);
        shop.clock.advance(Duration.ofHours(2));
        manager.sweeper().sweep();
        assertThat(manager.get(ID).credential().orElseThrow().recorded()).isEqualTo(CredentialStatus.EXPIRED);
        LifecycleManager next =
                shop.open(builder -> builder.policy(CredentialSinkTest.POLICY).credentials(new RepeatableIssuer()));
        assertThat(next.apiKeys().exchange(key.secret().reveal()).credential()).isPresent();
    }

    @ParameterizedTest
    @ValueSource(strings = {"PT0S", "PT-1S", "P367D"})
    void a_life_must_be_positive_and_has_an_end(String life) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> manager.apiKeys().register(ID, Duration.parse(life), ADMIN))
                .withMessageContaining("must be positive and at most");
    }

    @Test
    void a_key_is_in_no_text_no_event_and_no_record() {
        List<String> stored = new ArrayList<>();
        var watched = new Workshop(new ForwardingStore(LifecycleStore.inMemory()) {
            @Override
            public CommitResult commit(Commit commit) {
                stored.add(commit.toString());
                return super.commit(commit);
            }
        });
        LifecycleManager watching = watched.open(CredentialSinkTest.POLICY);
        active(watching, "agent:1");
        IssuedApiKey key = watching.apiKeys().register(ID, MONTH, ADMIN);
        Activation exchanged = watching.apiKeys().exchange(key.secret().reveal());
        watching.apiKeys().revoke(ID, key.key().id(), "leaked", ADMIN);
        String secret = key.secret().reveal().substring(37);

        String everything = String.join(
                "\n",
                key.toString(),
                exchanged.toString(),
                watching.get(ID).toString(),
                watching.auditTrail(ID).toString(),
                stored.toString());

        assertThat(secret).hasSize(43);
        assertThat(everything).doesNotContain(secret).contains(Digests.sha256(secret));
        watched.check();
    }

    // ---- at once

    @Test
    void of_32_threads_that_exchange_one_key_all_get_the_same_token_of_one_new_credential() throws Exception {
        var first = active(manager, "agent:1").issued();
        IssuedApiKey key = register();
        shop.clock.set(first.credential().expiresAt());
        ExecutorService threads = Executors.newFixedThreadPool(32);
        try {
            var together = new CyclicBarrier(32);
            List<Future<Optional<Token>>> all = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                all.add(threads.submit(() -> {
                    together.await();
                    try {
                        return Optional.of(exchange(key));
                    } catch (ContentionException e) {
                        return Optional.empty(); // the others were faster sixteen times
                    }
                }));
            }
            Set<Token> tokens = new HashSet<>();
            for (Future<Optional<Token>> each : all) {
                each.get().ifPresent(tokens::add);
            }

            assertThat(tokens).hasSize(1);
            assertThat(manager.get(ID).credentials().generation()).isEqualTo(2);
            assertThat(events(EventKind.CREDENTIAL_ROTATED)).hasSize(1);
        } finally {
            threads.shutdownNow();
        }
    }

    /** Somebody takes the key back after it was looked at, and before the token is given. */
    @Test
    void a_key_that_is_revoked_while_it_is_exchanged_fetches_nothing() {
        active(manager, "agent:1");
        IssuedApiKey key = register();
        store.commits = (commit, to) -> {
            store.commits = (c, inner) -> inner.commit(c);
            manager.apiKeys().revoke(ID, key.key().id(), "leaked", ADMIN);
            return to.commit(commit);
        };

        assertThat(denied(manager, key.secret().reveal())).containsExactly(Reason.CREDENTIAL_UNKNOWN);

        assertThat(events(EventKind.CREDENTIAL_REISSUED)).isEmpty();
        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.API_KEY_REVOKED);
    }

    @Test
    void a_key_is_no_token() {
        active(manager, "agent:1");
        register();
        Verdict verdict = manager.verifyOpaque(register().secret().reveal());
        assertThat(verdict.allowed()).isFalse();
    }
}
