package io.agentlifecycle.core;

/**
 * Where the log keeps what names people and what people wrote: the ids of human actors, owners, the texts of reasons and holds,
 * and the digest of what an approver was shown, which covers the owner.
 */
public enum PersonalData {
    /** In the events themselves, as part of what is signed. It is there as long as the event is. */
    PLAIN,
    /**
     * Beside the events, which have salted digests of it only, as RFC 9901 has them. It can be erased when the agent is retired,
     * see {@link LifecycleManager#erasePersonalData}, and every signature, chain and proof stays good.
     */
    DISCLOSABLE
}
