package io.agentlifecycle.benchmarks;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs what {@link AgentBenchmark} has. */
final class Jmh {
    private Jmh() {}

    /** What one call costs. */
    record Cost(double nanos, double bytes) {}

    static Cost cost(String benchmark, int agents, Scale scale, Path scratch) throws RunnerException {
        return cost(benchmark, agents, false, scale, scratch);
    }

    static Cost cost(String benchmark, int agents, boolean clockStands, Scale scale, Path scratch)
            throws RunnerException {
        // another project's benchmarks on the same machine are no reason not to run
        System.setProperty("jmh.ignoreLock", "true");
        // many short iterations, of which the best counts: whatever else runs on the machine disturbs only some of them
        TimeValue time = TimeValue.milliseconds(50);
        Collection<RunResult> results = new Runner(new OptionsBuilder()
                        .include(AgentBenchmark.class.getName() + "." + benchmark + "$")
                        .param("agents", String.valueOf(agents))
                        .param("clockStands", String.valueOf(clockStands))
                        .forks(1)
                        .jvmArgs("-Xms" + (scale.isQuick() ? "1g" : "5g"), "-Xmx" + (scale.isQuick() ? "1g" : "5g"))
                        .warmupIterations(3)
                        .warmupTime(TimeValue.milliseconds(scale.isQuick() ? 150 : 2_000))
                        .measurementIterations(scale.isQuick() ? 12 : 100)
                        .measurementTime(time)
                        .addProfiler(GCProfiler.class)
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .output(scratch.resolve("jmh-" + benchmark + "-" + agents + ".txt")
                                .toString())
                        .build())
                .run();
        RunResult result = results.iterator().next();
        return new Cost(result.getPrimaryResult().getStatistics().getMin(), allocated(result));
    }

    /**
     * How many bytes more one allocates than the other: whole ones, since a profiler counts a little of its own; and beyond the
     * floor's, since it is up to the compiler whether the instant that the clock gives is ever made.
     */
    static double more(Cost cost, Cost floor) {
        return Math.max(0, Math.round(cost.bytes() - floor.bytes()));
    }

    @SuppressWarnings("rawtypes") // as JMH gives it
    private static double allocated(RunResult result) {
        for (Map.Entry<String, Result> secondary : result.getSecondaryResults().entrySet()) {
            if (secondary.getKey().endsWith("gc.alloc.rate.norm")) {
                return secondary.getValue().getScore();
            }
        }
        throw new IllegalStateException("JMH counted no allocation");
    }
}
