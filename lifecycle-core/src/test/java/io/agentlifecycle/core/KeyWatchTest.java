package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.RotationResult.Outcome;
import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import io.agentlifecycle.core.testing.ForwardingStore;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** When a key of the issuer counts no more, whoever has a credential of it is due at once. */
class KeyWatchTest {
    private static final LifecyclePolicy POLICY = CredentialSinkTest.POLICY;

    /** Signs with the key that it is told to, and says that only some count. */
    private static final class KeyedIssuer implements CredentialIssuer {
        private String signs = "key-1";
        private Optional<Set<String>> good = Optional.of(Set.of("key-1", "key-2"));
        private Optional<Set<String>> known = Optional.empty();
        private Duration longest = CredentialPolicy.LONGEST_LIFE;
        private boolean speechless;

        @Override
        public IssuedCredential issue(CredentialOrder order) {
            return new IssuedCredential(order.signedBy(signs), Token.of("token of " + order.id()));
        }

        @Override
        public Optional<Set<String>> goodKeys() {
            if (speechless) {
                throw new IllegalStateException("the keys cannot be asked");
            }
            return good;
        }

        @Override
        public Optional<Set<String>> knownKeys() {
            return known;
        }

        @Override
        public Duration longestLife() {
            return longest;
        }

        void taintFirst() {
            signs = "key-2";
            good = Optional.of(Set.of("key-2"));
        }
    }

    private static final class WatchedStore extends ForwardingStore {
        private int queries;
        private Runnable beforeCommit = () -> {};

        WatchedStore() {
            super(LifecycleStore.inMemory());
        }

        @Override
        public Page<StoredRecord> query(RecordQuery query, Optional<PageToken> after, int limit) {
            queries++;
            return super.query(query, after, limit);
        }

        @Override
        public CommitResult commit(Commit commit) {
            Runnable once = beforeCommit;
            beforeCommit = () -> {};
            once.run();
            return super.commit(commit);
        }
    }

    private final WatchedStore store = new WatchedStore();
    private final KeyedIssuer mint = new KeyedIssuer();

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private LifecycleManager open() {
        return open(builder -> builder.credentialSink((agent, credential) -> {}));
    }

    private LifecycleManager open(UnaryOperator<LifecycleManager.Builder> settings) {
        return shop.open(builder -> settings.apply(builder.policy(POLICY).credentials(mint)));
    }

    private static String keyOf(LifecycleManager manager, AgentId agent) {
        return manager.get(agent).credential().orElseThrow().keyId().orElseThrow();
    }

