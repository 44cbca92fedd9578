package io.agentlifecycle.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs threads in every order in which one is interrupted at most so often by another: only one of them runs at a time, and
 * whenever it comes to {@link #pause} it is decided which one goes on. All decisions are tried, one after the other, so
 * what is found is found on every machine, and again.
 */
final class Interleavings implements AutoCloseable {
    /** What is run once in each order; it is made anew for each. */
    interface Attempt {
        List<Runnable> threads();

        /** Called when all of them have ended. */
        void check();
    }

    /** Which threads could go on, the one that would without an interruption first, and which one did. */
    private record Decision(List<Integer> options, int taken, boolean interrupts, int interruptions) {
        int spent() {
            return interruptions + (interrupts && taken > 0 ? 1 : 0);
        }

        boolean hasNext(int most) {
            return taken + 1 < options.size() && interruptions + (interrupts ? 1 : 0) <= most;
        }
    }

    private static final ThreadLocal<@Nullable Runner> CURRENT = new ThreadLocal<>();

    private final ExecutorService pool = Executors.newCachedThreadPool();

    /** A point at which another thread may go on. Does nothing elsewhere. */
    static void pause() {
        Runner runner = CURRENT.get();
        if (runner != null) {
            runner.pause();
        }
    }

    /** How many orders there were. */
    int explore(int interruptions, Supplier<Attempt> attempts) {
        int orders = 0;
        Optional<List<Integer>> next = Optional.of(List.of());
        while (next.isPresent()) {
            Attempt attempt = attempts.get();
            List<Decision> decisions = run(attempt.threads(), next.get());
            attempt.check();
            orders++;
            next = after(decisions, interruptions);
        }
        return orders;
    }

    /** The decisions up to the last one that can be another one, and that one. */
    private static Optional<List<Integer>> after(List<Decision> decisions, int most) {
        for (int last = decisions.size() - 1; last >= 0; last--) {
            if (decisions.get(last).hasNext(most)) {
                List<Integer> next = new ArrayList<>();
                decisions.subList(0, last).forEach(decision -> next.add(decision.taken()));
                next.add(decisions.get(last).taken() + 1);
                return Optional.of(next);
            }
        }
        return Optional.empty();
    }

    private List<Decision> run(List<Runnable> bodies, List<Integer> wanted) {
        Semaphore back = new Semaphore(0);
        List<Runner> runners =
                bodies.stream().map(body -> new Runner(body, back)).toList();
        runners.forEach(pool::execute);
        List<Decision> decisions = new ArrayList<>();
        int current = 0;
        int spent = 0;
        while (runners.stream().anyMatch(runner -> !runner.over)) {
            List<Integer> options = new ArrayList<>();
            boolean interrupts = !runners.get(current).over;
            for (int i = 0; i < runners.size(); i++) {
                int each = (current + i) % runners.size();
                if (!runners.get(each).over) {
                    options.add(each);
                }
            }
            int taken = decisions.size() < wanted.size() ? wanted.get(decisions.size()) : 0;
            var decision = new Decision(options, taken, interrupts && !decisions.isEmpty(), spent);
            decisions.add(decision);
            spent = decision.spent();
            current = options.get(taken);
            runners.get(current).go();
        }
        runners.forEach(runner -> assertThat(runner.failure).hasValue(null));
        return decisions;
    }

    @Override
    public void close() {
        pool.shutdownNow();
    }

    /** One of the threads. */
    private static final class Runner implements Runnable {
        private final Runnable body;
        private final Semaphore turn = new Semaphore(0);
        private final Semaphore back;
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        private volatile boolean over;

        Runner(Runnable body, Semaphore back) {
            this.body = body;
            this.back = back;
        }

        /** Lets it run until it pauses or ends. */
        void go() {
            turn.release();
            try {
                assertThat(back.tryAcquire(1, TimeUnit.MINUTES))
                        .as("it goes on")
                        .isTrue();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        void pause() {
            back.release();
            turn.acquireUninterruptibly();
        }

        @Override
        public void run() {
            turn.acquireUninterruptibly();
            CURRENT.set(this);
            try {
                body.run();
            } catch (Throwable e) {
                failure.set(e);
            } finally {
                CURRENT.remove();
                over = true;
                back.release();
            }
        }
    }
}
