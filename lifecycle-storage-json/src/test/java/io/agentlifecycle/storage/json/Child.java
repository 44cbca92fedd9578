package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.error.StoreLockedException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

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

    /** {@code hold}: opens the store and waits. {@code write}: changes four agents on four threads, for ever, once it got a byte. */
    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[1]);
        var out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        if (args[0].equals("hold")) {
            try (JsonStore store = JsonStore.open(directory)) {
                out.println("open " + store.describe().storeId());
                System.in.read();
            } catch (StoreLockedException e) {
                System.exit(2);
            }
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