    @Test
    void all_agents_of_a_key_that_was_taken_out_get_another_credential_with_the_next_sweep_and_once() {
        LifecycleManager manager = open();
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));
        active(manager, "agent:1");
        active(acme, "agent:2");
        mint.signs = "key-2";
        active(manager, "agent:3");
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();

        mint.taintFirst();

        assertThat(manager.sweeper().plan().items())
                .extracting(item -> item.agent().toString() + " " + item.action())
                .containsExactlyInAnyOrder("agent:1 ROTATE_CREDENTIAL", "acme/agent:2 ROTATE_CREDENTIAL");
        assertThat(manager.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::result)
                .containsExactly(Result.DONE, Result.DONE);
        assertThat(keyOf(manager, ID)).isEqualTo("key-2");
        assertThat(keyOf(acme, AgentId.of("agent:2"))).isEqualTo("key-2");
        assertThat(manager.get(AgentId.of("agent:3")).credentials().generation())
                .isEqualTo(1);
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void a_key_that_was_taken_out_while_nobody_watched_is_noticed_by_the_first_sweep() {
        LifecycleManager before = open();
        active(before, "agent:1");
        shop.close(before);
        mint.taintFirst();

        LifecycleManager after = open();
        after.sweeper().sweep();

        assertThat(keyOf(after, ID)).isEqualTo("key-2");
    }

    /** The sweep that looks at everyone runs between the signature and the commit. */
    @Test
    void a_credential_that_is_stored_while_its_key_is_taken_out_is_found_by_the_sweep_after() {
        LifecycleManager manager = open();
        mint.signs = "key-2";
        active(manager, "agent:1");
        manager.sweeper().sweep();
        manager.sweeper().sweep();
        store.beforeCommit = () -> {
            mint.good = Optional.of(Set.of("key-2"));
            assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        };
        mint.signs = "key-1";
        manager.rotateCredentials(ID);
        mint.signs = "key-2";
        assertThat(keyOf(manager, ID)).isEqualTo("key-1");

        manager.sweeper().sweep();

        assertThat(keyOf(manager, ID)).isEqualTo("key-2");
    }

    @Test
    void a_commit_in_between_leaves_the_agent_due() {
        LifecycleManager manager = open();
        active(manager, "agent:1");
        manager.sweeper().sweep();
        manager.sweeper().sweep();
        mint.taintFirst();
        manager.changeOwner(ID, "bob@company.com", ADMIN);

        assertThat(store.due(shop.clock.instant(), 10)).hasSize(1);
    }

    @Test
    void without_a_sink_it_is_reported_and_whoever_looks_at_the_fleet_rotates() {
        LifecycleManager manager = open(builder -> builder);
        active(manager, "agent:1");
        mint.taintFirst();

        assertThat(manager.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::result)
                .containsExactly(Result.DUE_NO_SINK);
        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(Outcome.ROTATED);
        assertThat(keyOf(manager, ID)).isEqualTo("key-2");
        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(Outcome.OK);
    }

    private static LifecyclePolicy manual(Duration life) {
        return LifecyclePolicy.builder()
                .requireApproval(false)
                .credentialPolicy(CredentialPolicy.DEFAULT
                        .withMaxCredentialTtl(life)
                        .withRotationOverlap(Duration.ofMinutes(1))
                        .withAutoRotate(false))
                .build();
    }

    /** A token that no verifier takes is not of an age at which it is rotated. */
    @Test
    void after_a_taint_an_agent_without_rotation_by_age_gets_another_one_too() {
        LifecyclePolicy manual = manual(Duration.ofHours(1));
        LifecycleManager manager = open(builder -> builder.policy(manual).credentialSink((agent, credential) -> {}));
        active(manager, "agent:1");
        active(manager, "agent:2");
        manager.revokeCredentials(AgentId.of("agent:2"), "leaked", ADMIN);
        manager.sweeper().sweep();
        shop.clock.advance(Duration.ofMinutes(59));
        assertThat(manager.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::action)
                .doesNotContain(SweepAction.ROTATE_CREDENTIAL);

        mint.taintFirst();

        assertThat(manager.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::action)
                .contains(SweepAction.ROTATE_CREDENTIAL);
        assertThat(keyOf(manager, ID)).isEqualTo("key-2");
        assertThat(manager.get(AgentId.of("agent:2")).credentials().generation())
                .isEqualTo(1);
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void after_a_taint_whoever_looks_at_the_fleet_replaces_what_is_not_rotated_by_age_and_lets_what_expired_be() {
        LifecycleManager manager = open(builder -> builder.policy(manual(Duration.ofHours(1))));
        active(manager, "agent:1");
        mint.taintFirst();

        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(Outcome.ROTATED);
        assertThat(keyOf(manager, ID)).isEqualTo("key-2");
        mint.good = Optional.of(Set.of());
        shop.clock.advance(Duration.ofHours(1));
        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(Outcome.EXPIRED);
        assertThat(manager.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::action)
                .doesNotContain(SweepAction.REPORT_ROTATION_DUE);
    }

    /** Else two processes, each with a key that the other has not heard of, replace each other's credentials for ever. */
    @Test
    void a_credential_of_a_key_that_the_issuer_has_not_heard_of_is_left_to_who_made_it() {
        mint.signs = "key of another process";
        mint.known = mint.good;
        LifecycleManager manager = open();
        active(manager, "agent:1");

        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(Outcome.OK);

        mint.known = Optional.of(Set.of("key-1", "key-2", "key of another process"));
        mint.good = Optional.of(Set.of("key-2"));
        mint.signs = "key-2";
        manager.sweeper().sweep();
        assertThat(keyOf(manager, ID)).isEqualTo("key-2");
    }

    @Test
    void a_credential_that_lives_longer_than_the_issuer_allows_by_now_is_replaced_at_once() {
        LifecycleManager before = open(builder -> builder.policy(manual(Duration.ofHours(10))));
        active(before, "agent:1");
        Duration life = Duration.ofHours(10);
        shop.close(before);

        mint.longest = life;
        LifecyclePolicy shorter = manual(Duration.ofHours(5));
        LifecycleManager as = open(builder -> builder.policy(shorter).credentialSink((agent, credential) -> {}));
        assertThat(as.sweeper().sweep().outcomes()).as("as long as is allowed").isEmpty();
        shop.close(as);
        mint.longest = life.minusNanos(1);
        LifecycleManager after = open(builder -> builder.policy(shorter).credentialSink((agent, credential) -> {}));

        assertThat(after.sweeper().sweep().outcomes())
                .extracting(SweepReport.Outcome::action)
                .containsExactly(SweepAction.ROTATE_CREDENTIAL);
        assertThat(after.get(ID).credentials().generation()).isEqualTo(2);
        assertThat(after.sweeper().sweep().outcomes()).isEmpty();
        assertThat(after.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void who_may_have_none_gets_none() {
        LifecycleManager manager = open();
        active(manager, "agent:1");
        active(manager, "agent:2");
        manager.revokeCredentials(ID, "leaked", ADMIN);
        manager.suspend(AgentId.of("agent:2"), "maintenance", ADMIN);
        mint.taintFirst();

        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        assertThat(manager.get(ID).credentials().generation()).isEqualTo(1);
        assertThat(manager.get(AgentId.of("agent:2")).credentials().generation())
                .isEqualTo(1);
    }

    @Test
    void keys_that_cannot_be_asked_stop_no_sweep_and_no_command() {
        LifecycleManager manager = open();
        mint.speechless = true;
        active(manager, "agent:1");

        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        mint.speechless = false;
        mint.taintFirst();
        manager.sweeper().sweep();
        assertThat(keyOf(manager, ID)).isEqualTo("key-2");
    }

    @Test
    void the_fleet_is_looked_at_after_a_change_and_not_at_every_sweep() {
        LifecycleManager manager = open();
        active(manager, "agent:1");
        manager.sweeper().sweep();
        manager.sweeper().sweep();
        int before = store.queries;

        manager.sweeper().sweep();
        mint.good = Optional.of(Set.of("key-1", "key-2", "key-3"));
        shop.clock.advance(Duration.ofSeconds(1));
        manager.sweeper().sweep();
        assertThat(store.queries).isEqualTo(before);

        mint.good = Optional.of(Set.of("key-1"));
        manager.sweeper().sweep();
        manager.sweeper().sweep();
        manager.sweeper().sweep();
        assertThat(store.queries).isEqualTo(before + 2);
    }
}
