package io.agentlifecycle.core;

import static io.agentlifecycle.core.access.Role.ADMIN;
import static io.agentlifecycle.core.access.Role.AGENT;
import static io.agentlifecycle.core.access.Role.OPERATOR;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.util.Locale;

/** What may be done, the role that it takes, and whether whoever it is about may do it without. */
enum Right {
    REQUEST(AGENT),
    ADVISE(AGENT),
    VOTE(OPERATOR),
    REJECT(OPERATOR),
    WITHDRAW(OPERATOR, Own.REQUEST),
    AMEND(OPERATOR, Own.REQUEST),
    IMPORT(ADMIN),
    ACTIVATE(OPERATOR),
    ROTATE_CREDENTIALS(OPERATOR, Own.LIFE),
    REVOKE_CREDENTIALS(OPERATOR, Own.LIFE),
    REGISTER_API_KEY(OPERATOR),
    RENEW(OPERATOR),
    CHANGE_OWNER(OPERATOR),
    HOLD(OPERATOR, Own.LIFE),
    RELEASE(OPERATOR),
    RELEASE_AS_ADMIN(ADMIN),
    REPORT(OPERATOR, Own.LIFE),
    MARK_ORPHANED(OPERATOR),
    RECLAIM(OPERATOR),
    DECOMMISSION(OPERATOR, Own.LIFE),
    BLOCK(ADMIN),
    LEGAL_HOLD(ADMIN),
    ERASE(ADMIN),
    PRUNE(ADMIN),
    ENGAGE_KILL_SWITCH(OPERATOR),
    RELEASE_KILL_SWITCH(ADMIN),
    LOG_KEYS(ADMIN);

    private enum Own {
        NOTHING,
        /** Whoever asked for the agent, in whatever role. */
        REQUEST,
        /** The agent itself. */
        LIFE
    }

    private final Role role;
    private final Own own;

    Right(Role role) {
        this(role, Own.NOTHING);
    }

    Right(Role role, Own own) {
        this.role = role;
        this.own = own;
    }

    /** The right to release what takes that authority. */
    static Right toRelease(ReleaseAuthority authority) {
        return authority == ReleaseAuthority.ADMIN ? RELEASE_AS_ADMIN : RELEASE;
    }

    Role role() {
        return role;
    }

    /** The role that it takes of an actor for that agent. */
    Role role(Actor actor, Agent agent) {
        return own == Own.REQUEST && actor.isSame(agent.approval().requestedBy()) ? AGENT : role;
    }

    /** True if the actor is the agent, and needs no role for that. */
    boolean isOverItself(Actor actor, Agent agent) {
        return own == Own.LIFE && actor.isSame(Actor.agent(agent.id()));
    }

    /** As refusals name it. */
    String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
