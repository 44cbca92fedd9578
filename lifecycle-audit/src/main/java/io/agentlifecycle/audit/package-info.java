/** Signs the events of a log, and verifies a log without its store: whoever has the lines and the key can do that. */
@NullMarked
package io.agentlifecycle.audit;

import org.jspecify.annotations.NullMarked;
