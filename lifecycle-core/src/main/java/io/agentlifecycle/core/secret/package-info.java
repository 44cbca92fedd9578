/** Secrets that agents work with, such as keys of tools: records name them, and they themselves live elsewhere. */
@NullMarked
package io.agentlifecycle.core.secret;

import org.jspecify.annotations.NullMarked;
