package io.agentlifecycle.core;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.GuardPolicy;
import io.agentlifecycle.core.approval.ApprovalRule;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.delegation.Lineage;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.quarantine.QuarantinePolicy;
import io.agentlifecycle.core.quarantine.Severity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The host's own settings: who lets agents in, how long silence may last, how credentials live. Immutable.
 *
 * <p>Each event names the policy's id, version and digest, so give a changed policy a new version.
 */
public final class LifecyclePolicy {
    /** What a sweep does with an agent that did nothing for longer than {@link #maxInactive()}. */
    public enum InactivityAction {
        /** Nothing; {@link OrphanDetector#detect} reports it. */
        REPORT,
        /** Hold it. */
        SUSPEND,
        /** Retire it. */
        DECOMMISSION
    }

    /** What a plan proposes for agents whose owner is gone; see {@link Owners#left}. */
    public enum OwnerLoss {
        /** Hold each, until an admin lets it go on under an owner who is there. */
        HOLD,
        /**
         * Give each to the first of its co-owners who is ACTIVE in the {@link io.agentlifecycle.core.spi.OwnerDirectory} and may have
         * one more, to the first one without a directory, or else to the owner's successor by the directory likewise; hold what is left.
         */
        SUCCEED
    }

    private static final int DEFAULT_DEPTH = 5;

    private final String id;
    private final long version;
    private final ApprovalRule approval;
    private final boolean requireOwner;
    private final boolean requireDurable;
    private final Duration heartbeatInterval;
    private final int missedHeartbeats;
    private final Duration orphanThreshold;
    private final Duration maxInactive;
    private final Duration inactivityGrace;
    private final InactivityAction inactivityAction;
    private final CredentialPolicy credentialPolicy;
    private final int maxDelegationDepth;
    private final GuardPolicy guard;
    private final QuarantinePolicy quarantine;
    private final Optional<Duration> maxLifespan;
    private final Map<HoldReason, Duration> maxHolds;
    private final boolean fourEyes;
    private final boolean reapproveOwner;
    private final OwnerLoss ownerLoss;
    private final PolicyRef ref;

    private LifecyclePolicy(Builder builder) {
        id = builder.id;
        version = builder.version;
        approval = builder.approval();
        requireOwner = builder.requireOwner;
        requireDurable = builder.requireDurable;
        heartbeatInterval = builder.heartbeatInterval;
        missedHeartbeats = builder.missedHeartbeats;
        orphanThreshold = builder.orphanThreshold;
        maxInactive = builder.maxInactive;
        inactivityGrace = builder.inactivityGrace;
        inactivityAction = builder.inactivityAction;
        credentialPolicy = builder.credentialPolicy;
        maxDelegationDepth = builder.maxDelegationDepth;
        guard = builder.guard;
        quarantine = builder.quarantine;
        maxLifespan = builder.maxLifespan;
        maxHolds = Map.copyOf(builder.maxHolds);
        fourEyes = builder.fourEyes;
        reapproveOwner = builder.reapproveOwner;
        ownerLoss = builder.ownerLoss;
        ref = digest();
    }

    /** The defaults of {@link #builder()}. */
    public static LifecyclePolicy defaults() {
        return builder().build();
    }

    /**
     * A builder with AgentMesh's defaults: approval by one person who neither asked nor owns, requests wait for ever, an
     * owner is required, a heartbeat every 5 minutes, silent after 2 missed ones, an orphan after 24 hours, inactive
     * after 90 days and then only reported, {@link CredentialPolicy#DEFAULT}, {@link GuardPolicy#DEFAULT},
     * {@link QuarantinePolicy#DEFAULT}, agents may live for ever, and are held when their owner is gone, any store, an agent
     * works for at most 5 others, each one for the next; id {@code default}, version 1.
     */
    public static Builder builder() {
        return new Builder();
    }

    /** Names this policy in events. */
    public String id() {
        return id;
    }

    /** Tells its versions apart in events. */
    public long version() {
        return version;
    }

    /** Who may approve, and until when. */
    public ApprovalRule approval() {
        return approval;
    }

    /** Whether every agent needs someone who answers for it. */
    public boolean requireOwner() {
        return requireOwner;
    }

    /** Whether a store that survives the process is required. */
    public boolean requireDurable() {
        return requireDurable;
    }

    /** How often an ACTIVE agent says that it is alive. */
    public Duration heartbeatInterval() {
        return heartbeatInterval;
    }

    /**
     * After how many intervals without a heartbeat the silence is written down. No agent counts as silent for as many
     * intervals after the manager was opened: the host's own downtime is not the agent's silence.
     */
    public int missedHeartbeats() {
        return missedHeartbeats;
    }

