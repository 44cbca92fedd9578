/** A little host: what an application looks like that lets the library govern its agents. */
@NullMarked
package io.agentlifecycle.examples.host;

import org.jspecify.annotations.NullMarked;
