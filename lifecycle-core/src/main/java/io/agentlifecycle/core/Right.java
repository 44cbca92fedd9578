package io.agentlifecycle.core;

import static io.agentlifecycle.core.access.Role.ADMIN;
import static io.agentlifecycle.core.access.Role.AGENT;
import static io.agentlifecycle.core.access.Role.OPERATOR;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.util.Locale;

/** What may be done, the role that it takes, and what whoever it is about may do without. */
enum Right {
    REQUEST(AGENT, Way.GIVES),
    ADVISE(OPERATOR, Way.NEITHER),
    VOTE(OPERATOR, Way.GIVES),
    REJECT(OPERATOR, Way.TAKES),
    WITHDRAW(OPERATOR, Way.TAKES, Own.REQUEST),
    AMEND(OPERATOR, Way.GIVES, Own.REQUEST),
    IMPORT(ADMIN, Way.GIVES),
    BOOTSTRAP(OPERATOR, Way.GIVES, Own.REQUEST),
    ACTIVATE(OPERATOR, Way.GIVES),
    ROTATE_CREDENTIALS(OPERATOR, Way.GIVES, Own.LIFE),
    REVOKE_CREDENTIALS(OPERATOR, Way.TAKES, Own.LIFE),
    REGISTER_API_KEY(OPERATOR, Way.GIVES),
    RENEW(OPERATOR, Way.GIVES),
    CHANGE_OWNER(OPERATOR, Way.GIVES),
    LIMIT(OPERATOR, Way.GIVES),
    HOLD(OPERATOR, Way.TAKES),
    RELEASE(OPERATOR, Way.GIVES),
    RELEASE_AS_ADMIN(ADMIN, Way.GIVES),
    REPORT(OPERATOR, Way.TAKES, Own.LIFE),
    MARK_ORPHANED(OPERATOR, Way.TAKES),
    RECLAIM(OPERATOR, Way.GIVES),
    DECOMMISSION(OPERATOR, Way.TAKES, Own.LIFE),
    BLOCK(ADMIN, Way.TAKES),
    LEGAL_HOLD(ADMIN, Way.NEITHER),
    ERASE(ADMIN, Way.NEITHER),
    PRUNE(ADMIN, Way.NEITHER),
    ENGAGE_KILL_SWITCH(OPERATOR, Way.TAKES),
    RELEASE_KILL_SWITCH(ADMIN, Way.GIVES),
    LOG_KEYS(ADMIN, Way.NEITHER);

    /** What it does to an agent's power. Nobody gives power to an agent of a higher role than their own: they could take it for theirs. */
    private enum Way {
        GIVES,
        TAKES,
        NEITHER
    }

    private enum Own {
        NOTHING,
        /** Whoever asked for the agent, in whatever role. */
        REQUEST,
        /** The agent itself. */
        LIFE
    }

    private final Role role;
    private final Way way;
    private final Own own;

    Right(Role role, Way way) {
        this(role, way, Own.NOTHING);
    }

    Right(Role role, Way way, Own own) {
        this.role = role;
        this.way = way;
        this.own = own;
    }

    /** The right to release what takes that authority. */
    static Right toRelease(ReleaseAuthority authority) {
        return authority == ReleaseAuthority.ADMIN ? RELEASE_AS_ADMIN : RELEASE;
    }

    /** The role that it takes, whatever it is about. */
    Role role() {
        return role;
    }

    /** The role that it takes of an actor for that agent. */
    Role role(Actor actor, Agent agent) {
        boolean asked = own == Own.REQUEST
                && actor.isSame(agent.approval().requestedBy())
                && (this != AMEND || agent.state() == AgentState.PENDING_APPROVAL);
        return over(asked ? AGENT : role, agent.entitlements().role());
    }

    /** The role that it takes for an agent of that one. */
    Role over(Role target) {
        return over(role, target);
    }

    private Role over(Role least, Role target) {
        return way == Way.GIVES && target.covers(least) ? target : least;
    }

    /** True if an agent has it over itself, without any role. */
    boolean isOverItself() {
        return own == Own.LIFE;
    }

    boolean gives() {
        return way == Way.GIVES;
    }

    /** As refusals name it. */
    String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
