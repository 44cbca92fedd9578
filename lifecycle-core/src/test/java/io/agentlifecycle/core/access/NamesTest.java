package io.agentlifecycle.core.access;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Actors, owners, tenants, agents, and the texts that name them. */
class NamesTest {
    @ParameterizedTest
    @CsvSource({
        "alice@company.com, PERSON, alice@company.com",
        "team:platform, TEAM, platform",
        "system:ci, SYSTEM, ci",
        "agent:agent:1, AGENT, agent:1",
        "Team:platform, PERSON, Team:platform",
        "team, PERSON, team",
        "person:bob, PERSON, person:bob"
    })
    void an_owner_is_read_from_its_text_and_written_back(String text, Owner.Type type, String id) {
        assertThat(Owner.of(text)).isEqualTo(new Owner(type, id)).hasToString(text);
    }

    @Property
    void whatever_is_read_as_an_owner_is_written_back(@ForAll String text) {
        Owner owner;
        try {
            owner = Owner.of(text);
        } catch (IllegalArgumentException e) {
            assertThat(e).hasMessageStartingWith("owner ");
            return;
        }
        assertThat(owner).hasToString(text);
        assertThat(Owner.of(owner.toString())).isEqualTo(owner);
    }

    @Test
    void a_person_cannot_be_named_like_a_team() {
        assertThatThrownBy(() -> new Owner(Owner.Type.PERSON, "team:platform"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a person's name must not begin like team:");
        assertThat(new Owner(Owner.Type.TEAM, "team:x")).hasToString("team:team:x");
        assertThat(Owner.of("team:team:x")).isEqualTo(new Owner(Owner.Type.TEAM, "team:x"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"alice", "ALICE", " Alice\t", "\uff21lice", "\u3000alice"})
    void an_actor_is_named_in_any_spelling(String name) {
        assertThat(Actor.human("Alice").isNamed(name)).isTrue();
        assertThat(Actor.service(" alice").isNamed(name)).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "bob, bo\u200bb",
        "bob, bob\u200b",
        "bob, \ufeffbob",
        "bob, b\u00adob",
        "bob, b\u2060ob",
        "bob, bo\u034fb",
        "bob, bob\ufe0f",
        "bob, bob\u2800",
        "bob, b\u3164ob",
        "\u03bd\u03b9\u03ba\u03bf\u03c3, \u039d\u0399\u039a\u039f\u03a3",
        "\u03bd\u03b9\u03ba\u03bf\u03c2, \u039d\u0399\u039a\u039f\u03a3",
        "\u0131rma, IRMA",
        "stra\u00dfe, STRASSE",
        "STRA\u1e9eE, strasse"
    })
    void nor_does_it_get_another_name_by_what_nobody_sees_or_by_capitals(String one, String other) {
        assertThat(Actor.human(one).isNamed(other)).isTrue();
        assertThat(Actor.human(other).isNamed(one)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"alic", "alice@company.com", "a lice", "", "\u0430lice"})
    void another_name_is_another_actor(String name) {
        assertThat(Actor.human("alice").isNamed(name)).isFalse();
    }

    @Test
    void an_actor_prints_its_type_and_id() {
        assertThat(Stream.of(
                        Actor.human("a"),
                        Actor.agent(AgentId.of("agent:1")),
                        Actor.service("ci"),
                        Actor.system("sweep"),
                        Actor.policy("auto"),
                        Actor.SYSTEM))
                .extracting(Actor::toString)
                .containsExactly(
                        "human:a", "agent:agent:1", "service:ci", "system:sweep", "policy:auto", "system:system");
    }

    @Test
    void keys_are_ordered_by_tenant_and_then_by_id() {
        AgentKey a2 = new AgentKey(TenantId.of("a"), AgentId.of("2"));
        AgentKey b1 = new AgentKey(TenantId.of("b"), AgentId.of("1"));
        AgentKey b2 = new AgentKey(TenantId.of("b"), AgentId.of("2"));

        assertThat(Stream.of(b2, a2, b1).sorted()).containsExactly(a2, b1, b2);
        assertThat(a2).hasToString("a/2");
        assertThat(new AgentKey(TenantId.DEFAULT, AgentId.of("2"))).hasToString("2");
    }

    @Test
    void a_line_is_one_line_and_prose_may_break() {
        assertThat(Text.line("x", "a b", 3)).isEqualTo("a b");
        assertThat(Text.prose("x", "", 0)).isEmpty();
        assertThat(Text.prose("x", "a\n\tb \ud83d\ude00", 7)).hasSize(7);
        wrong("x must not be blank", () -> Text.line("x", " \u2003", 9));
        wrong("x has the control character U+000A at position 1", () -> Text.line("x", "a\nb", 9));
        wrong("x has the control character U+000D at position 0", () -> Text.prose("x", "\r\n", 9));
        wrong("x must have at most 2 characters but had 3", () -> Text.prose("x", "abc", 2));
        wrong("x has a lone surrogate at position 1", () -> Text.prose("x", "a\ud83d", 9));
        wrong("x has a lone surrogate at position 0", () -> Text.prose("x", "\ude00", 9));
    }

    private static void wrong(String message, ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @Test
    void a_denial_names_what_to_mend_first() {
        var denied = new Verdict.Denied("agent 1", List.of(Verdict.Reason.SUSPENDED, Verdict.Reason.EXPIRED));

        assertThat(denied.allowed()).isFalse();
        assertThat(denied.reason()).isEqualTo(Verdict.Reason.SUSPENDED);
        assertThatThrownBy(() -> new Verdict.Denied("agent 1", List.of())).isInstanceOf(IllegalArgumentException.class);
        assertThat(Verdict.Reason.values())
                .allSatisfy(reason -> assertThat(reason.text()).isNotBlank());
    }
}
