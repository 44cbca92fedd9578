package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.Page;
import io.agentlifecycle.core.agent.PageToken;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.spi.OwnerDirectory;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RecordQuery;
import io.agentlifecycle.core.store.StoredRecord;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Asks the host's directory whether an owner is there, and keeps owners within their limits. Without a directory everybody is there, and
 * nobody has a limit. Safe for use by many threads.
 */
final class OwnerKeeper {
    private static final int PAGE = 500;

    /** Somebody who is there, and is to get that many agents more. */
    private record Gain(Owner owner, OwnerStanding standing, int agents, String what) {}

    private final LifecycleStore store;
    private final Optional<OwnerDirectory> directory;

    OwnerKeeper(LifecycleStore store, Optional<OwnerDirectory> directory) {
        this.store = store;
        this.directory = directory;
    }

    boolean hasDirectory() {
        return directory.isPresent();
    }

    /** What the directory knows of them; without one, that they are there. */
    Optional<OwnerStanding> find(Owner owner) {
        return directory.isEmpty()
                ? Optional.of(OwnerStanding.active())
                : requireNonNull(directory.get().find(owner), "the answer of the owner directory");
    }

    /** What those say who must be there. */
    OwnerStanding require(Owner owner, String what) {
        OwnerStanding standing = find(owner)
                .orElseThrow(() -> new PolicyViolationException(
                        "owner-unknown",
                        "%s cannot answer for %s: the owner directory knows nobody of that name; name somebody whom it knows"
                                .formatted(owner, what)));
        if (!standing.isActive()) {
            throw new PolicyViolationException(
                    "owner-inactive",
                    "%s cannot answer for %s: the owner directory calls them %s; name another, with changeOwner if the agent is there already"
                            .formatted(owner, what, standing.status()));
        }
        return standing;
    }

    /** What must be stored with the step of an agent that exists, if its plan needs somebody to be there. */
    List<Mutation> admit(Agent before, Plan plan) {
        if (plan.answering().isEmpty()) {
            return List.of();
        }
        Owner owner = plan.answering().get();
        String what = "agent " + before.key();
        OwnerStanding standing = require(owner, what);
        boolean oneMore = plan.has(EventKind.AGENT_OWNER_CHANGED) && OwnerRules.LIVE.contains(before.state());
        return oneMore ? turns(before.key().tenant(), List.of(new Gain(owner, standing, 1, what))) : List.of();
    }

    /** What must be stored with agents that come in, all of one tenant. */
    List<Mutation> admit(List<Agent> agents) {
        Map<Owner, List<AgentKey>> coming = new LinkedHashMap<>();
        for (Agent agent : agents) {
            if (OwnerRules.LIVE.contains(agent.state())) {
                agent.owner()
                        .ifPresent(owner -> coming.computeIfAbsent(owner, first -> new ArrayList<>())
                                .add(agent.key()));
            }
        }
        List<Gain> gains = new ArrayList<>();
        coming.forEach((owner, keys) -> {
            String what = keys.size() == 1
                    ? "agent " + keys.get(0)
                    : "%d more agents, such as %s".formatted(keys.size(), keys.get(0));
            gains.add(new Gain(owner, require(owner, what), keys.size(), what));
        });
        return turns(agents.get(0).key().tenant(), gains);
    }

    /**
     * Refuses what would be too much for an owner, and makes those that have a limit take turns: whoever adds an agent of theirs puts
     * the next version of one record, which was read before the agents were counted, so of two who counted the same one fails, and
     * counts again.
     */
    private List<Mutation> turns(TenantId tenant, List<Gain> gains) {
        Map<RecordKey, Mutation> turns = new TreeMap<>();
        for (Gain gain : gains) {
            gain.standing().maxAgents().ifPresent(most -> {
                turns.computeIfAbsent(turn(tenant, gain.owner()), this::next);
                requireWithin(tenant, gain.owner(), most, gain.agents(), gain.what());
            });
        }
        return List.copyOf(turns.values());
    }

    private Mutation next(RecordKey key) {
        long version = store.get(key).map(StoredRecord::version).orElse(0L) + 1;
        String body = CanonicalJson.write(Json.object().put("v", 1).build());
        return new Mutation.Put(new StoredRecord(key, version, Optional.empty(), body, Map.of()));
    }

    /** Some share one, so that a record tells of nobody, and there are few of them. */
    private static RecordKey turn(TenantId tenant, Owner owner) {
        int number = Digests.fromBase64Url(Digests.sha256(owner.toString()))[0] & 0xff;
        return RecordKey.scope(tenant, "owners-" + number);
    }

    /** Refuses if they are not there, or could not have that many more agents now. */
    void requireRoom(TenantId tenant, Owner owner, int more) {
        String what = "%d more agents".formatted(more);
        require(owner, what).maxAgents().ifPresent(most -> requireWithin(tenant, owner, most, more, what));
    }

    private void requireWithin(TenantId tenant, Owner owner, int most, int more, String what) {
        int has = count(tenant, owner, most);
        if (has > most - more) {
            throw new PolicyViolationException(
                    "owner-limit",
                    "%s cannot answer for %s: they may for %d at the most, and %d of these are taken; retire or hand over some of these, raise the limit in the owner directory, or name another owner"
                            .formatted(owner, what, most, Math.min(has, most)));
        }
    }

    /** How many more agents they may have by that standing; empty if any number. */
    Optional<Integer> room(TenantId tenant, Owner owner, OwnerStanding standing) {
        return standing.maxAgents().map(most -> Math.max(0, most - count(tenant, owner, most)));
    }

    /** How many live agents they have; counted no further than to their limit, and the end of a page. */
    private int count(TenantId tenant, Owner owner, int most) {
        AgentQuery theirs = AgentQuery.all().state(OwnerRules.LIVE).owner(owner.toString());
        RecordQuery query = AgentCodec.query(theirs, tenant);
        int count = 0;
        Optional<PageToken> after = Optional.empty();
        do {
            Page<StoredRecord> page = store.query(query, after, PAGE);
            count += page.items().size();
            after = page.next();
        } while (after.isPresent() && count < most);
        return count;
    }
}
