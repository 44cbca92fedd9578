package io.agentlifecycle.storage.json;

import java.util.Arrays;

/** Places in one file, which is smaller than 2 GiB. Grows as needed. */
final class Offsets {
    private int[] values = new int[2];
    private int size;

    void add(long offset) {
        if (size == values.length) {
            values = Arrays.copyOf(values, size * 2);
        }
        values[size++] = Math.toIntExact(offset);
    }

    int size() {
        return size;
    }

    int get(int position) {
        return values[position];
    }
}
