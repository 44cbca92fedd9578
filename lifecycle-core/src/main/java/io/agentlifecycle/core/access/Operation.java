package io.agentlifecycle.core.access;

/** What an agent wants to do, as the guard tells it apart. */
public enum Operation {
    /** Do its work: call a model, a tool, another service. */
    INVOKE
}
