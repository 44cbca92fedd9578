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
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.InvalidTransitionException;
import io.agentlifecycle.core.spi.CredentialIssuer;
import io.agentlifecycle.core.spi.CredentialSink;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What renewals do when others change the agent meanwhile, or everything happens late. */
class RenewalTest {
    private static final Duration LIFE = Duration.ofHours(1);
    private static final AgentId OTHER = AgentId.of("agent:2");
    private static final LifecyclePolicy POLICY = LifecyclePolicy.builder()
            .requireApproval(false)
            .heartbeatInterval(Duration.ofDays(2))
            .orphanThreshold(Duration.ofDays(30))
            .credentialPolicy(
                    CredentialPolicy.DEFAULT.withMaxCredentialTtl(LIFE).withRotationOverlap(Duration.ofMinutes(10)))
            .build();

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

    @Test
    void a_key_belongs_to_one_agent_of_one_tenant() {
        LifecycleManager manager = repeatable();
        LifecycleManager tenant = manager.forTenant(TenantId.of("acme"));
        active(tenant, "agent:1");
        active(manager, "acme");
        active(manager, "agent:2");

        CredentialId one =
                tenant.rotateCredentials(ID, ADMIN, "k").issued().credential().id();
        CredentialId two = manager.rotateCredentials(AgentId.of("acme"), ADMIN, "agent:1/k")
                .issued()
                .credential()
                .id();
        CredentialId three = manager.rotateCredentials(OTHER, ADMIN, "k")
                .issued()
                .credential()
                .id();

        assertThat(List.of(one, two, three)).doesNotHaveDuplicates();
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
