package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.ID;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.refused;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.SweepReport.Result;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.CredentialSink;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What renewals do when others change the agent meanwhile, or everything happens late. */
class RenewalTest {
    private static final Duration LIFE = CredentialSinkTest.LIFE;
    private static final AgentId OTHER = AgentId.of("agent:2");
    private static final LifecyclePolicy POLICY = CredentialSinkTest.POLICY;

    private final FaultStore store = new FaultStore(LifecycleStore.inMemory());

    @RegisterExtension
    final Workshop shop = new Workshop(store);

    private final RepeatableIssuer mint = new RepeatableIssuer();
    private final List<IssuedCredential> arrived = new ArrayList<>();

    /** What happens at the next hand-over, once, instead of its arrival; after that all arrive. */
    private Optional<CredentialSink> instead = Optional.empty();

    private void take(AgentKey agent, IssuedCredential credential) throws Exception {
        Optional<CredentialSink> once = instead;
        instead = Optional.empty();
        if (once.isPresent()) {
            once.get().deliver(agent, credential);
        } else {
            arrived.add(credential);
        }
    }

    private static void fails(AgentKey agent, IssuedCredential credential) throws Exception {
        throw new java.io.IOException("the agent cannot be reached");
    }

    private LifecycleManager repeatable() {
        return shop.open(builder -> builder.policy(POLICY).credentials(mint).credentialSink(this::take));
    }

    private boolean isGood(LifecycleManager manager, CredentialId id) {
        return manager.standing(SweepFleet.key(ID), id).allowed();
    }

    private void untilDue(Credential credential) {
        shop.clock.set(credential.rotateAt(POLICY.credentialPolicy()));
    }

    /** The agent's second credential, which did not arrive. */
    private Credential undelivered(LifecycleManager manager) {
        untilDue(active(manager, "agent:1").issued().credential());
        instead = Optional.of(RenewalTest::fails);
        manager.sweeper().sweep();
        return manager.get(ID).credential().orElseThrow();
    }

    // ---- others are faster

    @Test
    void what_another_host_is_handing_over_is_not_replaced_meanwhile() {
        List<IssuedCredential> has = new ArrayList<>();
        LifecycleManager fast =
                shop.open(builder -> builder.policy(POLICY).credentialSink((agent, credential) -> has.add(credential)));
        LifecycleManager slow = shop.open(builder -> builder.policy(POLICY).credentialSink((agent, credential) -> {
            fast.sweeper().sweep();
            has.add(credential);
        }));
        untilDue(active(slow, "agent:1").issued().credential());

        slow.sweeper().sweep();

        assertThat(slow.verifyOpaque(has.get(has.size() - 1).token().reveal()).allowed())
                .as("what the agent got last")
                .isTrue();
        assertThat(slow.get(ID).credentials().undelivered()).isFalse();
    }

    @Test
    void a_host_that_died_has_a_while_to_finish_and_no_longer() {
        LifecycleManager manager = repeatable();
        Credential first = active(manager, "agent:1").issued().credential();
        untilDue(first);
        instead = Optional.of((agent, credential) -> {
            throw new ThreadDeath();
        });
        assertThatThrownBy(() -> manager.sweeper().sweep()).isInstanceOf(ThreadDeath.class);
        shop.clock.advance(Duration.ofSeconds(26));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
        shop.clock.advance(Duration.ofSeconds(8));

        assertThat(manager.sweeper().sweep().with(Result.DONE))
                .extracting(SweepReport.Outcome::action)
                .containsExactly(SweepAction.DELIVER_CREDENTIAL);

        assertThat(arrived).hasSize(1);
    }

    @Test
    void a_credential_that_was_replaced_since_the_sweep_looked_is_not_handed_over() {
        LifecycleManager manager = repeatable();
        active(manager, "agent:1");
        untilDue(active(manager, "agent:2").issued().credential());
        shop.clock.advance(Duration.ofMinutes(6));
        store.commits = (commit, to) -> to.commit(commit);
        instead = Optional.of((agent, credential) -> {
            instead = Optional.of(RenewalTest::fails);
            throw new java.io.IOException("and so is the next one");
        });
        manager.sweeper().sweep();
        assertThat(manager.get(ID).credentials().undelivered()).isTrue();
        assertThat(manager.get(OTHER).credentials().undelivered()).isTrue();
        shop.clock.advance(Duration.ofMinutes(1));
        List<AgentKey> handedOver = new ArrayList<>();
        instead = Optional.of((agent, credential) -> {
            handedOver.add(agent);
            AgentId next = agent.id().equals(ID) ? OTHER : ID;
            manager.suspend(next, "stolen", ADMIN);
        });

        SweepReport report = manager.sweeper().sweep();

        assertThat(handedOver).hasSize(1);
        assertThat(arrived).as("of an agent that is suspended").isEmpty();
        assertThat(report.with(Result.DONE)).hasSize(1);
        assertThat(report.with(Result.MOVED)).hasSize(1);
    }

