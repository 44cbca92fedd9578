/** One runnable main per feature. */
@NullMarked
package io.agentlifecycle.examples;

import org.jspecify.annotations.NullMarked;
