/** What an agent shows to prove its right: short-lived, replaced before it ages, dead with the right it stands for. */
@NullMarked
package io.agentlifecycle.core.credential;

import org.jspecify.annotations.NullMarked;
