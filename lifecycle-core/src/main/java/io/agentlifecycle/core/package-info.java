/**
 * What a host calls. {@link io.agentlifecycle.core.LifecycleManager} is where to begin; the nouns that its verbs speak
 * of stand in the subpackages.
 */
@NullMarked
package io.agentlifecycle.core;

import org.jspecify.annotations.NullMarked;