    /** How long an ACTIVE agent may be silent before a sweep marks it as an orphan. */
    public Duration orphanThreshold() {
        return orphanThreshold;
    }

    /** After how long without an event and without a heartbeat an agent is inactive. */
    public Duration maxInactive() {
        return maxInactive;
    }

    /** How much longer an agent may be inactive until a sweep does {@link #inactivityAction()}. */
    public Duration inactivityGrace() {
        return inactivityGrace;
    }

    /** What a sweep does with an inactive agent. */
    public InactivityAction inactivityAction() {
        return inactivityAction;
    }

    /** How credentials live. */
    public CredentialPolicy credentialPolicy() {
        return credentialPolicy;
    }

    /** For how many agents, each one for the next, an agent may work; 0 if nobody may have a parent. */
    public int maxDelegationDepth() {
        return maxDelegationDepth;
    }

    /** What agents may do in which state. */
    public GuardPolicy guard() {
        return guard;
    }

    /** Which incidents put agents into quarantine, and how they may recover. */
    public QuarantinePolicy quarantine() {
        return quarantine;
    }

    /** How long an agent may live at the most from its request, or its last renewal, on; empty if for ever. */
    public Optional<Duration> maxLifespan() {
        return maxLifespan;
    }

    /** How long an agent may be held for a reason before a sweep retires it; for ever for those that are not here. */
    public Map<HoldReason, Duration> maxHolds() {
        return maxHolds;
    }

    /** Whether what only an admin may release takes two people. */
    public boolean fourEyes() {
        return fourEyes;
    }

    /** Whether another owner of an agent that is in must be approved, if approval is required at all. */
    public boolean reapproveOwner() {
        return reapproveOwner;
    }

    /** What is proposed for agents whose owner is gone. */
    public OwnerLoss ownerLoss() {
        return ownerLoss;
    }

    /** How long silence is written down by nobody after the manager was opened. */
    Duration startupGrace() {
        return heartbeatInterval.multipliedBy(missedHeartbeats);
    }

    /** How this policy is named in events. */
    PolicyRef ref() {
        return ref;
    }

    private Json.Obj httpStatus() {
        Json.ObjBuilder statuses = Json.object();
        guard.httpStatus().forEach((reason, status) -> statuses.put(reason.name(), status));
        return statuses.build();
    }

    private Json quarantineJson() {
        Json.ObjBuilder limits = Json.object();
        quarantine
                .limits()
                .forEach((kind, limit) -> limits.put(
                        kind.wire(),
                        Json.object()
                                .put("most", limit.most())
                                .put("window", limit.window().toString())
                                .build()));
        Json.ObjBuilder recoveries = Json.object();
        quarantine.recoveries().forEach((severity, most) -> recoveries.put(severity.wire(), most));
        return Json.object()
                .put("limits", limits.build())
                .put("atOnce", quarantine.atOnce().map(Severity::wire))
                .put("recoveries", recoveries.build())
                .put("firstRetry", quarantine.firstRetry().toString())
                .put("escalates", quarantine.escalates())
                .build();
    }

    private Json stagesJson() {
        List<Json> stages = new ArrayList<>();
        for (Stage stage : approval.stages()) {
            stages.add(Json.object()
                    .put("name", stage.name())
                    .put("quorum", stage.quorum())
                    .put("kind", stage.kind().wire())
                    .put("voters", Json.of(stage.voters()))
                    .build());
        }
        return new Json.Arr(stages);
    }

    private PolicyRef digest() {
        Json.ObjBuilder settings = Json.object()
                .put("id", id)
                .put("version", version)
                .put("requireApproval", approval.required())
                .put("selfApproval", approval.selfApproval())
                .put("approvalTimeout", approval.timeout())
                .put("requireOwner", requireOwner)
                .put("requireDurable", requireDurable)
                .put("heartbeatInterval", heartbeatInterval.toString())
                .put("missedHeartbeats", missedHeartbeats)
                .put("orphanThreshold", orphanThreshold.toString())
                .put("maxInactive", maxInactive.toString())
                .put("inactivityGrace", inactivityGrace.toString())
                .put("inactivityAction", inactivityAction.name().toLowerCase(Locale.ROOT))
                .put("maxCredentialTtl", credentialPolicy.maxCredentialTtl().toString())
                .put("rotationOverlap", credentialPolicy.rotationOverlap().toString())
                .put("autoRotate", credentialPolicy.autoRotate())
                .put("revokeOnDecommission", credentialPolicy.revokeOnDecommission());
        // later settings count only when they say something, so that a policy that does not has the digest that it had
        if (maxDelegationDepth != DEFAULT_DEPTH) {
            settings.put("maxDelegationDepth", maxDelegationDepth);
        }
        if (!guard.equals(GuardPolicy.DEFAULT)) {
            settings.put(
                    "guard",
                    Json.object()
                            .put("quarantine", guard.quarantine().name().toLowerCase(Locale.ROOT))
                            .put("endsExpired", guard.endsExpired())
                            .put("httpStatus", httpStatus())
                            .build());
        }
        if (!quarantine.equals(QuarantinePolicy.DEFAULT)) {
            settings.put("quarantine", quarantineJson());
        }
        if (!maxHolds.isEmpty()) {
            Json.ObjBuilder holds = Json.object();
            maxHolds.forEach((reason, longest) -> holds.put(reason.code(), longest.toString()));
            settings.put("maxHolds", holds.build());
        }
        if (ownerLoss != OwnerLoss.HOLD) {
            settings.put("ownerLoss", ownerLoss.name().toLowerCase(Locale.ROOT));
        }
        if (!approval.takesOnePerson()) {
            settings.put("approvalStages", stagesJson());
        }
        approval.warnBefore().ifPresent(before -> settings.put("approvalWarning", before.toString()));
        maxLifespan.ifPresent(longest -> settings.put("maxLifespan", longest.toString()));
        if (fourEyes) {
            settings.put("fourEyes", true);
        }
        if (reapproveOwner) {
            settings.put("reapproveOwner", true);
        }
        return new PolicyRef(id, version, Digests.sha256(CanonicalJson.write(settings.build())));
    }

