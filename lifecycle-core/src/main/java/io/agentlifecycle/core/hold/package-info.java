/** What keeps an agent from acting although it is not retired: a set of holds, each with its own reason. */
@NullMarked
package io.agentlifecycle.core.hold;

import org.jspecify.annotations.NullMarked;
