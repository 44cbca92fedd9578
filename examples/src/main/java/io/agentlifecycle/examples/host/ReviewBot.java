package io.agentlifecycle.examples.host;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.error.AccessDeniedException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * An agent that reviews pull requests. It asks the guard before each call of its tool, not once at the beginning: who is
 * suspended in the middle of a review stops in the middle. Safe for use by many threads if its tool is.
 */
public final class ReviewBot {
    private final LifecycleManager manager;
    private final AgentId id;
    private final UnaryOperator<String> tool;

    /**
     * The agent of that id.
     *
     * @param tool takes the name of a file and gives a remark about it
     */
    public ReviewBot(LifecycleManager manager, AgentId id, UnaryOperator<String> tool) {
        this.manager = requireNonNull(manager, "manager");
        this.id = requireNonNull(id, "id");
        this.tool = requireNonNull(tool, "tool");
    }

    /**
     * Remarks about each file.
     *
     * @throws AccessDeniedException as soon as the agent may not act any more
     */
    public List<String> review(List<String> files) {
        List<String> remarks = new ArrayList<>();
        for (String file : files) {
            manager.guard().require(id, Operation.INVOKE);
            remarks.add(tool.apply(file));
        }
        manager.heartbeat(id);
        return remarks;
    }
}
