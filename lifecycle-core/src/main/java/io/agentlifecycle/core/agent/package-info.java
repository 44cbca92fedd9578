/** The governed agent, its states, and the table that says which command leads from where to where. */
@NullMarked
package io.agentlifecycle.core.agent;

import org.jspecify.annotations.NullMarked;
