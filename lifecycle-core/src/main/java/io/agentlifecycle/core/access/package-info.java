/** Who: tenants, agents' names, owners, actors, and the answer to "may it do this now?". */
@NullMarked
package io.agentlifecycle.core.access;

import org.jspecify.annotations.NullMarked;
