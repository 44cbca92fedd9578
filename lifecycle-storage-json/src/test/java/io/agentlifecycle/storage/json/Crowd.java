package io.agentlifecycle.storage.json;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;

/** Threads whose progress a test can see. */
final class Crowd {
    private final List<Thread> threads = new ArrayList<>();

    /** Starts {@code task} on a thread of its own. */
    <T> FutureTask<T> start(Callable<T> task) {
        var future = new FutureTask<>(task);
        var thread = new Thread(future, "crowd-" + threads.size());
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
        return future;
    }

    /** Returns once each thread waits to be told something, and not merely for a lock, or has ended. */
    void awaitStandstill() {
        for (Thread thread : threads) {
            while (thread.getState() != Thread.State.TERMINATED
                    && !(LockSupport.getBlocker(thread) instanceof Condition)) {
                Thread.onSpinWait();
            }
        }
    }

    /** What the task gives; fails if it never does. */
    static <T> T get(FutureTask<T> task) throws Exception {
        return task.get(30, TimeUnit.SECONDS);
    }
}
