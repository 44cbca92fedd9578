/**
 * Ed25519 keys: {@link io.agentlifecycle.credentials.keys.InMemoryKeys},
 * {@link io.agentlifecycle.credentials.keys.PemKeys} and {@link io.agentlifecycle.credentials.keys.Pkcs12Keys} sign and
 * never show a private key,
 * {@link io.agentlifecycle.credentials.keys.Ed25519PublicKey} checks what they signed, and
 * {@link io.agentlifecycle.credentials.keys.CheckedKeys} what others did.
 */
@NullMarked
package io.agentlifecycle.credentials.keys;

import org.jspecify.annotations.NullMarked;
