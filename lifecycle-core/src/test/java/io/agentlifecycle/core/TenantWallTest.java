package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.OPEN_DOOR;
import static io.agentlifecycle.core.Workshop.active;
import static io.agentlifecycle.core.Workshop.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.FaultStore.Call;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.spi.LifecycleStore;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every public method, called on a view of one tenant with what belongs to another, answers as if that were not there: with the same
 * value or the same words, after the same reads of the store, and with the same left in it. What takes another path takes another time.
 */
class TenantWallTest {
    private static final TenantId ACME = TenantId.of("acme");
    private static final TenantId ZETA = TenantId.of("zeta");
    private static final AgentId WANTED = AgentId.of("agent:a");
    private static final AgentId OTHER = AgentId.of("agent:b");

    /** All that a call of the public method leads to. */
    private record Seen(String answer, Map<Call, Long> reads, List<String> left) {}

    /** In a world in which tenant acme has agent {@code there}, and zeta has none. */
    private static Seen seen(PublicCalls.Call call, AgentId there) {
        var store = new FaultStore(LifecycleStore.inMemory());
        var shop = new Workshop(store);
        LifecycleManager manager = open(shop);
        Agent neighbour = active(manager.forTenant(ACME), there.value()).agent();
        store.taken();
        long before = store.events(0, Integer.MAX_VALUE).cursor();

        String answer = answer(call, manager.forTenant(ZETA), wanted());

        Map<Call, Long> reads = store.taken();
        List<String> left = store.events(before, Integer.MAX_VALUE).events().stream()
                .map(event -> event.stream() + " " + event.canonical())
                .toList();
        shop.check();
        assertThat(manager.forTenant(ACME).get(there))
                .as("the agent of the other tenant")
                .isEqualTo(neighbour);
        return new Seen(answer, reads, left);
    }

    private static LifecycleManager open(Workshop shop) {
        return shop.open(builder -> builder.policy(OPEN_DOOR).logOrigin("wall.test"));
    }

    /** What is asked for: all of it is true where the agent is there, and nothing of it where it is not. */
    private static Map<Class<?>, Object> wanted() {
        var shop = new Workshop();
        Activation wanted = active(open(shop).forTenant(ACME), WANTED.value());
        var values =
                PublicCalls.values(wanted.agent(), wanted.issued().credential().id(), ADMIN, shop.clock.instant());
        values.put(String.class, wanted.issued().token().reveal());
        ProvisioningRequest child = request("agent:new").parent(WANTED).build();
        values.put(ProvisioningRequest.class, child);
        values.put(List.class, List.of(new AgentImport(child, AgentState.ACTIVE, shop.clock.instant())));
        return values;
    }

    private static String answer(PublicCalls.Call call, LifecycleManager view, Map<Class<?>, Object> values) {
        try {
            return shown(PublicCalls.make(call, view, values));
        } catch (AssertionError e) {
            throw e;
        } catch (Throwable e) {
            return e.toString();
        }
    }

    /** What has no text of its own is known by its type. */
    private static String shown(Object value) {
        String text = String.valueOf(value);
        return text.replaceAll("@[0-9a-f]+$", "");
    }

    @TestFactory
    Stream<DynamicTest> what_another_tenant_has_does_not_exist() {
        return PublicCalls.all().stream()
                .map(call -> DynamicTest.dynamicTest(call.toString(), () -> {
                    Seen seen = seen(call, WANTED);

                    assertThat(seen).isEqualTo(seen(call, OTHER));
                    if (call.takes(AgentId.class)) {
                        assertThat(seen.answer()).doesNotContain("acme");
                    }
                }));
    }

    @Test
    void the_view_is_asked_for_an_agent_in_most_of_them() {
        assertThat(PublicCalls.all())
                .filteredOn(call -> call.takes(AgentId.class))
                .as("methods with the id of an agent")
                .hasSizeGreaterThan(40);
    }
}
