package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.IssuerKeys.State;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The keys of an issuer through a year and more, with agents, a follower, and one theft. */
class KeyYearTest {
    private static final Duration LIFE = Duration.ofDays(8);
    private static final Duration STEP = Duration.ofHours(12);

    private final List<IssuedCredential> delivered = new ArrayList<>();
    private final Bench bench = new Bench(builder -> builder.policy(LifecyclePolicy.builder()
                    .requireApproval(false)
                    .heartbeatInterval(Duration.ofDays(1_000))
                    .orphanThreshold(Duration.ofDays(2_000))
                    .credentialPolicy(
                            CredentialPolicy.DEFAULT.withMaxCredentialTtl(LIFE).withRotationOverlap(Duration.ofDays(2)))
                    .build())
            .credentialSink((agent, credential) -> delivered.add(credential)));
    private final MutableClock clock = bench.clock;
    private final IssuerKeys keys = new IssuerKeys(bench.issuer, clock);
    private final RevocationSnapshots snapshots = new RevocationSnapshots(bench.manager, bench.issuer);
    private final OfflineVerifier follower = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, clock)
            .maxSnapshotAge(Duration.ofHours(25))
            .build();

    @AfterEach
    void close() {
        bench.close();
    }

    private void follow() {
        follower.follow(bench.issuer.jwks(), snapshots.take());
    }

    @Test
    void every_token_is_good_until_its_end_by_the_key_set_of_each_moment_and_a_daily_follower_refuses_no_good_one() {
        for (String id : List.of("one", "two", "three")) {
            delivered.add(bench.activate(id));
        }
        CredentialVerifier here = bench.verifier();
        Instant end = clock.instant().plus(Duration.ofDays(400));
        Set<String> signers = new TreeSet<>();
        int checked = 0;
        for (int step = 0; clock.instant().isBefore(end); step++) {
            keys.step();
            bench.manager.sweeper().sweep();
            if (step % 2 == 0) {
                follow();
            }
            delivered.removeIf(token -> token.credential().isExpired(clock.instant()));
            var nimbus = new NimbusPeer(bench.issuer.jwks(), clock);
            for (IssuedCredential token : delivered) {
                String text = token.token().reveal();
                signers.add(token.credential().keyId().orElseThrow());
                assertThat(nimbus.accepts(text))
                        .as("by the key set alone, %s", clock)
                        .isTrue();
                if (here.verify(text).accepted()) {
                    checked++;
                    assertThat(follower.verify(text).accepted()).isTrue();
                }
            }
            clock.advance(STEP);
        }
        assertThat(checked).isGreaterThan(2_000);
        assertThat(signers).as("one in each 45 days, and the first for 75").hasSize(9);
        assertThat(keys.states().values()).endsWith(State.RETIRED, State.RETIRING, State.ACTIVE);
    }

    @Test
    void after_a_theft_all_agents_are_issued_anew_by_the_next_sweep_and_no_old_token_is_good_anywhere() {
        for (int i = 0; i < 50; i++) {
            delivered.add(bench.activate("agent-" + i));
        }
        bench.manager.suspend(AgentId.of("agent-0"), "maintenance", Bench.ADMIN);
        follow();
        List<IssuedCredential> old = List.copyOf(delivered);
        delivered.clear();
        CredentialVerifier here = bench.cached();
        String stolen = bench.keyId();
        old.forEach(token -> here.verify(token.token().reveal()));

        keys.taint(stolen);

        assertThat(old).noneMatch(token -> here.verify(token.token().reveal()).accepted());
        clock.advance(Duration.ofSeconds(1));
        SweepReport report = bench.manager.sweeper().sweep();
        assertThat(report.outcomes()).hasSize(49).allMatch(outcome -> outcome.result() == SweepReport.Result.DONE);
        follow();
        assertThat(delivered)
                .hasSize(49)
                .allMatch(token -> here.verify(token.token().reveal()).accepted()
                        && follower.verify(token.token().reveal()).accepted());
        assertThat(old)
                .noneMatch(token -> follower.verify(token.token().reveal()).accepted());
        assertThat(bench.manager.query(AgentQuery.all().state(AgentState.ACTIVE)))
                .extracting(agent -> agent.credential().orElseThrow().keyId().orElseThrow())
                .doesNotContain(stolen);
    }
}