    @Test
    void an_agent_that_left_while_its_credential_was_on_the_way_has_no_failure() {
        LifecycleManager manager = repeatable();
        untilDue(active(manager, "agent:1").issued().credential());
        instead = Optional.of((agent, credential) -> {
            manager.decommission(ID, "done with", ADMIN);
            fails(agent, credential);
        });

        manager.sweeper().sweep();

        assertThat(manager.get(ID).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.AGENT_DECOMMISSIONED);
        shop.clock.advance(LIFE);
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void a_credential_that_was_replaced_while_on_the_way_has_no_failure() {
        LifecycleManager manager = repeatable();
        untilDue(active(manager, "agent:1").issued().credential());
        instead = Optional.of((agent, credential) -> {
            manager.rotateCredentials(ID);
            fails(agent, credential);
        });

        manager.sweeper().sweep();

        assertThat(Workshop.kinds(manager, ID))
                .endsWith(EventKind.CREDENTIAL_ROTATED, EventKind.CREDENTIAL_ROTATED)
                .doesNotContain(EventKind.CREDENTIAL_ROTATION_FAILED);
        assertThat(manager.get(ID).credentials().retry()).isEmpty();
    }

    @Test
    void a_credential_that_was_replaced_while_on_the_way_counts_as_undelivered_no_more_and_no_less() {
        LifecycleManager manager = repeatable();
        untilDue(active(manager, "agent:1").issued().credential());
        instead = Optional.of((agent, credential) -> manager.rotateCredentials(ID));

        manager.sweeper().sweep();

        assertThat(Workshop.kinds(manager, ID)).doesNotContain(EventKind.CREDENTIAL_DELIVERED);
        assertThat(manager.get(ID).credentials().undelivered()).isFalse();
    }

    @Test
    void that_a_credential_arrived_says_nothing_of_the_one_that_replaced_it() {
        LifecycleManager other = shop.open(builder -> builder.policy(POLICY).credentialSink(RenewalTest::fails));
        LifecycleManager slow = shop.open(builder -> builder.policy(POLICY).credentialSink((agent, credential) -> {
            shop.clock.advance(Duration.ofMinutes(1));
            other.sweeper().sweep();
        }));
        untilDue(active(slow, "agent:1").issued().credential());

        slow.sweeper().sweep();

        assertThat(slow.get(ID).credentials().generation()).isEqualTo(3);
        assertThat(slow.get(ID).credentials().undelivered()).isTrue();
        assertThat(Workshop.kinds(slow, ID)).doesNotContain(EventKind.CREDENTIAL_DELIVERED);
    }

    @Test
    void a_delivery_that_failed_is_tried_again_at_its_time_and_not_before() {
        LifecycleManager manager = repeatable();
        undelivered(manager);
        for (int attempt = 2; attempt < 6; attempt++) {
            shop.clock.set(
                    manager.get(ID).credentials().retry().orElseThrow().nextAt().minusNanos(1));
            assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
            shop.clock.advance(Duration.ofNanos(1));
            instead = Optional.of(RenewalTest::fails);
            assertThat(manager.sweeper().sweep().with(Result.FAILED)).hasSize(1);
            assertThat(manager.get(ID).credentials().retry().orElseThrow().attempts())
                    .isEqualTo(attempt);
        }
    }

    @Test
    void a_sink_may_sweep() {
        LifecycleManager manager = repeatable();
        untilDue(active(manager, "agent:1").issued().credential());
        instead = Optional.of((agent, credential) -> {
            manager.sweeper().sweep();
            arrived.add(credential);
        });

        manager.sweeper().sweep();

        assertThat(arrived).hasSize(1);
    }

    @Test
    void a_resumed_agent_gets_its_credential_from_whoever_resumed_it() {
        LifecycleManager manager = repeatable();
        Credential lost = undelivered(manager);
        manager.suspend(ID, "odd", ADMIN);
        shop.clock.advance(Duration.ofMinutes(1));
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();

        IssuedCredential resumed = manager.resume(ID, ADMIN).issued();

        assertThat(manager.get(ID).credentials().undelivered()).isFalse();
        assertThat(manager.get(ID).credentials().retry()).isEmpty();
        assertThat(isGood(manager, lost.id())).isFalse();
        assertThat(isGood(manager, resumed.credential().id())).isTrue();
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    // ---- late

    @Test
    void one_that_expired_before_it_arrived_is_replaced() {
        LifecycleManager manager = repeatable();
        Credential lost = undelivered(manager);
        shop.clock.set(lost.expiresAt());

        manager.sweeper().sweep();

        assertThat(arrived).hasSize(1);
        assertThat(isGood(manager, arrived.get(0).credential().id())).isTrue();
        assertThat(manager.get(ID).credentials().undelivered()).isFalse();
    }

    @Test
    void one_that_expired_between_two_attempts_is_replaced_even_if_nothing_rotates_by_itself() {
        LifecycleManager manager = shop.open(builder -> builder.policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .credentialPolicy(POLICY.credentialPolicy().withAutoRotate(false))
                        .build())
                .credentials(mint)
                .credentialSink(this::take));
        manager.importAgents(List.of(shop.imported("agent:1", AgentState.ACTIVE)), "elsewhere", ADMIN);
        instead = Optional.of(RenewalTest::fails);
        manager.sweeper().sweep();
        Credential lost = manager.get(ID).credential().orElseThrow();
        shop.clock.set(lost.expiresAt().minusSeconds(1));
        instead = Optional.of(RenewalTest::fails);
        manager.sweeper().sweep();
        shop.clock.set(lost.expiresAt());
        manager.sweeper().sweep();
        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.CREDENTIAL_EXPIRED);
        shop.clock.advance(Duration.ofMinutes(9));

        manager.sweeper().sweep();

        assertThat(arrived).as("it never had one").hasSize(1);
        assertThat(isGood(manager, arrived.get(0).credential().id())).isTrue();
    }

