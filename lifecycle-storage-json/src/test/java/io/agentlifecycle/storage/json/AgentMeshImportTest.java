package io.agentlifecycle.storage.json;

import static io.agentlifecycle.storage.json.AgentMeshFiles.agent;
import static io.agentlifecycle.storage.json.AgentMeshFiles.agents;
import static io.agentlifecycle.storage.json.AgentMeshFiles.array;
import static io.agentlifecycle.storage.json.AgentMeshFiles.id;
import static io.agentlifecycle.storage.json.AgentMeshFiles.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.agentlifecycle.core.CredentialRotator;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.error.LifecycleException;
import io.agentlifecycle.core.error.PolicyViolationException;
import io.agentlifecycle.core.error.StoreException;
import io.agentlifecycle.core.error.StoreFullException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.storage.json.AgentMeshReport.Finding;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AgentMeshImportTest {
    private static final Actor ADMIN = Actor.human("admin@company.com");
    private static final AgentId ONE = AgentId.of(id(1));

    @TempDir
    Path directory;

    private final MutableClock clock = MutableClock.at("2026-04-12T00:00:00Z");
    private LifecycleManager manager = manager(LifecycleStore.inMemory());

    @AfterEach
    void everything_verifies() {
        manager.verify();
        manager.close();
    }

    private LifecycleManager manager(LifecycleStore store) {
        return LifecycleManager.builder().store(store).clock(clock).build();
    }

    // ---- what is taken over

    @Test
    void an_agent_keeps_what_it_is_and_its_trail_says_where_it_comes_from() throws Exception {
        Path file = write(directory, List.of(agent(id(1), "active", "alice@company.com")));

        AgentMeshReport report = FleetFiles.importAgentMesh(manager, file, ADMIN);

        assertThat(report.imported()).containsExactly(ONE);
        assertThat(report.present()).isEmpty();
        assertThat(report.rejected()).isEmpty();
        assertThat(report.mapped()).isEmpty();
        Agent agent = manager.get(ONE);
        assertThat(agent.name()).isEqualTo("Code Review Agent");
        assertThat(agent.state()).isEqualTo(AgentState.ACTIVE);
        assertThat(agent.owner()).hasToString("Optional[alice@company.com]");
        assertThat(agent.profile().purpose()).isEqualTo("Automated PR review");
        assertThat(agent.profile().agentType()).isEqualTo("langchain");
        assertThat(agent.profile().tags()).hasSize(2).containsEntry("team", "platform");
        assertThat(agent.activity().createdAt()).isEqualTo(Instant.parse("2026-04-11T04:30:00.654321Z"));
        AuditEvent first = manager.auditTrail(ONE).get(0).event();
        assertThat(first.kind()).isEqualTo(EventKind.AGENT_IMPORTED);
        assertThat(first.actor()).isEqualTo(ADMIN);
        assertThat(first.details().get("source")).contains(Json.of(report.source()));
        assertThat(report.source()).matches("AgentMesh file, SHA-256 [0-9a-f]{64}");
    }

    @Test
    void credentials_and_heartbeats_stay_behind_so_nobody_is_an_orphan_at_once() throws Exception {
        FleetFiles.importAgentMesh(manager, write(directory, List.of(agent(id(1), "active", "alice"))), ADMIN);

        assertThat(manager.get(ONE).credential()).isEmpty();
        assertThat(manager.liveness(ONE)).isEmpty();
        assertThat(manager.sweeper().sweep().outcomes()).isEmpty();

        new CredentialRotator(manager).checkAndRotate();

        assertThat(manager.get(ONE).credential()).isPresent();
    }

    @ParameterizedTest
    @CsvSource({
        "pending_approval, PENDING_APPROVAL",
        "provisioned, PROVISIONED",
        "active, ACTIVE",
        "suspended, SUSPENDED",
        "rotating_credentials, ACTIVE",
        "orphaned, ORPHANED",
        "decommissioned, DECOMMISSIONED"
    })
    void a_state_is_what_it_was(String there, AgentState here) throws Exception {
        FleetFiles.importAgentMesh(manager, write(directory, List.of(agent(id(1), there, "alice"))), ADMIN);

        assertThat(manager.get(ONE).state()).isEqualTo(here);
    }

    @Test
    void a_suspended_agent_is_held_by_the_operator() throws Exception {
        FleetFiles.importAgentMesh(manager, write(directory, List.of(agent(id(1), "suspended", "alice"))), ADMIN);

        assertThat(manager.get(ONE).holds().reasons()).containsExactly(HoldReason.OPERATOR);
        assertThat(manager.resume(ONE, ADMIN).agent().state()).isEqualTo(AgentState.ACTIVE);
    }

    @Test
    void what_agentmesh_says_in_other_words_is_told() throws Exception {
        Path file = write(
                directory,
                List.of(
                        agent(id(0), "rotating_credentials", "alice"),
                        agent(id(1), "active", "  "),
                        agent(id(2), "pending_approval", "alice"),
                        agent(id(3), "active", "team:platform")));

        AgentMeshReport report = FleetFiles.importAgentMesh(manager, file, ADMIN);

        assertThat(report.mapped()).extracting(Finding::pointer).containsExactly("/0/state", "/1/owner", "/2/state");
        assertThat(manager.get(ONE).owner()).isEmpty();
        assertThat(manager.get(AgentId.of(id(3))).owner().orElseThrow().type()).hasToString("TEAM");
    }

    @ParameterizedTest
    @CsvSource({
        "2026-04-11T04:30:00.654321Z, 2026-04-11T04:30:00.654321Z",
        "2026-04-11T04:30:00Z, 2026-04-11T04:30:00Z",
        "2026-04-11T04:30:00.654321+00:00, 2026-04-11T04:30:00.654321Z",
        "2026-04-11T04:30:00+00:00, 2026-04-11T04:30:00Z",
        "2026-04-11T06:30:00+02:00, 2026-04-11T04:30:00Z",
        "2026-04-10T20:30:00.5-08:00, 2026-04-11T04:30:00.500Z",
        "2026-04-11T04:30:00.654321, 2026-04-11T04:30:00.654321Z",
        "2026-04-11T04:30:00, 2026-04-11T04:30:00Z"
    })
    void times_are_read_as_python_writes_them(String there, Instant here) throws Exception {
        String agent = agent(id(1), "active", "alice").replace("2026-04-11T04:30:00.654321Z", there);

        FleetFiles.importAgentMesh(manager, write(directory, List.of(agent)), ADMIN);

        assertThat(manager.get(ONE).activity().createdAt()).isEqualTo(here);
    }

    @Test
    void members_that_agentmesh_fills_in_may_be_missing() throws Exception {
        String bare = "{\"agent_id\":\"a\",\"name\":\"n\",\"owner\":\"o\",\"state\":\"active\","
                + "\"created_at\":\"2026-04-11T04:30:00Z\"}";

        FleetFiles.importAgentMesh(manager, write(directory, List.of(bare)), ADMIN);

        assertThat(manager.get(AgentId.of("a")).profile().agentType()).isEqualTo("autonomous");
    }

    @Test
    void an_import_goes_into_the_tenant_of_its_manager() throws Exception {
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));

        FleetFiles.importAgentMesh(acme, write(directory, agents(3)), ADMIN);

        assertThat(acme.find(ONE)).isPresent();
        assertThat(manager.find(ONE)).isEmpty();
    }

    @Test
    void an_empty_fleet_is_one() throws Exception {
        assertThat(FleetFiles.importAgentMesh(manager, write(directory, List.of()), ADMIN)
                        .imported())
                .isEmpty();
    }

    // ---- what is refused

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`\"agent_id\": \"agent:000000000001\",` | `` | /0 | agent_id is missing",
                "`\"agent_id\": \"agent:000000000001\",` | `\"agent_id\": \"did:web:a%3A1\",` | /0/agent_id | 1-128 of A-Z",
                "`\"agent_id\": \"agent:000000000001\",` | `\"agent_id\": 7,` | /0/agent_id | must be a string",
                "`\"name\": \"Code Review Agent\",` | `` | /0 | name is missing",
                "`\"name\": \"Code Review Agent\",\n  \"owner\"` | `\"name\": \" \", \"owner\"` | /0/name | blank",
                "`\"name\": \"Code Review Agent\",\n  \"owner\"` | `\"name\": \"a\\nb\", \"owner\"` | /0/name | U+000A",
                "`\"name\": \"Code Review Agent\",\n  \"owner\"` | `\"name\": \"\\ud800\", \"owner\"` | /0/name | surrogate",
                "`\"owner\": \"alice\",` | `\"owner\": null,` | /0/owner | must be a string",
                "`\"owner\": \"alice\",` | `\"owner\": \" alice\",` | /0/owner | begin or end with a blank",
                "`\"owner\": \"alice\",` | `` | /0 | owner is missing",
                "`\"purpose\": \"Automated PR review\"` | `\"purpose\": \"a\\u0000b\"` | /0/purpose | U+0000",
                "`\"agent_type\": \"langchain\"` | `\"agent_type\": \"\"` | /0/agent_type | blank",
                "`\"state\": \"active\"` | `\"state\": \"ACTIVE\"` | /0/state | there is no state",
                "`\"state\": \"active\"` | `\"state\": \"decommissioning\"` | /0/state | set suspended and decommission it here",
                "`\"state\": \"active\"` | `\"state\": true` | /0/state | must be a string",
                "`\"credential_id\": \"cred:0123456789abcdef\"` | `\"credential_id\": []` | /0/credential_id | must be a string",
                "`12T04:32:00.123456Z` | `32T04:32:00Z` | /0/credential_expires_at | there is no such time",
                "`\"heartbeat_count\": 1` | `\"heartbeat_count\": -1` | /0/heartbeat_count | integer",
                "`\"heartbeat_count\": 1` | `\"heartbeat_count\": 1.0` | /0/heartbeat_count | integer",
                "`\"heartbeat_count\": 1` | `\"heartbeat_count\": 1e3` | /0/heartbeat_count | integer",
                "`\"heartbeat_count\": 1` | `\"heartbeat_count\": 9999999999999999999` | /0/heartbeat_count | integer",
                "`\"created_at\": \"2026-04-11T04:30:00.654321Z\"` | `\"created_at\": \"11 April\"` | /0/created_at | like 2026",
                "`\"created_at\": \"2026-04-11T04:30:00.654321Z\"` | `\"created_at\": null` | /0/created_at | a string",
                "`\"updated_at\": \"2026-04-11T04:40:00Z\"` | `\"updated_at\": \"2026-04-11\"` | /0/updated_at | like 2026",
                "`\"decommissioned_at\": null` | `\"decommissioned_at\": 0` | /0/decommissioned_at | must be a string",
                "`\"team\": \"platform\"` | `\"te~a/m\": \"platform\"` | /0/tags/te~0a~1m | tag must be",
                "`\"team\": \"platform\"` | `\"team\": null` | /0/tags/team | must be a string",
                "`\"tags\": {` | `\"tags\": [], \"more\": {` | /0/more | no such member",
                "`\"events\": [` | `\"events\": {}, \"more\": [` | /0/events | must be an array",
                "`\"event_type\": \"requested\"` | `\"kind\": \"requested\"` | /0/events/0/kind | no such member",
                "`\"events\": [` | `\"events\": [7,` | /0/events/0 | must be an object"
            })
    void every_rejected_element_is_named_with_its_place(String before, String after, String pointer, String reason)
            throws Exception {
        String good = agent(id(1), "active", "alice");
        String bad = good.replace(before, after);
        assertThat(bad).isNotEqualTo(good);
        Path file = write(directory, List.of(bad, agent(id(2), "active", "bob")));

        assertThat(FleetFiles.checkAgentMesh(manager, file).rejected())
                .anySatisfy(finding -> assertThat(finding.pointer()).isEqualTo(pointer))
                .anySatisfy(finding -> assertThat(finding.text()).contains(reason))
                .allSatisfy(finding -> assertThat(finding.pointer()).startsWith("/0"));
        assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, file, ADMIN))
                .isInstanceOf(PolicyViolationException.class)
                .hasMessageContaining(pointer + ": ");
        assertThat(manager.query(AgentQuery.all())).isEmpty();
    }

    @Test
    void all_that_is_wrong_is_told_at_once_and_the_exception_names_the_first() throws Exception {
        List<String> bad = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            bad.add(agent(id(i), "active", "alice")
                    .replace("\"state\": \"active\"", "\"state\": \"gone\"")
                    .replace("\"team\"", "\"\""));
        }
        Path file = write(directory, bad);

        assertThat(FleetFiles.checkAgentMesh(manager, file).rejected()).hasSize(20);
        var refused = catchThrowableOfType(
                PolicyViolationException.class, () -> FleetFiles.importAgentMesh(manager, file, ADMIN));
        assertThat(refused.rule()).isEqualTo("import-rejected");
        assertThat(refused).hasMessageContaining("20 findings: /0/state: there is no state \"gone\"; /0/tags/: tag");
        assertThat(refused).hasMessageContaining("and 15 more; checkAgentMesh(..) lists them all");
    }

    @Test
    void rejected_agents_are_left_behind_if_the_caller_says_so() throws Exception {
        List<String> fleet = agents(6);
        fleet.set(2, fleet.get(2).replace("\"state\": \"suspended\"", "\"state\": \"decommissioning\""));
        fleet.set(4, "null");

        AgentMeshReport report =
                FleetFiles.importAgentMesh(manager, write(directory, fleet), ADMIN, FleetFiles.OnRejected.LEAVE_BEHIND);

        assertThat(report.imported()).hasSize(4);
        assertThat(report.rejected()).extracting(Finding::pointer).containsExactly("/2/state", "/4");
        assertThat(manager.summary().total()).isEqualTo(4);
    }

    @Test
    void two_agents_of_one_id_are_both_rejected() throws Exception {
        List<String> fleet = List.of(
                agent(id(1), "active", "alice"), agent(id(2), "active", "bob"), agent(id(1), "suspended", "carol"));

        AgentMeshReport report = FleetFiles.checkAgentMesh(manager, write(directory, fleet));

        assertThat(report.rejected())
                .extracting(Finding::toString)
                .containsExactly("/0/agent_id: agent /2 has the same id", "/2/agent_id: agent /0 has the same id");
        assertThat(report.imported()).containsExactly(AgentId.of(id(2)));
    }

    @Test
    void an_id_that_another_agent_has_is_rejected() throws Exception {
        manager.requestProvisioning(
                ProvisioningRequest.builder("Mine").id(ONE).owner("alice").build());

        assertThat(FleetFiles.checkAgentMesh(manager, write(directory, agents(3)))
                        .rejected())
                .containsExactly(new Finding("/1/agent_id", "the id is taken by another agent"));
    }

    @Test
    void an_agent_that_is_too_large_for_an_event_is_found_before_anything_is_stored() throws Exception {
        StringBuilder tags = new StringBuilder("\"team\": \"platform\"");
        for (int i = 0; i < 62; i++) {
            tags.append(",\"")
                    .append("k".repeat(62))
                    .append(i + 10)
                    .append("\":\"")
                    .append("\u20ac".repeat(256))
                    .append('"');
        }
        List<String> fleet = agents(700);
        fleet.set(
                650,
                fleet.get(650)
                        .replace("\"team\": \"platform\"", tags)
                        .replace("Automated PR review", "\u20ac".repeat(4_096))
                        .replace("Code Review Agent", "\u20ac".repeat(256))
                        .replaceAll("owner\\d@company.com", "\u20ac".repeat(256)));

        AgentMeshReport report = FleetFiles.checkAgentMesh(manager, write(directory, fleet));

        assertThat(report.rejected()).extracting(Finding::pointer).containsExactly("/650");
        assertThat(report.rejected().get(0).text()).contains("event-size");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "{}",
                "null",
                "7",
                "[",
                "[{",
                "[{]",
                "[{}",
                "[{},]",
                "[] []",
                "[]x",
                "[NaN]",
                "[{\"agent_id\": NaN}]",
                "[{\"heartbeat_count\": Infinity}]",
                "[{\"agent_id\": 'a'}]",
                "[{\"agent_id\": \"a\", \"agent_id\": \"b\"}]",
                "[{\"events\": [{\"details\": {\"a\": 1, \"a\": 1}}]}]",
                "[{\"name\": \"a\nb\"}]",
                "[/* */]",
                "\uFEFF[]"
            })
    void what_is_no_array_of_agents_is_refused_as_a_whole(String text) throws Exception {
        Path file = Files.writeString(directory.resolve("lifecycle.json"), text);

        for (FleetFiles.OnRejected onRejected : FleetFiles.OnRejected.values()) {
            assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, file, ADMIN, onRejected))
                    .isInstanceOf(PolicyViolationException.class)
                    .hasMessageContaining("1 findings: ");
        }
        assertThat(FleetFiles.checkAgentMesh(manager, file).rejected()).hasSize(1);
    }

    @Test
    void a_duplicate_member_is_named_with_its_place() throws Exception {
        Path file = Files.writeString(
                directory.resolve("lifecycle.json"), "[{},\n {\"events\": [{\"actor\": \"a\",\n \"actor\": \"b\"}]}]");

        assertThat(FleetFiles.checkAgentMesh(manager, file).rejected().get(0).toString())
                .startsWith("/1/events/0")
                .contains("line 3, column ")
                .contains("actor");
    }

    @Test
    void nesting_strings_and_bytes_have_limits() throws Exception {
        Path file = directory.resolve("lifecycle.json");
        for (String text : List.of(
                "[" + "[".repeat(100_000),
                "[{\"a\":".repeat(100_000),
                "[{\"name\":\"" + "n".repeat(300_000) + "\"}]",
                "[{\"" + "n".repeat(1_000) + "\":1}]",
                "[{\"heartbeat_count\":" + "9".repeat(100_000) + "}]")) {
            Files.writeString(file, text);
            assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, file, ADMIN))
                    .isInstanceOf(PolicyViolationException.class);
        }
        byte[] large = new byte[FleetFiles.MAX_AGENT_MESH_BYTES + 1];
        Arrays.fill(large, (byte) ' ');
        Files.write(file, large);
        assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, file, ADMIN))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("more than the limit of 67108864 bytes");
    }

    @Test
    void agents_are_counted() throws Exception {
        String many = "[" + "0,".repeat(FleetFiles.MAX_AGENT_MESH_AGENTS) + "0]";
        Path file = Files.writeString(directory.resolve("lifecycle.json"), many);

        assertThat(FleetFiles.checkAgentMesh(manager, file).rejected())
                .containsExactly(new Finding("/100000", "it has more than the limit of 100000 agents; split it"));
    }

    @Test
    void bytes_that_are_no_utf8_are_refused() throws Exception {
        Path file = directory.resolve("lifecycle.json");
        Files.write(file, array(agents(1)).getBytes(StandardCharsets.UTF_16));

        assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, file, ADMIN))
                .hasMessageContaining("it is not UTF-8");
    }

    @Test
    void a_byte_order_mark_is_named() throws Exception {
        Path file = Files.writeString(directory.resolve("lifecycle.json"), "\uFEFF" + array(agents(1)));

        assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, file, ADMIN))
                .hasMessageContaining("it begins with a byte order mark");
    }

    @Test
    void a_file_that_is_not_there_and_a_tilde_are_told_apart() {
        assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, directory.resolve("none.json"), ADMIN))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("cannot be read");
        assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, Path.of("~", "lifecycle.json"), ADMIN))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("~, which only a shell replaces");
    }

    // ---- large fleets, and stores that fail

    @ParameterizedTest
    @ValueSource(ints = {500, 1_700})
    void a_fleet_of_any_size_is_taken_in_and_survives(int size) throws Exception {
        Path file = write(directory, agents(size));
        Path store = directory.resolve("store");
        try (LifecycleManager durable =
                LifecycleManager.builder().storage(store).clock(clock).build()) {
            assertThat(FleetFiles.importAgentMesh(durable, file, ADMIN).imported())
                    .hasSize(size);
        }
        try (LifecycleManager again =
                LifecycleManager.builder().storage(store).clock(clock).build()) {
            assertThat(again.summary().total()).isEqualTo(size);
            assertThat(again.get(AgentId.of(id(size - 1))).name()).isEqualTo("Code Review Agent");
            assertThat(again.verify().agents()).isEqualTo(size);
        }
    }

    @Test
    void agents_with_long_texts_go_into_smaller_parts() throws Exception {
        List<String> fleet = agents(600).stream()
                .map(agent -> agent.replace("Automated PR review", "\u20ac".repeat(4_000)))
                .toList();
        Path file = write(directory, fleet);
        try (LifecycleManager durable = LifecycleManager.builder()
                .storage(directory.resolve("store"))
                .clock(clock)
                .build()) {
            assertThat(FleetFiles.importAgentMesh(durable, file, ADMIN).imported())
                    .hasSize(600);
            assertThat(durable.verify().agents()).isEqualTo(600);
        }
    }

    @Test
    void a_store_with_smaller_commits_gets_smaller_parts() throws Exception {
        var store = new ForwardingStore(LifecycleStore.inMemory()) {
            @Override
            public StoreDescriptor describe() {
                StoreDescriptor full = super.describe();
                return new StoreDescriptor(
                        full.storeId(),
                        full.format(),
                        full.durability(),
                        100,
                        full.clockHighWater(),
                        full.openReport());
            }
        };
        manager.close();
        manager = manager(store);

        FleetFiles.importAgentMesh(manager, write(directory, agents(500)), ADMIN);

        assertThat(manager.summary().total()).isEqualTo(500);
    }

    @Test
    void a_store_that_fails_between_two_parts_keeps_the_first_and_the_same_import_brings_the_rest() throws Exception {
        var imports = new AtomicInteger();
        var store = new ForwardingStore(LifecycleStore.inMemory()) {
            @Override
            public CommitResult commit(Commit commit) {
                boolean part = commit.mutations().size() > 100;
                return part && imports.incrementAndGet() == 3
                        ? new CommitResult.Rejected(CommitResult.Reason.FULL, "no room")
                        : super.commit(commit);
            }
        };
        manager.close();
        manager = manager(store);
        Path file = write(directory, agents(1_700));

        assertThatThrownBy(() -> FleetFiles.importAgentMesh(manager, file, ADMIN))
                .isInstanceOf(StoreFullException.class);
        assertThat(manager.summary().total()).isEqualTo(1_000);
        manager.verify();
        manager.changeOwner(ONE, "bob@company.com", ADMIN); // life goes on meanwhile

        AgentMeshReport rest = FleetFiles.importAgentMesh(manager, file, ADMIN);

        assertThat(rest.present()).hasSize(1_000);
        assertThat(rest.imported()).hasSize(700);
        assertThat(manager.summary().total()).isEqualTo(1_700);
        assertThat(manager.get(ONE).owner()).hasToString("Optional[bob@company.com]");
        assertThat(manager.auditTrail(ONE)).hasSize(2);
        assertThat(FleetFiles.importAgentMesh(manager, file, ADMIN).imported()).isEmpty();
    }

    // ---- anything at all

    @Test
    void a_file_with_a_few_changed_bytes_is_imported_or_refused_and_nothing_else_happens() throws Exception {
        byte[] good = array(agents(2)).getBytes(StandardCharsets.UTF_8);
        Random random = new Random(5);
        byte[] marks = "{}[]\",:\\0-\n\u0000".getBytes(StandardCharsets.UTF_8);
        Path file = directory.resolve("lifecycle.json");
        int refused = 0;
        for (int i = 0; i < 1_500; i++) {
            byte[] bytes = good.clone();
            for (int changes = random.nextInt(4); changes >= 0; changes--) {
                bytes[random.nextInt(bytes.length)] =
                        random.nextBoolean() ? marks[random.nextInt(marks.length)] : (byte) random.nextInt(256);
            }
            Files.write(file, random.nextInt(5) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes);
            try (LifecycleManager target = LifecycleManager.builder()
                    .policy(LifecyclePolicy.defaults())
                    .clock(clock)
                    .build()) {
                try {
                    assertThat(FleetFiles.importAgentMesh(target, file, ADMIN).imported())
                            .hasSize(2);
                } catch (LifecycleException e) {
                    assertThat(e).isInstanceOf(PolicyViolationException.class);
                    assertThat(target.summary().total()).isZero();
                    refused++;
                }
            }
        }
        assertThat(refused).isBetween(750, 1_499);
    }
}
