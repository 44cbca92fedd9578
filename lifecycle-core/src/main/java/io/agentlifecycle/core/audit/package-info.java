/**
 * The log: one chain of events for each agent, the bytes they are made of, and the rules by which a reader accepts
 * them. {@code docs/audit-format.md} is the same for people.
 */
@NullMarked
package io.agentlifecycle.core.audit;

import org.jspecify.annotations.NullMarked;
