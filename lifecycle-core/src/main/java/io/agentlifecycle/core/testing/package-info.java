/** What tests of hosts need: a clock to turn, a listener that remembers, a store to disturb. */
@NullMarked
package io.agentlifecycle.core.testing;

import org.jspecify.annotations.NullMarked;
