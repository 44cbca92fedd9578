package io.agentlifecycle.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;

/** What an example prints. Tests of one module run one after the other, so nobody else prints meanwhile. */
final class Captured {
    private Captured() {}

    /** A main, or something like it. */
    @FunctionalInterface
    interface Example {
        void run() throws Exception;
    }

    static String outputOf(Example example) throws Exception {
        PrintStream before = System.out;
        var bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, UTF_8));
        try {
            example.run();
        } finally {
            System.setOut(before);
        }
        return bytes.toString(UTF_8).replace(System.lineSeparator(), "\n");
    }
}
