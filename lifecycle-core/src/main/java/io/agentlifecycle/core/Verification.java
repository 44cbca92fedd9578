package io.agentlifecycle.core;

/**
 * What {@link LifecycleManager#verify} looked at and found in order.
 *
 * @param events how many events
 * @param streams how many chains
 * @param agents how many agents, whose records are what their events say
 * @param unsigned how many of the events carry no signature
 */
public record Verification(long events, long streams, long agents, long unsigned) {}
