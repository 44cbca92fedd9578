package io.agentlifecycle.examples;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FleetImportTest {
    @Test
    void a_fleet_is_imported_swept_and_its_orphans_insisted_on() throws Exception {
        assertThat(Captured.outputOf(() -> FleetImport.main(new String[0])))
                .containsSubsequence(
                        "All or nothing: refused",
                        "left behind, /77/agent_id: ",
                        "left behind, /78/state: ",
                        "left behind, /79/state: ",
                        "Imported: 497 agents; 39 values",
                        "From: AgentMesh file, SHA-256 ",
                        "New credentials: 397",
                        "looked at 397 agents: {MARK_ORPHANED HELD_BACK=160}",
                        "no orphans of tenant [default]",
                        "{[NEVER_HEARD]=40, [NO_OWNER]=9, [SILENT]=120}",
                        "Insisted: {MARK_ORPHANED DONE=160}",
                        "ACTIVE=237, SUSPENDED=30, ORPHANED=170, DECOMMISSIONED=40",
                        "Log verified: Verification[events=1412, streams=498, agents=497, ")
                .doesNotContainPattern("cred:[0-9a-f]{32}\\.");
    }
}
