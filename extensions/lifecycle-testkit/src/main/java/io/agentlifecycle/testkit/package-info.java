/** Contract tests: an implementation of an extension point extends the test class that its interface names. */
@NullMarked
package io.agentlifecycle.testkit;

import org.jspecify.annotations.NullMarked;
