package io.agentlifecycle.core;

import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.hold.HoldReason;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Who comes after owners that are gone, for one plan: it asks about everybody once, and gives nobody more agents than they may have. For
 * use by one thread.
 */
final class Succession {
    private final OwnerKeeper owners;
    private final LifecyclePolicy.OwnerLoss policy;
    private final TenantId tenant;
    private final Map<Owner, Optional<OwnerStanding>> known = new HashMap<>();

    /** How many more agents those may have who have a limit. */
    private final Map<Owner, Optional<Integer>> rooms = new HashMap<>();

    Succession(OwnerKeeper owners, LifecyclePolicy.OwnerLoss policy, TenantId tenant) {
        this.owners = owners;
        this.policy = policy;
        this.tenant = tenant;
    }

    /** What the directory knows of them. */
    Optional<OwnerStanding> find(Owner owner) {
        return known.computeIfAbsent(owner, owners::find);
    }

    /** What is to become of an agent whose owner {@code from} is gone; empty if it is held for that already. */
    Optional<OwnerPlan.Step> step(Agent agent, Owner from) {
        if (agent.holds().get(HoldReason.OWNER_LOST).isPresent()) {
            return Optional.empty();
        }
        Optional<OwnerPlan.Step> succeed =
                successor(agent, from).map(to -> new OwnerPlan.Succeed(agent.key(), agent.version(), from, to));
        return succeed.or(() -> Optional.of(new OwnerPlan.Hold(agent.key(), agent.version(), from)));
    }

    /** A co-owner, the first before the others, or else whom the directory names; nobody for whoever may come back. */
    private Optional<Owner> successor(Agent agent, Owner from) {
        if (policy == LifecyclePolicy.OwnerLoss.HOLD) {
            return Optional.empty();
        }
        Optional<OwnerStanding> gone = find(from);
        if (gone.filter(standing -> standing.status() == OwnerStanding.Status.SUSPENDED)
                .isPresent()) {
            return Optional.empty();
        }
        List<Owner> candidates = new ArrayList<>(agent.coOwners());
        gone.flatMap(OwnerStanding::successor).ifPresent(candidates::add);
        return candidates.stream()
                .filter(candidate -> !candidate.isSame(from))
                .filter(candidate ->
                        find(candidate).filter(OwnerStanding::isActive).isPresent())
                .filter(this::takes)
                .findFirst();
    }

    /** True if they may have one more, which they have from then on. */
    private boolean takes(Owner owner) {
        Optional<Integer> room = rooms.computeIfAbsent(
                owner, theirs -> owners.room(tenant, theirs, find(theirs).orElseThrow()));
        if (room.isPresent() && room.get() == 0) {
            return false;
        }
        rooms.put(owner, room.map(left -> left - 1));
        return true;
    }
}
