package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.RefusedException;
import io.agentlifecycle.core.hold.Kill;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.Kills;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Stops one agent, all of an owner, of a type or of a tenant, or everything, with one commit, until it is released. Once
 * {@link #engage} has returned, no thread of this process lets one of them through, accepts a token of theirs, or gives them
 * another; who comes later is stopped, too. Other hosts follow with their next command, or when their store tells them.
 * It survives a restart. Nobody's state changes, so that after the release everyone is what they were. Safe for use by
 * many threads.
 */
public final class KillSwitch {
    private final LifecycleManager manager;
    private final Engine engine;
    private final TenantId tenant;

    KillSwitch(LifecycleManager manager, Engine engine, TenantId tenant) {
        this.manager = manager;
        this.engine = engine;
        this.tenant = tenant;
    }

    /** One agent of this tenant. */
    public KillScope agent(AgentId id) {
        return new KillScope.OfAgent(new AgentKey(tenant, id));
    }

    /** All agents of this tenant that the owner, as {@link Owner#of} reads it, answers for. */
    public KillScope owner(String owner) {
        return new KillScope.OfOwner(tenant, Owner.of(owner));
    }

    /** All agents of this tenant of that type. */
    public KillScope type(String agentType) {
        return new KillScope.OfType(tenant, agentType);
    }

    /** All agents of this tenant. */
    public KillScope tenant() {
        return new KillScope.OfTenant(tenant);
    }

    /** All agents of all tenants. */
    public KillScope everything() {
        return new KillScope.Everything();
    }

    /**
     * Stops them. If it cannot be stored, they are stopped in this process all the same, until it is engaged and released, or
     * the manager is closed. Engaging what is engaged changes nothing.
     *
     * @param reason at most 1,024 characters
     * @return how many agents were ACTIVE when it stopped them
     * @throws PolicyViolationException rule {@code kill-count}, if {@link Kills#MOST} others are engaged: of tenants for a tenant, of parts of tenants for
     *     those; never for everything
     * @throws AccessDeniedException if this manager is confined to a tenant and the scope reaches beyond it
     * @throws io.agentlifecycle.core.error.StoreException if it could not be stored
     */
    public long engage(KillScope scope, String reason, Actor actor) {
        requireNonNull(actor, "actor");
        engine.requireOpen();
        requireMine(scope, actor);
        engine.control().require(actor, Right.ENGAGE_KILL_SWITCH, scope, tenant);
        Text.prose("reason", reason, 1024);
        long stopped = engine.fleet().active(scope);
        try {
            engine.log().append(EventKind.KILL_ENGAGED, log -> {
                if (log.kills().get(scope).isPresent()) {
                    return Optional.empty();
                }
                if (!log.kills().haveRoomFor(scope)) {
                    throw new PolicyViolationException(
                            "kill-count",
                            "%d kill switches of that kind are engaged already; release one of them, or engage that of the whole tenant, or of everything"
                                    .formatted(Kills.MOST));
                }
                Json.Obj details =
                        details(scope, reason).put("stopped", stopped).build();
                return Optional.of(EventContent.of(EventKind.KILL_ENGAGED, actor, details));
            });
        } catch (RefusedException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            engine.fleet().stops().stop(scope);
            engine.leases().lookAtAll();
            throw e;
        }
        engine.leases().lookAtAll();
        engine.fleet().stops().letGo(scope); // it need not be stopped here apart from that any more
        return stopped;
    }

    /**
     * Lets them go on as what they are.
     *
     * @param authority with which the actor acts, by the word of the host; it takes {@link ReleaseAuthority#ADMIN}
     * @param reason at most 1,024 characters
     * @throws PolicyViolationException rule {@code no-such-kill}, if it is not engaged, or {@code kill-authority}
     * @throws AccessDeniedException if this manager is confined to a tenant and the scope reaches beyond it
     */
    public void release(KillScope scope, ReleaseAuthority authority, String reason, Actor actor) {
        requireNonNull(actor, "actor");
        engine.requireOpen();
        requireMine(scope, actor);
        engine.control().require(actor, Right.RELEASE_KILL_SWITCH, scope, tenant);
        Text.prose("reason", reason, 1024);
        if (!requireNonNull(authority, "authority").covers(ReleaseAuthority.ADMIN)) {
            var refusal = new PolicyViolationException(
                    "kill-authority",
                    actor,
                    "%s cannot release the kill switch %s as %s: that takes the authority ADMIN"
                            .formatted(actor, scope.wire(), authority));
            engine.access().refused(Refusals.Target.of(tenant, scope), refusal);
            throw refusal;
        }
        engine.log().append(EventKind.KILL_RELEASED, log -> {
            if (log.kills().get(scope).isEmpty()) {
                throw new PolicyViolationException(
                        "no-such-kill",
                        "the kill switch %s is not engaged; those that are: %s"
                                .formatted(
                                        scope.wire(),
                                        seen(log.kills())
                                                .map(kill -> kill.scope().wire())
                                                .toList()));
            }
            return Optional.of(EventContent.of(
                    EventKind.KILL_RELEASED, actor, details(scope, reason).build()));
        });
        engine.fleet().stops().letGo(scope);
    }

    /** Those that are engaged and reach into this tenant, the oldest first. */
    public List<Kill> engaged() {
        return seen(engine.log().kills()).toList();
    }

    private Stream<Kill> seen(Kills kills) {
        return kills.all().stream()
                .filter(kill -> kill.scope().confinedTo().map(tenant::equals).orElse(true) || !manager.isConfined());
    }

    private static Json.ObjBuilder details(KillScope scope, String reason) {
        return Json.object().put("reason", reason).put("scope", scope.wire());
    }

    private void requireMine(KillScope scope, Actor actor) {
        if (!requireNonNull(scope, "scope").confinedTo().map(tenant::equals).orElse(false)) {
            manager.requireWhole("the kill switch " + scope.wire(), Refusals.Target.of(tenant, scope), actor);
        }
    }
}
