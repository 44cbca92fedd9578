package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.StoreException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Another process that uses a store. */
final class Child {
    static final Actor OPERATOR = Actor.human("ann");

    private Child() {}

    static Process start(String what, Path directory) throws IOException {
        return new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xshare:auto",
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        what,
                        directory.toString()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    static BufferedReader output(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
    }

    static LifecycleManager manager(Path directory) {
        return LifecycleManager.builder()
                .storage(directory)
                .policy(LifecyclePolicy.builder().requireApproval(false).build())
                .build();
    }

    /**
     * {@code serve}: does what it reads, line by line, see {@link Served}. {@code write}: changes four agents on four
     * threads, for ever, once it got a byte.
     */
    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[1]);
        var out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        if (args[0].equals("serve")) {
            serve(directory, out);
        } else {
            // everything is loaded before the word is given
            try (LifecycleManager warm = LifecycleManager.builder().build()) {
                provision(warm, AgentId.of("agent:warm"));
            }
            System.in.read();
            LifecycleManager manager = manager(directory);
            for (int i = 0; i < 4; i++) {
                var id = AgentId.of("agent:" + i);
                new Thread(() -> write(manager, id, out)).start();
            }
        }
    }

    private static void serve(Path directory, PrintStream out) throws IOException {
        Optional<JsonStore> store = Optional.empty();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            long begin = System.nanoTime();
            String answer;
            try {
                if (words[0].equals("open")) {
                    store = Optional.of(JsonStore.open(directory));
                    answer = "open";
                } else if (words[0].equals("put")) {
                    answer = store.orElseThrow()
                            .commit(Sample.put(words[1], Long.parseLong(words[2])))
                            .toString();
                } else {
                    store.orElseThrow().close();
                    answer = "closed";
                }
            } catch (StoreException e) {
                answer = e.code() + " " + e.getMessage();
            }
            out.println((System.nanoTime() - begin) / 1_000_000 + " " + answer);
        }
    }

    /** A process that does what it is told. */
    static final class Served implements AutoCloseable {
        private final Process process;
        private final BufferedReader answers;

        Served(Path directory) throws IOException {
            process = start("serve", directory);
            answers = output(process);
        }

        long pid() {
            return process.pid();
        }

        /** {@code open}, {@code put ID VERSION} or {@code close}. */
        Answer tell(String command) throws IOException {
            process.getOutputStream().write((command + "\n").getBytes(StandardCharsets.US_ASCII));
            process.getOutputStream().flush();
            String[] parts = answers.readLine().split(" ", 2);
            return new Answer(Long.parseLong(parts[0]), parts[1]);
        }

        void kill() {
            process.destroyForcibly().onExit().join();
        }

        @Override
        public void close() throws IOException {
            kill();
            answers.close();
        }
    }

    /** What it answered, and how long it took over there. */
    record Answer(long millis, String text) {}

    /** Says of each change that it was acknowledged: the agent and its version. */
    private static void write(LifecycleManager manager, AgentId id, PrintStream out) {
        Agent agent = manager.find(id).orElseGet(() -> provision(manager, id));
        while (true) {
            if (agent.state() == AgentState.ACTIVE) {
                manager.heartbeat(id);
                agent = manager.suspend(id, "by turns", OPERATOR);
            } else if (agent.state() == AgentState.SUSPENDED) {
                agent = manager.resume(id, OPERATOR).agent();
            } else {
                agent = manager.activate(id, OPERATOR).agent();
            }
            out.println(id + " " + agent.version());
        }
    }

    private static Agent provision(LifecycleManager manager, AgentId id) {
        return manager.requestProvisioning(ProvisioningRequest.builder("writer")
                .id(id)
                .owner("ann")
                .requestedBy(OPERATOR)
                .build());
    }
}