    @Test
    void one_that_arrived_when_it_was_already_due_is_rotated_by_the_next_sweep() {
        LifecycleManager manager = repeatable();
        Credential late = undelivered(manager);
        shop.clock.set(late.rotateAt(POLICY.credentialPolicy()).plusSeconds(1));
        manager.sweeper().sweep();
        assertThat(arrived).extracting(IssuedCredential::credential).containsExactly(late);

        manager.sweeper().sweep();

        assertThat(arrived).hasSize(2);
        assertThat(isGood(manager, late.id())).isTrue();
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();
    }

    @Test
    void an_agent_whose_life_is_over_is_no_failure_of_its_issuer() {
        LifecycleManager manager = repeatable();
        Instant end = shop.clock.instant().plus(LIFE);
        manager.activate(manager.requestProvisioning(
                        Workshop.request("agent:1").notAfter(end).build())
                .id());
        shop.clock.set(end);

        assertThat(new CredentialRotator(manager).checkAndRotate())
                .extracting(RotationResult::outcome)
                .containsExactly(RotationResult.Outcome.FAILED);

        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.AGENT_ACTIVATED, EventKind.CREDENTIAL_ISSUED);
    }

    // ---- interrupts, and issuers that lie

    @Test
    void an_interrupted_sink_is_a_failure_that_is_stored_before_the_thread_hears_of_it() {
        LifecycleManager manager = repeatable();
        untilDue(active(manager, "agent:1").issued().credential());
        AtomicBoolean interrupted = new AtomicBoolean();
        store.commits = (commit, to) -> {
            interrupted.compareAndSet(false, Thread.currentThread().isInterrupted());
            return to.commit(commit);
        };
        instead = Optional.of((agent, credential) -> {
            throw new InterruptedException();
        });

        manager.sweeper().sweep();

        assertThat(Thread.interrupted()).as("for whoever called").isTrue();
        assertThat(interrupted)
                .as("a file that is written by an interrupted thread is closed")
                .isFalse();
        assertThat(manager.get(ID).credentials().retry()).isPresent();
    }

    @Test
    void an_issuer_that_makes_something_else_again_is_not_believed() {
        CredentialIssuer liar = new CredentialIssuer() {
            @Override
            public IssuedCredential issue(CredentialOrder order) {
                return mint.issue(order);
            }

            @Override
            public Optional<IssuedCredential> reissue(CredentialOrder order, Credential issued) {
                return Optional.of(mint.issue(new CredentialOrder(
                        order.agent(),
                        CredentialId.of("cred:" + "0".repeat(32)),
                        order.generation(),
                        order.issuedAt(),
                        order.expiresAt(),
                        order.scope(),
                        order.audience(),
                        order.keyThumbprint())));
            }
        };
        LifecycleManager manager =
                shop.open(builder -> builder.policy(POLICY).credentials(liar).credentialSink(this::take));
        Credential lost = undelivered(manager);

        refused(manager, "issuer-obeys", () -> manager.reissueCredential(ID, lost.id(), ADMIN));
        shop.clock.advance(Duration.ofMinutes(1));
        assertThat(manager.sweeper().sweep().with(Result.FAILED)).hasSize(1);
        assertThat(arrived).isEmpty();
    }

    // ---- what cannot be signed

    @Test
    void while_nothing_can_be_signed_nothing_is_rotated_and_that_is_no_failure_of_the_issuer() {
        TestSealer sealer = new TestSealer();
        LifecycleManager manager = shop.open(builder -> builder.policy(POLICY)
                .credentials(mint)
                .credentialSink(this::take)
                .sealer(sealer));
        Credential first = active(manager, "agent:1").issued().credential();
        untilDue(first);
        sealer.fail();

        assertThat(manager.sweeper().sweep().with(Result.FAILED)).hasSize(1);

        assertThat(manager.get(ID).credential()).contains(first);
        assertThat(Workshop.kinds(manager, ID)).doesNotContain(EventKind.CREDENTIAL_ROTATION_FAILED);
        sealer.heal();
        shop.clock.advance(Duration.ofMinutes(2));
        manager.sweeper().sweep();
        assertThat(arrived).hasSize(1);
    }

    @Test
    void that_a_credential_arrived_is_stored_even_if_it_cannot_be_signed() {
        TestSealer sealer = new TestSealer();
        LifecycleManager manager = shop.open(builder -> builder.policy(POLICY)
                .credentials(mint)
                .credentialSink(this::take)
                .sealer(sealer));
        untilDue(active(manager, "agent:1").issued().credential());
        instead = Optional.of((agent, credential) -> sealer.fail());

        manager.sweeper().sweep();

        assertThat(manager.get(ID).credentials().undelivered()).isFalse();
        sealer.heal();
        shop.clock.advance(Duration.ofMinutes(2));
        manager.sweeper().sweep();
        assertThat(arrived).as("again").isEmpty();
        assertThat(Workshop.kinds(manager, ID)).endsWith(EventKind.CREDENTIAL_DELIVERED, EventKind.LOG_GAP_ENDORSED);
    }

    // ---- rotation under a key

    @Test
    void a_key_belongs_to_one_agent_of_one_tenant() {
        LifecycleManager manager = repeatable();
        LifecycleManager tenant = manager.forTenant(TenantId.of("acme"));
        AgentId namedLikeTheTenant = AgentId.of("acme");
        active(tenant, "agent:1");
        for (String id : List.of("agent:1", "agent:2", "acme")) {
            active(manager, id);
        }

        List<Activation> rotated = List.of(
                tenant.rotateCredentials(ID, ADMIN, "k"),
                manager.rotateCredentials(ID, ADMIN, "k"),
                manager.rotateCredentials(OTHER, ADMIN, "k"),
                manager.rotateCredentials(namedLikeTheTenant, ADMIN, "agent:1/k"));

        assertThat(rotated).extracting(each -> each.issued().credential().id()).doesNotHaveDuplicates();
    }

    @Test
    void a_key_gives_nothing_again_to_another_actor_or_for_an_agent_that_is_held() {
        LifecycleManager manager = repeatable();
        active(manager, "agent:1");
        manager.rotateCredentials(ID, ADMIN, "monday");

        refused(
                manager,
                "idempotency-key",
                () -> manager.rotateCredentials(ID, Actor.human("mallory@company.com"), "monday"));
        manager.suspend(ID, "odd", ADMIN);
        assertThatThrownBy(() -> manager.rotateCredentials(ID, ADMIN, "monday"))
                .isInstanceOf(InvalidTransitionException.class);
    }
}
