/** What a host, or another module, may implement. */
@NullMarked
package io.agentlifecycle.core.spi;

import org.jspecify.annotations.NullMarked;
