/**
 * Issues short-lived Ed25519 tokens that live only while the agent's record lists their id, keeps the signing keys, and
 * verifies tokens offline, together with proofs that whoever sends them holds the agent's key.
 */
@NullMarked
package io.agentlifecycle.credentials;

import org.jspecify.annotations.NullMarked;
