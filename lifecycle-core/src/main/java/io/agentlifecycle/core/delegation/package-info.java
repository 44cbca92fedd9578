/** Where an agent comes from when another agent made it. */
@NullMarked
package io.agentlifecycle.core.delegation;

import org.jspecify.annotations.NullMarked;
