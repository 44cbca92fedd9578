/** How much an agent may use: what limits it, and for how long. */
@NullMarked
package io.agentlifecycle.core.budget;

import org.jspecify.annotations.NullMarked;
