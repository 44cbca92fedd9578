package io.agentlifecycle.credentials;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Verdict;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.credential.CredentialOrder;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokens of agents that work for others: what they say, and when they stop counting. */
class DelegatedTokensTest {
    private static final AgentId PARENT = AgentId.of("parent");
    private static final AgentId CHILD = AgentId.of("child");
    private static final AgentId GRANDCHILD = AgentId.of("grandchild");
    private static final List<AgentId> FAMILY = List.of(PARENT, CHILD, GRANDCHILD);

    private final Bench bench = new Bench();

    @AfterEach
    void close() {
        bench.close();
    }

    private IssuedCredential activate(AgentId agent, Optional<AgentId> parent, String... capabilities) {
        ProvisioningRequest.Builder request = ProvisioningRequest.builder(agent.value())
                .id(agent)
                .owner("alice@company.com")
                .capabilities(Set.of(capabilities));
        parent.ifPresent(request::parent);
        return bench.manager
                .activate(bench.manager.requestProvisioning(request.build()).id())
                .issued();
    }

    private List<IssuedCredential> family() {
        return List.of(
                activate(PARENT, Optional.empty(), "read", "tools:*"),
                activate(CHILD, Optional.of(PARENT), "read", "tools:git"),
                activate(GRANDCHILD, Optional.of(CHILD), "tools:git"));
    }

    private static AgentKey key(AgentId agent) {
        return new AgentKey(TenantId.DEFAULT, agent);
    }

