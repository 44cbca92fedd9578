/**
 * What can go wrong. {@link io.agentlifecycle.core.error.RefusedException} means that the rules say no and would say it
 * again; everything else is the infrastructure. Nothing is changed by a call that throws, unless the exception says so.
 */
@NullMarked
package io.agentlifecycle.core.error;

import org.jspecify.annotations.NullMarked;
