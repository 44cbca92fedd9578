package io.agentlifecycle.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Threads that do something at the same time, again and again. */
final class Race implements AutoCloseable {
    /** So long may one round last; it is only there to end what would never end. */
    private static final long LONGEST_SECONDS = 60;

    /** What the racer of that number does. */
    @FunctionalInterface
    interface Racer<T> {
        T run(int number) throws Exception;
    }

    private final int racers;
    private final ExecutorService pool;

    Race(int racers) {
        this.racers = racers;
        this.pool = Executors.newFixedThreadPool(racers);
    }

    /** Starts all racers at once and returns what each of them found; if one fails, this fails. */
    <T> List<T> round(Racer<T> racer) throws Exception {
        var start = new CyclicBarrier(racers);
        List<Callable<T>> tasks = new ArrayList<>();
        for (int i = 0; i < racers; i++) {
            int number = i;
            tasks.add(() -> {
                start.await(LONGEST_SECONDS, TimeUnit.SECONDS);
                return racer.run(number);
            });
        }
        List<T> found = new ArrayList<>();
        for (Future<T> done : pool.invokeAll(tasks, LONGEST_SECONDS, TimeUnit.SECONDS)) {
            if (done.isCancelled()) {
                throw new AssertionError("a racer did not end within " + LONGEST_SECONDS + " s");
            }
            found.add(result(done));
        }
        return found;
    }

    private static <T> T result(Future<T> done) throws Exception {
        try {
            return done.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        pool.shutdownNow();
    }
}
