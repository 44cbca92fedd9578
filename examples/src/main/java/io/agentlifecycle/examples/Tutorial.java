package io.agentlifecycle.examples;

/** The first steps with the library, from request to retirement. */
public final class Tutorial {
    private Tutorial() {}

    /** Runs the tutorial; takes no arguments. */
    public static void main(String[] args) {
        System.out.println("Agent Lifecycle: the tutorial comes here.");
    }
}
