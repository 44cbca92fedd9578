package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.RefusedException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.statistics.Statistics;

/**
 * Random trees, and random commands to the agents in them: a token is good exactly while all of its chain works, and what
 * it grants is granted to all of its chain. What is expected is computed from records, in another way than the library does.
 */
class DelegationModelTest {
    private static final int AGENTS = 7;
    private static final int DEPTH = 3;
    private static final Duration LIFE = Duration.ofHours(1);
    private static final List<Set<String>> CAPABILITIES = List.of(
            Set.of("*"),
            Set.of("a:*", "b"),
            Set.of("a:x", "b"),
            Set.of("a:x:*", "a:x"),
            Set.of("a:x"),
            Set.of("a:y", "c"),
            Set.of());

    /** What is done, to which agent, and with what. */
    record Step(int command, int agent, int detail) {}

    @Provide
    Arbitrary<Step> steps() {
        return Combinators.combine(
                        Arbitraries.integers().between(0, 10),
                        Arbitraries.integers().between(0, AGENTS - 1),
                        Arbitraries.integers().between(0, AGENTS * CAPABILITIES.size() - 1))
                .as(Step::new);
    }

    private static final class Family implements AutoCloseable {
        private final Bench bench;
        private final List<IssuedCredential> tokens = new ArrayList<>();
        private final CredentialVerifier plain;
        private final CredentialVerifier cached;
        private final RevocationSnapshots snapshots;
        private final OfflineVerifier follower;

        Family() {
            bench = new Bench(builder -> builder.policy(LifecyclePolicy.builder()
                            .requireApproval(false)
                            .maxDelegationDepth(DEPTH)
                            .credentialPolicy(CredentialPolicy.DEFAULT.withMaxCredentialTtl(LIFE))
                            .build())
                    .credentialSink((agent, issued) -> tokens.add(issued)));
            plain = bench.verifier();
            cached = bench.cached();
            snapshots = new RevocationSnapshots(bench.manager, bench.issuer);
            follower = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, bench.clock)
                    .skew(Duration.ZERO)
                    .build();
        }

        private static AgentId id(int agent) {
            return AgentId.of("agent-" + agent);
        }

        /** Does it, or is refused. */
        void perform(Step step) {
            AgentId agent = id(step.agent());
            try {
                switch (step.command()) {
                    case 0 -> tokens.add(bench.manager.activate(agent).issued());
                    case 1, 2, 3 ->
                        tokens.add(bench.manager.rotateCredentials(agent).issued());
                    case 4 -> bench.manager.suspend(agent, "", Bench.ADMIN);
                    case 5, 6 ->
                        tokens.add(bench.manager.resume(agent, Bench.ADMIN).issued());
                    case 7 -> bench.manager.revokeCredentials(agent, "", Bench.ADMIN);
                    case 8 -> bench.advance(Duration.ofMinutes(1 + step.detail()));
                    case 9 -> bench.manager.sweeper().sweep();
                    default -> {
                        if (step.detail() % 4 == 0) {
                            bench.manager.decommission(agent, "", Bench.ADMIN);
                        } else {
                            bench.manager.markOrphaned(agent, Bench.ADMIN);
                        }
                    }
                }
            } catch (RefusedException e) {
                // not in this state, which is a command, too
            }
        }

        /** An agent below one of those before it, if that one may have it, or a root; with what it may have there. */
        void born(int agent, int detail) {
            Optional<AgentId> parent = Optional.of(detail % (agent + 1))
                    .filter(before -> before < agent)
                    .map(Family::id);
            for (int i = 0; i < CAPABILITIES.size(); i++) {
                Set<String> capabilities = CAPABILITIES.get((detail / AGENTS + i) % CAPABILITIES.size());
                if (asked(id(agent), parent, capabilities)) {
                    return;
                }
            }
            assertThat(asked(id(agent), Optional.empty(), CAPABILITIES.get(0)))
                    .as("too deep below its parent, and so a root")
                    .isTrue();
        }

        private boolean asked(AgentId agent, Optional<AgentId> parent, Set<String> capabilities) {
            var request = ProvisioningRequest.builder("agent")
                    .id(agent)
                    .owner("alice@company.com")
                    .capabilities(capabilities);
            parent.ifPresent(request::parent);
            try {
                bench.manager.requestProvisioning(request.build());
                tokens.add(bench.manager.activate(agent).issued());
                return true;
            } catch (RefusedException e) {
                return false;
            }
        }