    private static String payload(IssuedCredential issued) {
        String part = issued.token().reveal().split("\\.")[1];
        return new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8);
    }

    private TokenClaims claims(IssuedCredential issued) {
        TokenVerdict verdict = bench.verifier().verify(issued.token().reveal());
        assertThat(verdict).isInstanceOf(TokenVerdict.Accepted.class);
        return ((TokenVerdict.Accepted) verdict).claims();
    }

    // ---- what they say

    @Test
    void a_token_names_those_above_each_inside_the_other_and_one_of_nobody_is_as_it_was() {
        List<IssuedCredential> family = family();

        assertThat(payload(family.get(0))).doesNotContain("act").contains("\"scope\":\"read\"");
        assertThat(payload(family.get(1))).startsWith("{\"act\":{\"sub\":\"default/parent\"},\"aud\":");
        assertThat(payload(family.get(2)))
                .startsWith("{\"act\":{\"act\":{\"sub\":\"default/parent\"},\"sub\":\"default/child\"},\"aud\":");
        assertThat(claims(family.get(2)).actors()).containsExactly(key(CHILD), key(PARENT));
        assertThat(CanonicalJson.read(
                        bench.verifier().introspect(family.get(2).token().reveal()), 10_000))
                .isInstanceOfSatisfying(
                        Json.Obj.class,
                        said -> assertThat(said.get("act").map(CanonicalJson::write))
                                .contains("{\"act\":{\"sub\":\"default/parent\"},\"sub\":\"default/child\"}"));
        IssuedCredential again = bench.manager.reissueCredential(
                GRANDCHILD, family.get(2).credential().id(), Bench.ADMIN);
        assertThat(again.token()).isEqualTo(family.get(2).token());
    }

    @Test
    void a_service_asks_what_the_token_is_for_and_wildcards_are_for_nobody() {
        List<IssuedCredential> family = family();
        TokenClaims parent = claims(family.get(0));
        TokenClaims child = claims(family.get(1));

        assertThat(parent.allows("read")).isTrue();
        assertThat(parent.allows("tools:git"))
                .as("what a wildcard grants is in no token")
                .isFalse();
        assertThat(bench.manager.get(PARENT).entitlements().allows("tools:git")).isTrue();
        assertThat(child.allows("tools:git")).isTrue();
        for (String other : List.of("write", "tools", "tools:git:push", "Read", "read tools:git", "*", "read:*", "")) {
            assertThat(child.allows(other)).as(other).isFalse();
        }
    }

    @Test
    void an_agent_with_wildcards_only_gets_a_token_without_a_scope() {
        IssuedCredential issued = activate(PARENT, Optional.empty(), "*");

        assertThat(payload(issued)).doesNotContain("scope").doesNotContain("*");
        assertThat(claims(issued).allows("read")).isFalse();
    }

    @Test
    void an_issuer_signs_no_wildcard_and_no_more_than_eight_actors() {
        assertThat(bench.issuer.issue(order(Set.of("read"), 8)).credential().generation())
                .isEqualTo(1);
        refused("credential-actors", order(Set.of("read"), 9));
        refused("credential-scope", order(Set.of("*"), 1));
        refused("credential-scope", order(Set.of("tools:*"), 0));
    }

    private void refused(String rule, CredentialOrder order) {
        assertThatThrownBy(() -> bench.issuer.issue(order))
                .isInstanceOfSatisfying(
                        PolicyViolationException.class,
                        e -> assertThat(e.rule()).isEqualTo(rule));
    }

    private CredentialOrder order(Set<String> scope, int actors) {
        Instant now = bench.clock.instant();
        return new CredentialOrder(
                key(CHILD),
                CredentialId.of("cred:" + "0".repeat(32)),
                1,
                now,
                now.plusSeconds(60),
                scope,
                Optional.empty(),
                Optional.empty(),
                Collections.nCopies(actors, key(PARENT)));
    }

    // ---- when they stop

    private void assertStopped(List<IssuedCredential> tokens, CredentialVerifier verifier, Verdict.Reason why) {
        for (IssuedCredential issued : tokens) {
            assertThat(verifier.verify(issued.token().reveal()))
                    .isInstanceOfSatisfying(TokenVerdict.Rejected.class, no -> {
                        assertThat(no.reason()).isEqualTo(Reason.PARENT);
                        assertThat(no.standing().orElseThrow().reasons()).containsExactly(why);
                    });
            assertThat(verifier.introspect(issued.token().reveal())).isEqualTo("{\"active\":false}");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void a_stopped_parent_stops_the_tokens_of_its_whole_tree_in_the_same_call(boolean cached) {
        CredentialVerifier verifier = cached ? bench.cached() : bench.verifier();
        List<IssuedCredential> family = family();
        List<IssuedCredential> below = family.subList(1, 3);
        family.forEach(issued ->
                assertThat(verifier.verify(issued.token().reveal()).accepted()).isTrue());

        bench.manager.suspend(PARENT, "", Bench.ADMIN);
        assertStopped(below, verifier, Verdict.Reason.PARENT_STOPPED);
        bench.manager.resume(PARENT, Bench.ADMIN);
        below.forEach(issued ->
                assertThat(verifier.verify(issued.token().reveal()).accepted()).isTrue());
        bench.manager.revokeCredentials(PARENT, "leaked", Bench.ADMIN);
        assertStopped(below, verifier, Verdict.Reason.PARENT_CREDENTIAL);
        bench.manager.rotateCredentials(PARENT);
        bench.manager.decommission(PARENT, "", Bench.ADMIN);
        assertStopped(below, verifier, Verdict.Reason.PARENT_STOPPED);
    }

    @Test
    void what_is_wrong_with_the_agent_itself_is_told_first() {
        List<IssuedCredential> family = family();
        bench.manager.suspend(PARENT, "", Bench.ADMIN);
        bench.manager.revokeCredentials(GRANDCHILD, "", Bench.ADMIN);
        bench.manager.suspend(CHILD, "", Bench.ADMIN);

        assertThat(bench.verifier().verify(family.get(2).token().reveal()))
                .isInstanceOfSatisfying(
                        TokenVerdict.Rejected.class,
                        no -> assertThat(no.reason()).isEqualTo(Reason.CREDENTIAL));
        assertThat(bench.verifier().verify(family.get(1).token().reveal()))
                .isInstanceOfSatisfying(
                        TokenVerdict.Rejected.class,
                        no -> assertThat(no.reason()).isEqualTo(Reason.AGENT));
    }

    /** Who stands above is what the record says: a token that tells another tale gains and loses nothing by it. */
    @Test
    void the_chain_in_a_token_is_information_only() {
        List<IssuedCredential> family = family();
        activate(Bench.BOT, Optional.empty());
        String without = bench.draft(family.get(1)).without("act").text();
        String other = bench.draft(family.get(1))
                .claim("act", "{\"sub\":\"default/bot\"}")
                .text();

        bench.manager.suspend(Bench.BOT, "", Bench.ADMIN);
        assertThat(bench.verifier().verify(without).accepted()).isTrue();
        assertThat(bench.verifier().verify(other).accepted()).isTrue();
        bench.manager.suspend(PARENT, "", Bench.ADMIN);
        assertThat(bench.verifier().verify(without).accepted()).isFalse();
        assertThat(bench.verifier().verify(other).accepted()).isFalse();
    }

    @Test
    void the_next_snapshot_lists_the_whole_tree_of_a_stopped_parent() {
        List<IssuedCredential> family = family();
        var snapshots = new RevocationSnapshots(bench.manager, bench.issuer);
        OfflineVerifier there = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, bench.clock)
                .build();
        List<Consumer<AgentId>> stops = List.of(
                agent -> bench.manager.revokeCredentials(agent, "leaked", Bench.ADMIN),
                agent -> bench.manager.suspend(agent, "", Bench.ADMIN));
        there.follow(bench.issuer.jwks(), snapshots.take());
        family.forEach(issued ->
                assertThat(there.verify(issued.token().reveal()).accepted()).isTrue());

        for (Consumer<AgentId> stop : stops) {
            stop.accept(PARENT);
            bench.advance(Duration.ofSeconds(1));
            there.follow(bench.issuer.jwks(), snapshots.take());
            family.subList(1, 3)
                    .forEach(issued -> assertThat(there.verify(issued.token().reveal()))
                            .isEqualTo(new TokenVerdict.Rejected(Reason.CREDENTIAL, Optional.empty())));
        }

        bench.manager.resume(PARENT, Bench.ADMIN);
        there.follow(bench.issuer.jwks(), snapshots.take());
        family.subList(1, 3)
                .forEach(issued -> assertThat(
                                there.verify(issued.token().reveal()).accepted())
                        .isTrue());
    }

    @Test
    void the_token_of_a_child_can_be_revoked_while_its_parent_is_stopped() {
        List<IssuedCredential> family = family();
        bench.manager.suspend(PARENT, "", Bench.ADMIN);

        new TokenRevocation(bench.manager, bench.issuer)
                .revoke(family.get(1).token().reveal(), "leaked", Bench.ADMIN);

        assertThat(bench.manager.get(CHILD).credentials().isRevoked()).isTrue();
        bench.manager.resume(PARENT, Bench.ADMIN);
        assertThat(FAMILY).hasSize(family.size());
        assertThat(bench.verifier().verify(family.get(1).token().reveal()).accepted())
                .isFalse();
    }
}
