/** What a host calls: the operations on agents. */
@NullMarked
package io.agentlifecycle.core;

import org.jspecify.annotations.NullMarked;
