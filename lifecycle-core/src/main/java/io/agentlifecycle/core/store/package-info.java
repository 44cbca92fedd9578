/**
 * What a store keeps: versioned records and events, of whose content it knows nothing. For authors of stores; hosts do
 * not need it.
 */
@NullMarked
package io.agentlifecycle.core.store;

import org.jspecify.annotations.NullMarked;
