package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ALICE;
import static io.agentlifecycle.core.Workshop.request;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Drain;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.audit.KeyRotation;
import io.agentlifecycle.core.audit.SignatureVerifier;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.ApiKeyId;
import io.agentlifecycle.core.credential.CredentialId;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.RecoveryTask;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Every public method of a manager and of what it hands out, called with one value for each type of parameter. A method with a
 * parameter of a type that is not known here fails the tests that use this, so that none is forgotten.
 */
final class PublicCalls {
    /** Bound to no store, so that it is as good for one world as for another. */
    private static final TestSealer KEY = new TestSealer();

    private static final TestSealer OTHER_KEY = new TestSealer();

    /** One method, and what hands out the object that has it; empty for the manager itself. */
    record Call(Optional<Method> from, Method method) {
        boolean takes(Class<?> type) {
            return Arrays.asList(method.getParameterTypes()).contains(type);
        }

        /** Distinct for overloads. */
        @Override
        public String toString() {
            return from.map(facet -> facet.getName() + ".").orElse("")
                    + method.getName()
                    + Stream.of(method.getParameterTypes())
                            .map(Class::getSimpleName)
                            .toList();
        }
    }

    private PublicCalls() {}

    /** All of them, but for closing the manager. */
    static List<Call> all() {
        List<Call> calls = new ArrayList<>();
        for (Method method : methods(LifecycleManager.class)) {
            calls.add(new Call(Optional.empty(), method));
            boolean isFacet = method.getParameterCount() == 0
                    && method.getReturnType().getPackageName().equals("io.agentlifecycle.core")
                    && Modifier.isFinal(method.getReturnType().getModifiers())
                    && !method.getReturnType().isRecord();
            if (isFacet) {
                methods(method.getReturnType()).forEach(own -> calls.add(new Call(Optional.of(method), own)));
            }
        }
        calls.removeIf(call -> call.method().getName().equals("close"));
        calls.sort(Comparator.comparing(Call::toString));
        return calls;
    }

    private static List<Method> methods(Class<?> type) {
        return Stream.of(type.getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers())
                        && !Modifier.isStatic(method.getModifiers())
                        && !method.isBridge())
                .toList();
    }

    /** What it returns. */
    static Object make(Call call, LifecycleManager manager, Map<Class<?>, Object> values) throws Throwable {
        Object on = call.from().isPresent() ? invoke(call.from().get(), manager, List.of()) : manager;
        List<Object> arguments = new ArrayList<>();
        for (Class<?> type : call.method().getParameterTypes()) {
            if (!values.containsKey(type)) {
                throw new AssertionError("add a value of type %s for %s".formatted(type.getName(), call));
            }
            arguments.add(values.get(type));
        }
        return invoke(call.method(), on, arguments);
    }

    private static Object invoke(Method method, Object on, List<Object> arguments) throws Throwable {
        try {
            return method.invoke(on, arguments.toArray());
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    /**
     * A value of each type.
     *
     * @param agent an agent of that key, perhaps no longer the same
     */
    static Map<Class<?>, Object> values(Agent agent, CredentialId credential, Actor actor, Instant now) {
        AgentKey key = agent.key();
        ProvisioningRequest request = request("agent:new").requestedBy(actor).build();
        Map<Class<?>, Object> values = new HashMap<>();
        values.put(Actor.class, actor);
        values.put(Agent.class, agent);
        values.put(AgentId.class, key.id());
        values.put(AgentKey.class, key);
        values.put(AgentQuery.class, AgentQuery.all().parent(key.id()));
        values.put(ApiKeyId.class, ApiKeyId.of("key:" + "0".repeat(32)));
        values.put(AuditSealer.class, KEY);
        values.put(Ballot.class, Ballot.approve("why not"));
        values.put(Consumer.class, (Consumer<Object>) denied -> {});
        values.put(CredentialId.class, credential);
        values.put(Drain.class, Drain.CANCEL);
        values.put(Duration.class, Duration.ofHours(1));
        values.put(HoldReason.class, HoldReason.POLICY_VIOLATION);
        values.put(HoldTerms.class, HoldTerms.of("maintenance"));
        values.put(Incident.class, new Incident(Incident.Kind.CRASH, Severity.LOW, "it fell"));
        values.put(Instant.class, now.minus(Duration.ofDays(365)));
        values.put(int.class, 10);
        values.put(KeyRotation.class, KeyRotationTest.signed(agent, KEY, OTHER_KEY, 1));
        values.put(KillScope.class, new KillScope.OfAgent(key));
        values.put(Limits.class, new Limits(new RateLimit(60), now.plus(Duration.ofDays(1))));
        values.put(List.class, List.of(new AgentImport(request, AgentState.ACTIVE, now)));
        values.put(long.class, 0L);
        values.put(Operation.class, Operation.INVOKE);
        values.put(Optional.class, Optional.empty());
        values.put(Owner.class, Owner.of("bob@company.com"));
        values.put(
                OwnerPlan.class,
                new OwnerPlan(now, List.of(new OwnerPlan.Hold(key, agent.version(), Owner.of(ALICE)))));
        values.put(Predicate.class, (Predicate<Object>) event -> true);
        values.put(ProvisioningRequest.class, request);
        values.put(RateLimit.class, new RateLimit(60));
        values.put(RecoveryTask.class, (RecoveryTask) recovering -> {});
        values.put(ReleaseAuthority.class, ReleaseAuthority.ADMIN);
        values.put(SignatureVerifier.class, (SignatureVerifier) (jwk, type, text, signature) -> false);
        values.put(String.class, "text");
        values.put(TenantId.class, key.tenant());
        return values;
    }
}