    /** Collects settings. Each setter checks its own value, {@link #build} what spans several. Not thread-safe. */
    public static final class Builder {
        private static final Duration LONGEST = Duration.ofDays(36_525);

        private String id = "default";
        private long version = 1;
        private boolean requireApproval = true;
        private boolean selfApproval;
        private Optional<Duration> approvalTimeout = Optional.empty();
        private Optional<Duration> approvalWarning = Optional.empty();
        private List<Stage> approvalStages = ApprovalRule.ONE_PERSON;
        private boolean requireOwner = true;
        private boolean requireDurable;
        private Duration heartbeatInterval = Duration.ofMinutes(5);
        private int missedHeartbeats = 2;
        private Duration orphanThreshold = Duration.ofHours(24);
        private Duration maxInactive = Duration.ofDays(90);
        private Duration inactivityGrace = Duration.ZERO;
        private InactivityAction inactivityAction = InactivityAction.REPORT;
        private CredentialPolicy credentialPolicy = CredentialPolicy.DEFAULT;
        private int maxDelegationDepth = DEFAULT_DEPTH;
        private GuardPolicy guard = GuardPolicy.DEFAULT;
        private QuarantinePolicy quarantine = QuarantinePolicy.DEFAULT;
        private Optional<Duration> maxLifespan = Optional.empty();
        private final Map<HoldReason, Duration> maxHolds = new HashMap<>();
        private boolean fourEyes;
        private boolean reapproveOwner;
        private OwnerLoss ownerLoss = OwnerLoss.HOLD;

        private Builder() {}

        /** Names it; 1 to 128 characters. */
        public Builder id(String value) {
            id = Text.line("policy id", value, 128);
            return this;
        }

        /** Tells its versions apart; at least 1. */
        public Builder version(long value) {
            if (value < 1 || value > Json.MAX_INTEGER) {
                throw new IllegalArgumentException("version must be at least 1 but was " + value);
            }
            version = value;
            return this;
        }

        /** Whether a person must let agents in. */
        public Builder requireApproval(boolean value) {
            requireApproval = value;
            return this;
        }

        /** Whether whoever asked for an agent, owns it, or changed its request, or whose agent did, may approve it: for teams of one. */
        public Builder allowSelfApproval(boolean value) {
            selfApproval = value;
            return this;
        }

        /** How long a request may wait; positive. */
        public Builder approvalTimeout(Duration value) {
            approvalTimeout = Optional.of(positive("approvalTimeout", value));
            return this;
        }

        /** How long before its end a sweep warns of a request that waits, anew if the end is another; positive. It takes a longer {@link #approvalTimeout}. */
        public Builder approvalWarning(Duration value) {
            approvalWarning = Optional.of(positive("approvalWarning", value));
            return this;
        }

        /**
         * What a request must pass, one stage after the other, instead of one person.
         *
         * @throws IllegalArgumentException from {@link #build} if there is none, two have one name, or they could never be passed, as each
         *     person counts in one stage only
         */
        public Builder approvalStages(Stage... value) {
            approvalStages = List.of(value);
            return this;
        }

        private ApprovalRule approval() {
            return new ApprovalRule(requireApproval, selfApproval, approvalTimeout, approvalWarning, approvalStages);
        }

        /** Whether every agent needs an owner. */
        public Builder requireOwner(boolean value) {
            requireOwner = value;
            return this;
        }

