package io.agentlifecycle.core.spi;

import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.OwnerStanding;
import java.util.Optional;

/**
 * The host's directory of those who may answer for agents: people, teams, systems.
 *
 * <ol>
 *   <li>It is asked whenever an agent gets an owner or a co-owner, and when plans are made for owners who are gone. It is asked in
 *       the thread of the command, while no lock is held, and once more when the command has to be decided anew.
 *   <li>What it throws is thrown by the command, which then changes nothing: who cannot be looked up gets no agent.
 *   <li>About owners whom agents have already it is asked when one is reclaimed, or released from the hold {@code owner_lost}, and by
 *       {@code manager.owners().lost()}.
 *   <li>Owners are told apart letter by letter here. If it knows the same person under several names, each of them has agents, and a
 *       limit, of its own.
 * </ol>
 *
 * <p>Must be safe for use by many threads.
 */
@FunctionalInterface
public interface OwnerDirectory {
    /** What is known of {@code owner}; empty if there is no such owner. */
    Optional<OwnerStanding> find(Owner owner);
}
