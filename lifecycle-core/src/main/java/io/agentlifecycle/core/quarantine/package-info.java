/** What an agent did that it should not have done, and what becomes of it: incidents, quarantine, recovery. */
@NullMarked
package io.agentlifecycle.core.quarantine;

import org.jspecify.annotations.NullMarked;