        /** The agent and all above it, by the records alone. */
        List<Agent> chain(AgentId id) {
            Agent agent = bench.manager.get(id);
            return Stream.iterate(
                            Optional.of(agent),
                            Optional::isPresent,
                            next -> next.orElseThrow().lineage().parent().map(bench.manager::get))
                    .map(Optional::orElseThrow)
                    .toList();
        }

        private static List<Credential> good(Agent agent, Instant now) {
            return Stream.concat(agent.credentials().current().stream(), agent.credentials().retiring().stream())
                    .filter(credential -> credential.status(now).isUsable())
                    .toList();
        }

        private boolean works(Agent agent) {
            return agent.state() == AgentState.ACTIVE
                    && !good(agent, bench.clock.instant()).isEmpty();
        }

        /** True for the token of a child, which ends no later than what all above it had when it was made. */
        boolean requireEnd(IssuedCredential issued) {
            List<Agent> chain = chain(AgentId.of(subject(issued)));
            for (Agent above : chain.subList(1, chain.size())) {
                assertThat(good(above, bench.clock.instant()))
                        .anyMatch(has ->
                                !has.expiresAt().isBefore(issued.credential().expiresAt()));
            }
            return chain.size() > 1;
        }

        /** How many of the tokens are refused for a parent and nothing else. */
        int check() {
            follower.follow(bench.issuer.jwks(), snapshots.take());
            int stoppedFromAbove = 0;
            for (IssuedCredential issued : tokens) {
                String text = issued.token().reveal();
                TokenVerdict verdict = plain.verify(text);
                AgentId id = AgentId.of(subject(issued));
                List<Agent> chain = chain(id);
                boolean listed = good(chain.get(0), bench.clock.instant()).stream()
                        .anyMatch(c -> c.id().equals(issued.credential().id()));
                assertThat(verdict.accepted())
                        .isEqualTo(listed && chain.stream().allMatch(this::works));
                assertThat(cached.verify(text)).isEqualTo(verdict);
                assertThat(follower.verify(text).accepted()).isEqualTo(verdict.accepted());
                if (verdict instanceof TokenVerdict.Accepted yes) {
                    assertNarrow(yes.claims(), chain);
                } else if (verdict instanceof TokenVerdict.Rejected no && no.reason() == TokenVerdict.Reason.PARENT) {
                    stoppedFromAbove++;
                }
            }
            return stoppedFromAbove;
        }

        private String subject(IssuedCredential issued) {
            String sub = bench.draft(issued).claims().get("sub");
            return sub.substring(sub.indexOf('/') + 1, sub.length() - 1);
        }

        private static void assertNarrow(TokenClaims claims, List<Agent> chain) {
            List<Agent> above = chain.subList(1, chain.size());
            assertThat(claims.actors()).isEqualTo(above.stream().map(Agent::key).toList());
            assertThat(above.size()).isLessThanOrEqualTo(DEPTH);
            for (String capability : claims.scope()) {
                assertThat(capability).doesNotContain("*");
                assertThat(claims.allows(capability)).isTrue();
                assertThat(chain).allMatch(agent -> agent.entitlements().allows(capability));
            }
        }

        @Override
        public void close() {
            bench.close();
        }
    }

    @Property(tries = 60)
    void a_token_is_good_exactly_while_all_of_its_chain_works(
            @ForAll @Size(AGENTS) List<@IntRange(max = AGENTS * AGENTS - 1) Integer> births,
            @ForAll @Size(min = 10, max = 30) List<@From("steps") Step> steps) {
        int delegated = 0;
        int stoppedFromAbove = 0;
        try (var family = new Family()) {
            for (int agent = 0; agent < AGENTS; agent++) {
                family.born(agent, births.get(agent));
            }
            for (Step step : steps) {
                family.bench.advance(Duration.ofMillis(1));
                int before = family.tokens.size();
                family.perform(step);
                stoppedFromAbove += family.check();
                for (IssuedCredential issued : family.tokens.subList(before, family.tokens.size())) {
                    delegated += family.requireEnd(issued) ? 1 : 0;
                }
            }
        }
        covered("new tokens of children", delegated > 0);
        covered("tokens that are refused for a parent only", stoppedFromAbove > 0);
    }

    private static void covered(String label, boolean seen) {
        Statistics.label(label).collect(seen);
        Statistics.label(label).coverage(coverage -> coverage.check(true).percentage(share -> share > 30));
    }
}
