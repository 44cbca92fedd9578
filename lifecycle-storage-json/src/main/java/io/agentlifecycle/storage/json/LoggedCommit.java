package io.agentlifecycle.storage.json;

/** A commit with its number, as it is read from the log. */
record LoggedCommit(long seq, Line.Committed commit) {}
