/** How an agent is let in: the request, who may decide on it, and what was decided. */
@NullMarked
package io.agentlifecycle.core.approval;

import org.jspecify.annotations.NullMarked;
