package io.agentlifecycle.benchmarks;

import java.util.Locale;

/**
 * A ratio that was measured, and the least that the design asks of it.
 *
 * @param value bigger is better
 */
record Figure(String name, double value, double floor) {

    boolean isOk() {
        return value >= floor;
    }

    /** One line for a machine to read. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "figure %s %.3f floor %.3f %s", name, value, floor, isOk() ? "ok" : "short");
    }
}
