package io.agentlifecycle.core;

import io.agentlifecycle.core.Plan.Decision;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.Command;
import io.agentlifecycle.core.agent.FinalReport;
import io.agentlifecycle.core.agent.Retirement;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** How agents leave: pure functions, as in {@link Rules}. */
record RetirementRules(Rules rules) {
    /** Retirement begins; without teardown tasks it ends in the same breath. */
    Decision decommission(Command command, Retirement.Cause cause, String reason, Actor actor) {
        Text.prose("reason", reason, 1024);
        return (agent, now) -> {
            Json.Obj details = Json.object()
                    .put("cause", cause.wire())
                    .put("reason", reason)
                    .put("tasks", Json.of(rules.tasks()))
                    .build();
            var started = rules.event(EventKind.AGENT_DECOMMISSION_STARTED, actor, agent, command, details);
            Agent leaving = agent.in(AgentState.DECOMMISSIONING);
            List<EventContent> events = new ArrayList<>(List.of(started));
            if (rules.policyFor(agent).credentialPolicy().revokeOnDecommission()) {
                CredentialRules.revoked(leaving, "decommissioned", actor).ifPresent(events::add);
            }
            return rules.tasks().isEmpty() ? Plan.of(events).ending() : Plan.of(events);
        };
    }

    Decision taskDone(String task) {
        return (agent, now) -> pending(agent, task)
                ? Plan.of(rules.event(
                        EventKind.TEARDOWN_TASK_DONE,
                        Actor.SYSTEM,
                        agent,
                        Command.RETRY_TEARDOWN,
                        Json.object().put("task", task).build()))
                : Plan.NOTHING;
    }

    /** One round of teardown in which tasks failed: they are tried again, later each time. */
    Decision tasksFailed(Map<String, String> errorsByTask) {
        return (agent, now) -> {
            int attempt = agent.retirement().map(Retirement::failedAttempts).orElse(0) + 1;
            String retryAt = now.plus(Rules.backOff(attempt)).toString();
            List<EventContent> events = new ArrayList<>();
            errorsByTask.forEach((task, error) -> {
                if (pending(agent, task)) {
                    events.add(rules.event(
                            EventKind.TEARDOWN_TASK_FAILED,
                            Actor.SYSTEM,
                            agent,
                            Command.RETRY_TEARDOWN,
                            Json.object()
                                    .put("task", task)
                                    .put("attempt", attempt)
                                    .put("error", error)
                                    .put("retryAt", retryAt)
                                    .build()));
                }
            });
            if (!events.isEmpty() && attempt == Rules.STUCK) {
                events.add(Rules.stuckEvent(agent, SweepAction.RETRY_TEARDOWN, attempt, "teardown tasks keep failing"));
            }
            return Plan.of(events);
        };
    }

    private static boolean pending(Agent agent, String task) {
        return agent.retirement()
                .filter(r -> r.endedAt().isEmpty() && r.pendingTasks().contains(task))
                .isPresent();
    }

    Decision completeTeardown() {
        return (agent, now) -> agent.retirement()
                        .filter(r -> r.endedAt().isEmpty() && r.pendingTasks().isEmpty())
                        .isPresent()
                ? Plan.NOTHING.ending()
                : Plan.NOTHING;
    }

    /** The event that ends a retirement. */
    EventContent decommissioned(Agent agent, FinalReport report) {
        Json.Obj details = Json.object().put("report", ReportJson.write(report)).build();
        return rules.event(EventKind.AGENT_DECOMMISSIONED, Actor.SYSTEM, agent, Command.COMPLETE_TEARDOWN, details);
    }
}
