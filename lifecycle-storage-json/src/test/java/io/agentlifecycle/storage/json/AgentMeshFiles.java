package io.agentlifecycle.storage.json;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Files as AgentMesh writes them: an indented array, times as pydantic has them. */
final class AgentMeshFiles {
    private AgentMeshFiles() {}

    /** An agent with all members that AgentMesh writes, one a line, so that tests can replace one. */
    static String agent(String id, String state, String owner) {
        String heard = state.equals("active") ? "\"2026-04-11T04:40:00.000200Z\"" : "null";
        return """
              {
                "agent_id": "%s",
                "name": "Code Review Agent",
                "owner": "%s",
                "purpose": "Automated PR review",
                "agent_type": "langchain",
                "state": "%s",
                "credential_id": "cred:0123456789abcdef",
                "credential_issued_at": "2026-04-11T04:32:00.123456Z",
                "credential_expires_at": "2026-04-12T04:32:00.123456Z",
                "last_heartbeat": %s,
                "heartbeat_count": 1,
                "created_at": "2026-04-11T04:30:00.654321Z",
                "updated_at": "2026-04-11T04:40:00Z",
                "decommissioned_at": null,
                "tags": {
                  "team": "platform",
                  "env": "production"
                },
                "events": [
                  {
                    "event_type": "requested",
                    "agent_id": "%s",
                    "timestamp": "2026-04-11T04:30:00.654400Z",
                    "actor": "alice@company.com",
                    "details": {
                      "name": "Code Review Agent",
                      "score": 0.5
                    },
                    "previous_state": null,
                    "new_state": "pending_approval"
                  }
                ]
              }""".formatted(id, owner, state, heard, id);
    }

    /** So many agents of all states that can be imported. */
    static List<String> agents(int count) {
        List<String> states = List.of("active", "active", "suspended", "orphaned", "decommissioned", "provisioned");
        List<String> agents = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            agents.add(agent(id(i), states.get(i % states.size()), "owner" + i % 7 + "@company.com"));
        }
        return agents;
    }

    static String id(int i) {
        return String.format(Locale.ROOT, "agent:%012x", i);
    }

    static String array(List<String> agents) {
        return "[\n" + String.join(",\n", agents) + "\n]";
    }

    static Path write(Path directory, List<String> agents) throws Exception {
        return Files.writeString(directory.resolve("lifecycle.json"), array(agents));
    }
}