        /** Whether a store in memory is refused. */
        public Builder requireDurable(boolean value) {
            requireDurable = value;
            return this;
        }

        /** How often an agent says that it is alive; positive. */
        public Builder heartbeatInterval(Duration value) {
            heartbeatInterval = positive("heartbeatInterval", value);
            return this;
        }

        /** After how many missed heartbeats silence is written down; 1 to 1,000. */
        public Builder missedHeartbeats(int value) {
            if (value < 1 || value > 1_000) {
                throw new IllegalArgumentException("missedHeartbeats must be 1 to 1000 but was " + value);
            }
            missedHeartbeats = value;
            return this;
        }

        /** How long an agent may be silent; positive. */
        public Builder orphanThreshold(Duration value) {
            orphanThreshold = positive("orphanThreshold", value);
            return this;
        }

        /** After how long an agent is inactive; positive. */
        public Builder maxInactive(Duration value) {
            maxInactive = positive("maxInactive", value);
            return this;
        }

        /** How much longer until something is done about it; not negative. */
        public Builder inactivityGrace(Duration value) {
            if (requireNonNull(value, "inactivityGrace").isNegative() || value.compareTo(LONGEST) > 0) {
                throw new IllegalArgumentException("inactivityGrace must be 0 to " + LONGEST + " but was " + value);
            }
            inactivityGrace = value;
            return this;
        }

        /** What is done about it. */
        public Builder inactivityAction(InactivityAction value) {
            inactivityAction = requireNonNull(value, "inactivityAction");
            return this;
        }

        /** How credentials live. */
        public Builder credentialPolicy(CredentialPolicy value) {
            credentialPolicy = requireNonNull(value, "credentialPolicy");
            return this;
        }

        /** For how many agents, each one for the next, an agent may work; 0 to {@link Lineage#DEEPEST}. */
        public Builder maxDelegationDepth(int value) {
            if (value < 0 || value > Lineage.DEEPEST) {
                throw new IllegalArgumentException(
                        "maxDelegationDepth must be 0 to " + Lineage.DEEPEST + " but was " + value);
            }
            maxDelegationDepth = value;
            return this;
        }

        /** What agents may do in which state. */
        public Builder guard(GuardPolicy value) {
            guard = requireNonNull(value, "guard");
            return this;
        }

        /** Which incidents put agents into quarantine, and how they may recover. */
        public Builder quarantine(QuarantinePolicy value) {
            quarantine = requireNonNull(value, "quarantine");
            return this;
        }

        /** How long every agent that comes in may live at the most, until it is renewed; positive. Its request must name an end then. */
        public Builder maxLifespan(Duration value) {
            maxLifespan = Optional.of(positive("maxLifespan", value));
            return this;
        }

        /**
         * How long an agent may be held for that reason before a sweep retires it, such as when its account was cancelled
         * (Society AI); positive.
         */
        public Builder maxHold(HoldReason reason, Duration value) {
            maxHolds.put(requireNonNull(reason, "reason"), positive("maxHold", value));
            return this;
        }

        /** What is proposed for agents whose owner is gone. */
        public Builder ownerLoss(OwnerLoss value) {
            ownerLoss = requireNonNull(value, "ownerLoss");
            return this;
        }

        /**
         * Whether what only an admin may release, such as a hold for a violation or a quarantine for one, takes two people: the first
         * agrees, and the second, who is somebody else, releases it. Neither is the agent, its owner or a co-owner. A recovery leads out of no such
         * quarantine then; a hold that ends by itself still does.
         */
        public Builder fourEyes(boolean value) {
            fourEyes = value;
            return this;
        }

        /**
         * Whether an agent that is in and gets another owner is held until that is approved, as it is when it is amended. It says
         * nothing where no approval is required.
         */
        public Builder reapproveOwner(boolean value) {
            reapproveOwner = value;
            return this;
        }

        /**
         * The policy.
         *
         * @throws IllegalArgumentException if an agent would be an orphan before its silence is noticed, or requests could not be
         *     approved as the stages say, or warned of
         */
        public LifecyclePolicy build() {
            Duration noticed = heartbeatInterval.multipliedBy(missedHeartbeats);
            if (orphanThreshold.compareTo(noticed) < 0) {
                throw new IllegalArgumentException(
                        "orphanThreshold %s must be at least heartbeatInterval %s times missedHeartbeats %d"
                                .formatted(orphanThreshold, heartbeatInterval, missedHeartbeats));
            }
            return new LifecyclePolicy(this);
        }

        private static Duration positive(String what, Duration value) {
            if (requireNonNull(value, what).isZero() || value.isNegative() || value.compareTo(LONGEST) > 0) {
                throw new IllegalArgumentException(
                        what + " must be positive and at most " + LONGEST + " but was " + value);
            }
            return value;
        }
    }
}
