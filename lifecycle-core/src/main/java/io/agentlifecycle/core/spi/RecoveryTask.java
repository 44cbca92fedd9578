package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.agent.Agent;

/**
 * Brings an agent in quarantine back to where it could work again, outside of this library: restarts it, takes away what
 * made it fail, looks whether it is sound.
 *
 * <ol>
 *   <li>Returning means that it is sound; throwing means that it is not. The name of what was thrown is stored, its message is
 *       not. An error of the machine, such as {@link StackOverflowError}, goes on to the caller, and the attempt counts.
 *   <li>It may run more than once, and what it did may be in vain: whether the agent becomes ACTIVE is decided afterwards.
 *   <li>It runs in the thread that asked for the recovery, and no lock is held meanwhile.
 * </ol>
 */
@FunctionalInterface
public interface RecoveryTask {
    /** @param agent as it was when the recovery began */
    void recover(Agent agent) throws Exception;
}
