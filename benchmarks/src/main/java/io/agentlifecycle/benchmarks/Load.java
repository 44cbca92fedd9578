package io.agentlifecycle.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Callers that do the same thing at the same time. */
final class Load {
    /** What one caller does again and again; returns how often it was done. */
    @FunctionalInterface
    interface Work {
        int run(int caller) throws Exception;
    }

    private Load() {}

    /** How often per second it gets done. */
    static double perSecond(int callers, Duration time, Work work) throws Exception {
        long start = System.nanoTime();
        long end = start + time.toNanos();
        long done = all(callers, caller -> {
            int mine = 0;
            while (System.nanoTime() < end) {
                mine += work.run(caller);
            }
            return mine;
        });
        return done / Figures.seconds(start);
    }

    /** Each caller works once; returns how often it was done in all. */
    static long all(int callers, Work work) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(callers);
        try {
            List<Future<Integer>> running = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                int caller = i;
                running.add(threads.submit(() -> work.run(caller)));
            }
            long done = 0;
            for (Future<Integer> one : running) {
                done += one.get();
            }
            return done;
        } finally {
            threads.shutdown();
        }
    }

    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(sorted.size() / 2);
    }
}
