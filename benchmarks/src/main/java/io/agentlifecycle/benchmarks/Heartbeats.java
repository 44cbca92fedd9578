package io.agentlifecycle.benchmarks;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** What a heartbeat costs, against the least that it could; {@link HeartbeatBenchmark} is what runs. */
final class Heartbeats implements Subject {
    private static final double MOST = 2.5;

    @Override
    public List<Figure> measure(Scale scale, Path scratch) throws Exception {
        // another project's benchmarks on the same machine are no reason not to run
        System.setProperty("jmh.ignoreLock", "true");
        List<Figure> figures = new ArrayList<>();
        double worst = 0;
        for (int agents : scale.heartbeatAgents()) {
            Cost floor = cost("floor", agents, scale, scratch);
            Cost heartbeat = cost("heartbeat", agents, scale, scratch);
            Figures.note(
                    "heartbeat, %d agents: %.1f ns, %.2f bytes allocated; map, clock and volatile write alone %.1f ns, %.2f bytes",
                    agents, heartbeat.nanos(), heartbeat.bytes(), floor.nanos(), floor.bytes());
            figures.add(new Figure("heartbeat-" + agents, floor.nanos() / heartbeat.nanos(), 1 / MOST));
            worst = Math.max(worst, heartbeat.bytes() - floor.bytes());
        }
        // whole bytes, since a profiler counts a little of its own; and beyond the floor's, since it is up to the
        // compiler whether the instant that the clock gives is ever made
        figures.add(new Figure("heartbeat-alloc", 1 / (1 + (double) Math.max(0, Math.round(worst))), 1));
        return figures;
    }

    private record Cost(double nanos, double bytes) {}

    private static Cost cost(String benchmark, int agents, Scale scale, Path scratch) throws RunnerException {
        // many short iterations, of which the best counts: whatever else runs on the machine disturbs only some of them
        TimeValue time = TimeValue.milliseconds(50);
        Collection<RunResult> results = new Runner(new OptionsBuilder()
                        .include(HeartbeatBenchmark.class.getName() + "." + benchmark + "$")
                        .param("agents", String.valueOf(agents))
                        .forks(1)
                        .jvmArgs("-Xms" + (scale.isQuick() ? "1g" : "5g"), "-Xmx" + (scale.isQuick() ? "1g" : "5g"))
                        .warmupIterations(3)
                        .warmupTime(TimeValue.milliseconds(scale.isQuick() ? 250 : 2_000))
                        .measurementIterations(scale.isQuick() ? 20 : 100)
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
