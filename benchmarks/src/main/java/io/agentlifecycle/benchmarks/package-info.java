/** Figures of the library as ratios to what the machine can do and to what others do, measured in one run. */
@NullMarked
package io.agentlifecycle.benchmarks;

import org.jspecify.annotations.NullMarked;
