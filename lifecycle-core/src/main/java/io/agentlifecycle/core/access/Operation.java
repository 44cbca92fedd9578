package io.agentlifecycle.core.access;

/** What an agent wants to do, as the guard tells it apart (BrainstormRouter). */
public enum Operation {
    /** Read its own state and profile. */
    SELF_READ,
    /** Get a credential or a certificate for itself, or change one for another. */
    CREDENTIAL_EXCHANGE,
    /** Do its work: call a model, a tool, another service. */
    INVOKE,
    /** Have another agent work for it. */
    DELEGATE,
    /** Change other agents, or rules. */
    ADMINISTER;

    /** True if it concerns the agent alone, so that one that does not work yet may need it. */
    public boolean isAboutItself() {
        return this == SELF_READ || this == CREDENTIAL_EXCHANGE;
    }
}
