package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.approval.ApprovalRequest;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.Credential;
import io.agentlifecycle.core.credential.Credentials;
import io.agentlifecycle.core.credential.KeyHistory;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.hold.Holds;
import io.agentlifecycle.core.hold.LegalHold;
import io.agentlifecycle.core.quarantine.Conduct;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * One governed agent as it stood at one version: an immutable picture, made of one component per subject. A component
 * knows its own rules and nothing of the agent. Every change is a command to the manager, which gives the next picture.
 *
 * @param version 1 for a new agent, and one more with every change that was stored
 * @param state where it stands; derived facts such as "may it act now" are the guard's
 * @param rateLimit how often it may be let through; empty means as often as it asks
 * @param owner who answers for it, if anyone does
 * @param coOwners who else answers for it, at most {@link #MOST_CO_OWNERS}, in the order in which they were added
 * @param legalHolds why what is known of it must be kept, the oldest first; in any state, also after its end
 * @param conduct what was reported of it, and the quarantine that it is in
 * @param keyHistory the identity keys that it had before the one in its entitlements
 * @param tally how often some things happened to it, for its final report
 * @param retirement its end, once that began
 */
public record Agent(
        AgentKey key,
        long version,
        AgentState state,
        Profile profile,
        Entitlements entitlements,
        Lifespan lifespan,
        Optional<RateLimit> rateLimit,
        Lineage lineage,
        Optional<Owner> owner,
        List<Owner> coOwners,
        ApprovalRequest approval,
        Holds holds,
        List<LegalHold> legalHolds,
        Conduct conduct,
        Credentials credentials,
        KeyHistory keyHistory,
        Activity activity,
        Tally tally,
        Optional<Retirement> retirement) {
    /** So many may answer for an agent beside its owner. */
    public static final int MOST_CO_OWNERS = 10;

    public Agent {
        requireNonNull(key, "key");
        requireNonNull(state, "state");
        requireNonNull(profile, "profile");
        requireNonNull(entitlements, "entitlements");
        requireNonNull(lifespan, "lifespan");
        requireNonNull(rateLimit, "rateLimit");
        requireNonNull(lineage, "lineage");
        requireNonNull(owner, "owner");
        coOwners = List.copyOf(coOwners);
        requireNonNull(approval, "approval");
        requireNonNull(holds, "holds");
        legalHolds = List.copyOf(legalHolds);
        requireNonNull(conduct, "conduct");
        requireNonNull(credentials, "credentials");
        requireNonNull(keyHistory, "keyHistory");
        requireNonNull(activity, "activity");
        requireNonNull(tally, "tally");
        requireNonNull(retirement, "retirement");
    }

    /** Its name inside its tenant. */
    public AgentId id() {
        return key.id();
    }

    /** What it is called. */
    public String name() {
        return profile.name();
    }

    /** Its newest credential, unless that was revoked; look at its status before relying on it. */
    public Optional<Credential> credential() {
        return credentials.current().filter(c -> !credentials.isRevoked());
    }

    /** The legal hold of that reference, if it stands. */
    public Optional<LegalHold> legalHold(String reference) {
        return legalHolds.stream()
                .filter(hold -> hold.reference().equals(reference))
                .findFirst();
    }

    /** When it was retired for good. */
    public Optional<Instant> decommissionedAt() {
        return retirement.flatMap(Retirement::endedAt);
    }

    /** With another version. */
    public Agent at(long next) {
        return edit(e -> e.version = next);
    }

    /** In another state. */
    public Agent in(AgentState next) {
        return edit(e -> e.state = next);
    }

    /** With another profile and other entitlements. */
    public Agent with(Profile nextProfile, Entitlements nextEntitlements) {
        return edit(e -> {
            e.profile = nextProfile;
            e.entitlements = nextEntitlements;
        });
    }

    /** With another lifespan. */
    public Agent with(Lifespan next) {
        return edit(e -> e.lifespan = next);
    }

    /** With another limit of its calls. */
    public Agent with(RateLimit next) {
        return edit(e -> e.rateLimit = Optional.of(next));
    }

    /** With another owner. */
    public Agent with(Owner next) {
        return edit(e -> e.owner = Optional.of(next));
    }

    /** With one more co-owner. */
    public Agent withCoOwner(Owner next) {
        return edit(e -> {
            e.coOwners = new ArrayList<>(coOwners);
            e.coOwners.add(next);
        });
    }

    /** Without that co-owner. */
    public Agent withoutCoOwner(Owner gone) {
        return edit(e -> {
            e.coOwners = new ArrayList<>(coOwners);
            e.coOwners.remove(gone);
        });
    }

    /** Without any co-owner. */
    public Agent withoutCoOwners() {
        return edit(e -> e.coOwners = List.of());
    }

    /** With another request. */
    public Agent with(ApprovalRequest next) {
        return edit(e -> e.approval = next);
    }

    /** With other holds. */
    public Agent with(Holds next) {
        return edit(e -> e.holds = next);
    }

    /** With other legal holds. */
    public Agent with(List<LegalHold> next) {
        return edit(e -> e.legalHolds = next);
    }

    /** With another conduct. */
    public Agent with(Conduct next) {
        return edit(e -> e.conduct = next);
    }

    /** With other credentials. */
    public Agent with(Credentials next) {
        return edit(e -> e.credentials = next);
    }

    /** With another identity key, and the one before it in the history. */
    public Agent with(String nextThumbprint, KeyHistory next) {
        return edit(e -> {
            e.entitlements = entitlements.boundTo(nextThumbprint);
            e.keyHistory = next;
        });
    }

    /** With another activity. */
    public Agent with(Activity next) {
        return edit(e -> e.activity = next);
    }

    /** With another tally. */
    public Agent with(Tally next) {
        return edit(e -> e.tally = next);
    }

    /** With another retirement. */
    public Agent with(Retirement next) {
        return edit(e -> e.retirement = Optional.of(next));
    }

    private Agent edit(Consumer<Edit> change) {
        Edit edit = new Edit();
        change.accept(edit);
        return new Agent(
                key,
                edit.version,
                edit.state,
                edit.profile,
                edit.entitlements,
                edit.lifespan,
                edit.rateLimit,
                lineage,
                edit.owner,
                edit.coOwners,
                edit.approval,
                edit.holds,
                edit.legalHolds,
                edit.conduct,
                edit.credentials,
                edit.keyHistory,
                edit.activity,
                edit.tally,
                edit.retirement);
    }

    /** All that commands can change; the rest is as it was asked for. */
    private final class Edit {
        private long version = Agent.this.version;
        private AgentState state = Agent.this.state;
        private Profile profile = Agent.this.profile;
        private Entitlements entitlements = Agent.this.entitlements;
        private Lifespan lifespan = Agent.this.lifespan;
        private Optional<RateLimit> rateLimit = Agent.this.rateLimit;
        private Optional<Owner> owner = Agent.this.owner;
        private List<Owner> coOwners = Agent.this.coOwners;
        private ApprovalRequest approval = Agent.this.approval;
        private Holds holds = Agent.this.holds;
        private List<LegalHold> legalHolds = Agent.this.legalHolds;
        private Conduct conduct = Agent.this.conduct;
        private Credentials credentials = Agent.this.credentials;
        private KeyHistory keyHistory = Agent.this.keyHistory;
        private Activity activity = Agent.this.activity;
        private Tally tally = Agent.this.tally;
        private Optional<Retirement> retirement = Agent.this.retirement;
    }
}
