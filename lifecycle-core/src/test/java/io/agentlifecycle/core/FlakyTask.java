package io.agentlifecycle.core;

import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.spi.TeardownTask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/** A teardown task that works when it is told to, and remembers for whom it ran. */
final class FlakyTask implements TeardownTask {
    private final String name;
    private final BooleanSupplier works;
    private final List<Agent> runs = new ArrayList<>();

    FlakyTask(String name, BooleanSupplier works) {
        this.name = name;
        this.works = works;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void run(Agent agent) throws IOException {
        runs.add(agent);
        if (!works.getAsBoolean()) {
            throw new IOException("the password of " + name + " is hunter2");
        }
    }

    List<Agent> runs() {
        return List.copyOf(runs);
    }
}
