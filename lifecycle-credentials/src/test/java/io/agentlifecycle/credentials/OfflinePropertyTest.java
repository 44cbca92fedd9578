package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.RefusedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Whatever happens to agents: right after a snapshot, and without skew, both verifiers say the same of every token. */
class OfflinePropertyTest {
    private static final List<AgentId> AGENTS = List.of(AgentId.of("one"), AgentId.of("two"));

    @Property(tries = 60)
    void a_follower_accepts_what_the_manager_accepts(
            @ForAll @Size(max = 25) List<@IntRange(min = 0, max = 19) Integer> commands) {
        try (var bench = new Bench()) {
            List<IssuedCredential> all = new ArrayList<>();
            AGENTS.forEach(agent -> all.add(bench.activate(agent.value())));
            CredentialVerifier here = bench.verifier();
            var snapshots = new RevocationSnapshots(bench.manager, bench.issuer);
            OfflineVerifier there = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, bench.clock)
                    .skew(Duration.ZERO)
                    .build();
            for (int command : commands) {
                bench.clock.advance(Duration.ofMillis(1));
                act(bench, command / 2, AGENTS.get(command % 2)).ifPresent(all::add);
                there.follow(bench.issuer.jwks(), snapshots.take());

                for (IssuedCredential token : all) {
                    String text = token.token().reveal();
                    assertThat(there.verify(text).accepted())
                            .isEqualTo(here.verify(text).accepted());
                    assertThat(there.introspect(text)).isEqualTo(here.introspect(text));
                }
            }
        }
    }

    private static Optional<IssuedCredential> act(Bench bench, int command, AgentId agent) {
        try {
            switch (command) {
                case 0, 1, 2 -> {
                    return bench.manager.rotateCredentials(agent).credential();
                }
                case 3 -> {
                    return bench.manager.resume(agent, Bench.ADMIN).credential();
                }
                case 4 -> bench.manager.suspend(agent, "maintenance", Bench.ADMIN);
                case 5 -> bench.manager.revokeCredentials(agent, "leaked", Bench.ADMIN);
                case 6 -> bench.clock.advance(Duration.ofMinutes(4));
                case 7 -> bench.clock.advance(Duration.ofHours(23));
                case 8 -> bench.manager.sweeper().sweep();
                default -> new IssuerKeys(bench.issuer, bench.clock).taint(bench.keyId());
            }
        } catch (RefusedException e) {
            // not in this state, which is a command, too
        }
        return Optional.empty();
    }
}
