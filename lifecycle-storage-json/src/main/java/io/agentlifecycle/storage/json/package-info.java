/**
 * Keeps records and their audit events in a directory of JSON files: a snapshot and an append-only journal. A commit is
 * acknowledged only once it is durable.
 */
@NullMarked
package io.agentlifecycle.storage.json;

import org.jspecify.annotations.NullMarked;
