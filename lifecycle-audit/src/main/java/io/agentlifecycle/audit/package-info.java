/**
 * Signs audit events, keeps the Merkle tree over all of them, and lets a third party verify an export offline with public
 * tools.
 */
@NullMarked
package io.agentlifecycle.audit;

import org.jspecify.annotations.NullMarked;
