package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.SweepReport;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.StoredRecord;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/** Another process that uses a store. */
final class Child {
    static final Actor OPERATOR = Actor.human("ann");

    private Child() {}

    static Process start(String what, Path directory, String... more) throws IOException {
        return new ProcessBuilder(command(what, directory, more))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    static List<String> command(String what, Path directory, String... more) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "-Xshare:auto",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName(),
                what,
                directory.toString()));
        command.addAll(List.of(more));
        return command;
    }

    static BufferedReader output(Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
    }

    /**
     * A manager whose clock runs a thousand times as fast from {@code begin} on, so that a sweep finds credentials to
     * renew all the time. A silent agent is nothing to it.
     */
    static LifecycleManager manager(JsonStore store, Instant begin) {
        return LifecycleManager.builder()
                .store(store)
                .credentialSink((agent, credential) -> {})
                .clock(() -> begin.plus(Duration.between(begin, Instant.now()).multipliedBy(1_000)))
                .policy(LifecyclePolicy.builder()
                        .requireApproval(false)
                        .heartbeatInterval(Duration.ofDays(1_000))
                        .orphanThreshold(Duration.ofDays(20_000))
                        .maxInactive(Duration.ofDays(30_000))
                        .credentialPolicy(CredentialPolicy.DEFAULT
                                .withRotationOverlap(Duration.ofSeconds(10))
                                .withMaxCredentialTtl(Duration.ofMinutes(1)))
                        .build())
                .build();
    }

    /**
     * {@code script LIMITS COUNT}: stores that many records and says what became of each. {@code serve}: does what it reads, line by line, see {@link Served}. {@code write}: changes four agents on four
     * threads, for ever, once it got a byte.
     */
    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[1]);
        var out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        if (args[0].equals("serve")) {
            serve(directory, out);
        } else if (args[0].equals("script")) {
            script(directory, args[2].equals("busy") ? Sample.BUSY : Sample.QUIET, Integer.parseInt(args[3]), out);
        } else {
            write(directory, Instant.parse(args[2]), out);
        }
    }

    private static void write(Path directory, Instant begin, PrintStream out) throws IOException {
        // much is loaded before the word is given
        try (LifecycleManager warm = LifecycleManager.builder().build()) {
            provision(warm, AgentId.of("agent:warm"));
        }
        System.in.read();
        out.println("opening");
        LifecycleManager manager = manager(JsonStore.open(directory, new FileIo(), Sample.BUSY), begin);
        out.println("open");
        var turns = new Semaphore(0);
        for (int i = 0; i < 4; i++) {
            var id = AgentId.of("agent:" + i);
            new Thread(() -> write(manager, id, turns, out)).start();
        }
        new Thread(() -> sweep(manager, turns, out)).start();
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

    /** One record and one event of two thousand bytes; every commit is possible whatever became of those before. */
    static Commit scripted(int number) {
        String id = "agent:" + number;
        StoredRecord record = Sample.record(Sample.key(id), 1, "{\"note\":\"" + "x".repeat(1_500) + "\"}");
        return Sample.commit("r-" + id, List.of(new Mutation.Put(record)), List.of(Sample.event(id, 0)));
    }

    private static void script(Path directory, Limits limits, int count, PrintStream out) {
        try (JsonStore store = JsonStore.open(directory, new FileIo(), limits)) {
            out.println("open");
            Sample.Content before = Sample.content(store);
            List<Commit> applied = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                CommitResult result = store.commit(scripted(i));
                if (result instanceof CommitResult.Applied) {
                    applied.add(scripted(i));
                }
                out.println(
                        result instanceof CommitResult.Rejected rejected
                                ? rejected.reason().name()
                                : result.getClass().getSimpleName());
            }
            Sample.Content expected = Sample.content(applied);
            out.println(expected.equals(Sample.minus(Sample.content(store), before)) ? "as applied" : "not as applied");
        } catch (StoreException e) {
            out.println("refused " + e.getMessage());
        }
        out.println("closed");
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
    private static void write(LifecycleManager manager, AgentId id, Semaphore turns, PrintStream out) {
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
            turns.release();
        }
    }

    /** The same of each change by a sweep. */
    private static void sweep(LifecycleManager manager, Semaphore turns, PrintStream out) {
        while (true) {
            turns.acquireUninterruptibly();
            turns.drainPermits();
            for (SweepReport.Outcome outcome : manager.sweeper().sweep().with(SweepReport.Result.DONE)) {
                AgentId id = outcome.agent().id();
                out.println(id + " " + manager.get(id).version() + " swept");
            }
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
