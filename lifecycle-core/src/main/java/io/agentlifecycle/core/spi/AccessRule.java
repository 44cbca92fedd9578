package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import java.util.Optional;

/**
 * In which role somebody acts, by what the host knows of them. Each command takes a role, and whoever has it, or a higher one, may
 * give it; docs/concepts.md has the list. Authenticating whoever acts is the host's part.
 *
 * <ol>
 *   <li>It is asked at every command, in the thread of its caller, and more than once if others are faster; so it answers from memory,
 *       or soon, and calls no command.
 *   <li>It is not asked about the host itself, {@link Actor.Type#SYSTEM}, which is an admin; nor about agents of the tenant: one of these
 *       acts in the role of its own record, while it is ACTIVE, the guard lets it administer, and it has a good credential. Which agent it is,
 *       and of which tenant, the host has from a token that it verified; a view of another tenant takes the name for that of its own agent.
 *   <li>What it throws refuses the command, and nobody is stopped by it.
 * </ol>
 *
 * Must be safe for use by many threads.
 */
@FunctionalInterface
public interface AccessRule {
    /** Whoever the host names is an admin, but agents that are not of the tenant have no role. */
    AccessRule DEFAULT =
            (actor, tenant, agent) -> actor.type() == Actor.Type.AGENT ? Optional.empty() : Optional.of(Role.ADMIN);

    /**
     * The role in which {@code actor} acts; empty if it has none there, so that it may do nothing.
     *
     * @param agent the agent that the command is about, as it is now; empty for what is about no agent, or one that is not there or cannot be
     *     read, and for requests. An answer that hangs on it, on the owner say, is no different then from that for an agent of others, so that nobody
     *     learns which agents there are
     */
    Optional<Role> role(Actor actor, TenantId tenant, Optional<Agent> agent);
}
