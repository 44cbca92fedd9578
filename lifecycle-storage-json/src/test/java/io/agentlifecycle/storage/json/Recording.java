package io.agentlifecycle.storage.json;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjIntConsumer;

/**
 * All that was done to a disk, one change after the other, and when someone was told that something is durable. It can
 * be played again up to each change, to see what a loss of power right there may leave.
 */
final class Recording {
    /** A change that can be made again, to another copy of the same disk. */
    interface Redo {
        void on(MemoryDisk disk) throws IOException;
    }

    private record Change(String what, Redo redo) {}

    /** Before the change of that number someone was told that all up to {@code durable} is durable. */
    private record Promise(int changes, long durable) {}

    private final MemoryDisk start;
    private final List<Change> changes = new ArrayList<>();
    private final List<Promise> promises = new ArrayList<>();

    Recording(MemoryDisk start) {
        this.start = start.copy();
    }

    synchronized void add(String what, Redo redo) {
        changes.add(new Change(what, redo));
    }

    /** From now on everything up to there may not be lost. What it counts is the caller's affair. */
    synchronized void promise(long durable) {
        promises.add(new Promise(changes.size(), durable));
    }

    synchronized int size() {
        return changes.size();
    }

    /** The most that was promised before the change of that number was made. */
    synchronized long promised(int number) {
        return promises.stream()
                .filter(promise -> promise.changes() <= number)
                .mapToLong(Promise::durable)
                .max()
                .orElse(0);
    }

    /** What the last change before {@code number} was. */
    synchronized String before(int number) {
        return number == 0 ? "nothing" : changes.get(number - 1).what();
    }

    /** How many changes begin like that. */
    synchronized long count(String what) {
        return changes.stream().filter(change -> change.what().startsWith(what)).count();
    }

    /** Shows the disk before the first change and after each one from {@code from} up to and without {@code to}. */
    void play(int from, int to, ObjIntConsumer<MemoryDisk> look) {
        MemoryDisk disk = start.copy();
        for (int i = 0; i < to; i++) {
            if (i >= from) {
                look.accept(disk, i);
            }
            if (i < changes.size()) {
                try {
                    changes.get(i).redo().on(disk);
                } catch (IOException e) {
                    throw new AssertionError(
                            "it worked the first time: " + changes.get(i).what(), e);
                }
            }
        }
    }
}
