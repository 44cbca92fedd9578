package io.agentlifecycle.core;

import static io.agentlifecycle.core.Workshop.ADMIN;
import static io.agentlifecycle.core.Workshop.request;
import static io.agentlifecycle.core.Workshop.time;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Owner;
import io.agentlifecycle.core.access.Role;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.agent.AgentState;
import io.agentlifecycle.core.agent.TransitionTable;
import io.agentlifecycle.core.approval.Ballot;
import io.agentlifecycle.core.approval.Stage;
import io.agentlifecycle.core.audit.AuditEvent;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventContent;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFormatException;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.audit.PolicyRef;
import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.budget.Limits;
import io.agentlifecycle.core.budget.RateLimit;
import io.agentlifecycle.core.credential.CredentialPolicy;
import io.agentlifecycle.core.error.AccessDeniedException;
import io.agentlifecycle.core.hold.HoldReason;
import io.agentlifecycle.core.hold.HoldTerms;
import io.agentlifecycle.core.hold.KillScope;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import io.agentlifecycle.core.quarantine.Incident;
import io.agentlifecycle.core.quarantine.Severity;
import io.agentlifecycle.core.spi.CheckpointLog;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** One story in which everything happens that can, and {@code docs/audit-format.md}, which tells of it. */
class EventKindsTest {
    private static final Path FORMAT = Path.of("..", "docs", "audit-format.md");
    private static final String DIGEST = Digests.sha256("a manifest");
    private static final TestSealer AGENT_KEY = new TestSealer();

    /** All that can happen to a store. */
    private static final OpenReport REPORT = new OpenReport(
            17,
            Optional.of(DIGEST),
            true,
            Optional.of(1),
            List.of(new OpenReport.Repair(9, 100, DIGEST, "ann", "a bad disk")));

    private static final LifecyclePolicy FIRST = LifecyclePolicy.builder()
            .approvalTimeout(Duration.ofHours(2))
            .approvalWarning(Duration.ofHours(1))
            .credentialPolicy(CredentialPolicy.DEFAULT.withAutoRotate(false))
            .build();
    private static final LifecyclePolicy SECOND = LifecyclePolicy.builder()
            .version(2)
            .approvalTimeout(Duration.ofHours(2))
            .build();

    @RegisterExtension
    final Workshop shop = new Workshop();

    private final AgentId id = AgentId.of("agent:story");
    private boolean taskWorks;

    @Test
    void every_kind_is_written_on_some_path_with_the_keys_of_its_table() {
        Map<EventKind, Set<String>> seen = new EnumMap<>(EventKind.class);
        List<SealedEvent> all = new ArrayList<>(story());
        all.addAll(storyOfKeys());
        for (SealedEvent sealedEvent : all) {
            AuditEvent event = sealedEvent.event();
            Set<String> keys = event.details().members().keySet();
            assertThat(keys)
                    .as(event.kind().wire())
                    .containsAll(event.kind().requiredDetails())
                    .isSubsetOf(
                            union(event.kind().requiredDetails(), event.kind().optionalDetails()));
            seen.computeIfAbsent(event.kind(), kind -> new TreeSet<>()).addAll(keys);
        }

        assertThat(seen.keySet()).as("kinds that were written").containsExactly(EventKind.values());
        seen.forEach((kind, keys) -> assertThat(keys)
                .as("keys of %s that were written, the optional ones included", kind)
                .containsExactlyInAnyOrderElementsOf(union(kind.requiredDetails(), kind.optionalDetails())));
    }

    @Test
    void each_event_begins_where_the_one_before_it_ended() {
        Map<String, SealedEvent> last = new HashMap<>();
        Set<UUID> ids = new HashSet<>();
        Set<PolicyRef> policies = new HashSet<>();
        for (SealedEvent sealedEvent : story()) {
            AuditEvent event = sealedEvent.event();
            String stream = event.position().stream();
            SealedEvent before = last.put(stream, sealedEvent);
            assertThat(ids.add(event.id())).as("a new id").isTrue();
            assertThat(event.id().version()).isEqualTo(7);
            assertThat(event.id().variant()).isEqualTo(2);
            assertThat(event.id().getMostSignificantBits() >>> 16)
                    .isEqualTo(event.at().toEpochMilli());
            assertThat(event.log()).startsWith("agentlifecycle.local/");
            assertThat(event.actor().id()).isNotBlank();
            policies.add(event.content().policy().orElseThrow());
            if (before == null) {
                assertThat(event.position().n()).isZero();
                assertThat(event.position().prev()).isEqualTo(Digests.sha256(""));
                assertThat(event.from()).isEmpty();
            } else {
                assertThat(event.position()).isEqualTo(before.next());
                assertThat(event.at()).isAfterOrEqualTo(before.event().at());
                assertThat(event.from()).isEqualTo(before.event().to());
            }
            assertThat(event.to().isPresent()).isEqualTo(stream.startsWith("a/"));
            assertMayStep(event);
            assertThat(sealedEvent.canonical()).contains("\"ts\":\"" + event.at() + "\"");
            assertThat(event.at().toString()).endsWith("Z");
        }
        assertThat(policies).containsExactlyInAnyOrder(FIRST.ref(), SECOND.ref());
    }

    /** A command in an event leads where the table says. */
    private static void assertMayStep(AuditEvent event) {
        event.content()
                .command()
                .ifPresent(command -> assertThat(
                                TransitionTable.STANDARD.next(event.from().orElseThrow(), command))
                        .as("%s in %s", command, event.from())
                        .isEqualTo(event.to()));
    }

    @Test
    void the_actor_of_each_event_is_who_asked_for_it() {
        Map<EventKind, Set<String>> actors = new EnumMap<>(EventKind.class);
        story().forEach(s -> actors.computeIfAbsent(s.event().kind(), kind -> new TreeSet<>())
                .add(s.event().actor().toString()));

        assertThat(actors.get(EventKind.AGENT_APPROVED)).containsExactly("human:admin@company.com");
        assertThat(actors.get(EventKind.HEARTBEAT_FIRST)).containsExactly("agent:agent:story");
        assertThat(actors.get(EventKind.HEARTBEAT_MISSED)).containsExactly("system:system");
        assertThat(actors.get(EventKind.AGENT_REQUESTED)).contains("human:carol@company.com");
        assertThat(actors.get(EventKind.AGENT_DECOMMISSIONED)).containsExactly("system:system");
    }

    @Test
    void details_with_other_keys_than_the_kinds_are_refused() {
        for (EventKind kind : EventKind.values()) {
            Json.ObjBuilder details = Json.object().put("surprise", 1);
            kind.requiredDetails().forEach(key -> details.put(key, "x"));
            assertThatThrownBy(() -> EventContent.of(kind, Actor.SYSTEM, details.build()))
                    .isInstanceOf(JsonFormatException.class)
                    .hasMessage("details of " + kind.wire() + " have the unknown keys [surprise]");
            if (!kind.requiredDetails().isEmpty()) {
                assertThatThrownBy(() -> EventContent.of(kind, Actor.SYSTEM, Json.Obj.EMPTY))
                        .isInstanceOf(JsonFormatException.class)
                        .hasMessage("details of " + kind.wire() + " lack " + new TreeSet<>(kind.requiredDetails()));
            }
        }
        shop.open(FIRST);
    }

    @Test
    void the_page_has_the_table_of_kinds_that_the_code_has() throws IOException {
        Map<String, List<Set<String>>> written = new TreeMap<>();
        for (String line : Files.readAllLines(FORMAT)) {
            // rows of four cells; other tables of the page have fewer
            if (line.matches("\\| `[a-z_]+\\.[a-z_]+`( \\|[^|]*){4}")) {
                String[] cells = line.split("\\|");
                String kind = String.join("", words(cells[1]));
                assertThat(written.put(kind, List.of(words(cells[3]), words(cells[4]))))
                        .as(kind + " stands once")
                        .isNull();
            }
        }

        Map<String, List<Set<String>>> coded = new TreeMap<>();
        for (EventKind kind : EventKind.values()) {
            coded.put(kind.wire(), List.of(kind.requiredDetails(), kind.optionalDetails()));
        }
        assertThat(written).isEqualTo(coded);
        shop.open(FIRST);
    }

    @Test
    void the_page_has_the_form_of_every_member_that_is_no_plain_text() throws IOException {
        Map<String, Set<String>> written = new TreeMap<>();
        for (String line : section("## Kinds")) {
            Matcher row = Pattern.compile("\\| ([a-z`]+[a-z ]*`?) \\| (`[a-zA-Z]+`[^|]*) \\|")
                    .matcher(line);
            if (row.matches()) {
                Set<String> members = words(row.group(2).replaceAll("\\([^)]*\\)", ""));
                members.removeIf(member -> member.contains("."));
                written.put(row.group(1), members);
            }
        }

        Map<String, Set<String>> found = new TreeMap<>();
        List<SealedEvent> all = new ArrayList<>(story());
        all.addAll(storyOfKeys());
        all.forEach(event -> event.event().details().members().forEach((name, value) -> {
            String form = form(value);
            if (!form.isEmpty()) {
                found.computeIfAbsent(form, other -> new TreeSet<>()).add(name);
            }
        }));
        assertThat(found).isEqualTo(written);
    }

    private static String form(Json value) {
        if (value instanceof Json.Arr array) {
            return array.items().get(0) instanceof Json.Str ? "array of strings" : "array of objects";
        }
        if (value instanceof Json.Str text) {
            String it = text.value();
            return it.matches("[A-Za-z0-9_-]{43}") ? "digest" : it.matches("\\d{4}-\\d\\d-\\d\\dT.*Z") ? "time" : "";
        }
        return value instanceof Json.Int ? "integer" : value instanceof Json.Bool ? "`true`" : "object";
    }

    @Test
    void the_page_has_the_members_of_a_final_report() throws IOException {
        Set<String> always = new TreeSet<>();
        Set<String> ifAny = new TreeSet<>();
        for (String line : section("## The final report")) {
            Matcher row = Pattern.compile("\\| `([a-zA-Z]+)`(\\?)? \\|[^|]*\\|").matcher(line);
            if (row.matches()) {
                (row.group(2) == null ? always : ifAny).add(row.group(1));
            }
        }

        Set<String> written = new TreeSet<>();
        for (SealedEvent event : story()) {
            event.event()
                    .details()
                    .get("report")
                    .ifPresent(report ->
                            written.addAll(((Json.Obj) report).members().keySet()));
        }
        assertThat(ifAny).containsExactly("firstActiveAt", "lastActiveAt", "lastHeartbeatAt", "quarantines");
        assertThat(union(always, ifAny)).isEqualTo(written);
    }

    /** The lines of the page from that heading to the next one. */
    private static List<String> section(String heading) throws IOException {
        List<String> lines = Files.readAllLines(FORMAT);
        int begin = lines.indexOf(heading);
        assertThat(begin).as(heading).isNotNegative();
        return lines.subList(begin + 1, lines.size()).stream()
                .takeWhile(line -> !line.startsWith("## "))
                .toList();
    }

    /** What stands between backquotes. */
    private static Set<String> words(String cell) {
        Set<String> words = new TreeSet<>();
        Matcher matcher = Pattern.compile("`([^`]+)`").matcher(cell);
        while (matcher.find()) {
            words.add(matcher.group(1));
        }
        return words;
    }

    private static StoreDescriptor with(StoreDescriptor store, String storeId, OpenReport report) {
        return new StoreDescriptor(
                storeId, store.format(), store.durability(), store.maxRecords(), store.clockHighWater(), report);
    }

    // ---- the story

    /** Held for an hour, and then it goes on by itself. */
    private void pause(LifecycleManager manager) {
        Instant end = shop.clock.instant().plus(Duration.ofHours(1));
        manager.suspend(
                AgentId.of("agent:renewed"),
                HoldTerms.of("new disks").until(end).releasedBy(ReleaseAuthority.ADMIN),
                ADMIN);
        shop.clock.set(end);
        manager.sweeper().sweep();
        assertThat(manager.get(AgentId.of("agent:renewed")).state()).isEqualTo(AgentState.ACTIVE);
    }

    /** Everything that can happen, as one log. */
    private List<SealedEvent> story() {
        LifecycleManager manager = open(shop.store, FIRST);
        manager.requestProvisioning(request("agent:parent").capability("review").build());
        manager.requestProvisioning(
                request("agent:child").parent(AgentId.of("agent:parent")).build());
        manager.requestProvisioning(request("agent:signed").build());
        manager.approve(AgentId.of("agent:signed"), ADMIN);
        manager.activate(AgentId.of("agent:signed"));
        manager.requestProvisioning(everything(request(id.value())).build());
        manager.approve(id, ADMIN);
        work(manager);
        turnAway(manager);
        importAll(manager);
        misbehave(manager);
        retire(manager);
        shop.close(manager);
        return disturb();
    }

    /** Another log, signed from its first event on, whose keys change, are lost, and are recovered. */
    private static List<SealedEvent> storyOfKeys() {
        LifecycleStore store = LifecycleStore.inMemory();
        TestSealer recovery = new TestSealer();
        CheckpointLog checkpoints = new CheckpointLog() {
            @Override
            public Optional<PublicJwk> ownKey() {
                return Optional.of(new TestSealer().publicKey());
            }

            @Override
            public void open(String origin, LogKeys keys, Events log, Instant now) {}

            @Override
            public void follow(Instant now) {}

            @Override
            public void close(Instant now) {}
        };
        TestSealer first = new TestSealer();
        MutableClock clock = MutableClock.at("2026-04-11T04:30:00Z");
        LifecycleManager manager = LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .sealer(first)
                .checkpoints(checkpoints)
                .recoveryKey(recovery.publicKey().keyId())
                .build();
        manager.introduceLogKey(new TestSealer(), ADMIN);
        manager.retireLogKey(first.publicKey().keyId(), "a year has passed", ADMIN);
        LifecycleManager recovered = LifecycleManager.builder()
                .store(store)
                .clock(clock)
                .sealer(new TestSealer())
                .recoverLog(recovery, 3)
                .minRetention(Duration.ZERO)
                .policy(LifecyclePolicy.builder()
                        .approvalStages(Stage.people("security", 2))
                        .fourEyes(true)
                        .reapproveOwner(true)
                        .build())
                .build();
        decideInPairs(recovered);
        AgentId old = AgentId.of("agent:old");
        recovered.requestProvisioning(request(old.value()).build());
        recovered.reject(old, "not needed", ADMIN);
        clock.advance(Duration.ofDays(1));
        recovered.prune(clock.instant(), "nobody needs it any more", ADMIN);
        recovered.verify();
        return recovered.events(0, Integer.MAX_VALUE).events();
    }

    /** Two let an agent in, two want what it is changed to, and two release it. */
    private static void decideInPairs(LifecycleManager manager) {
        AgentId agent = AgentId.of("agent:pair");
        Actor bob = Actor.human("bob@company.com");
        Actor carol = Actor.human("carol@company.com");
        manager.requestProvisioning(request(agent.value()).build());
        manager.approve(agent, bob);
        manager.approve(agent, carol);
        manager.approvals().amend(agent, request(agent.value()).purpose("other").build(), ADMIN);
        manager.changeOwner(agent, "frank@company.com", ADMIN);
        for (Actor voter : List.of(bob, carol)) {
            String shown = manager.approvals().status(agent).shown();
            manager.approvals().vote(agent, Ballot.approve("").onSeeing(shown), voter);
        }
        manager.releaseHold(agent, HoldReason.REAPPROVAL, ADMIN);
        manager.placeHold(agent, HoldReason.POLICY_VIOLATION, "", ADMIN);
        manager.releaseHold(agent, HoldReason.POLICY_VIOLATION, ReleaseAuthority.ADMIN, bob);
        manager.releaseHold(agent, HoldReason.POLICY_VIOLATION, ReleaseAuthority.ADMIN, carol);
    }

    private ProvisioningRequest.Builder everything(ProvisioningRequest.Builder request) {
        return request.purpose("Automated PR review")
                .tag("team", "platform")
                .capability("review")
                .role(Role.OPERATOR)
                .costCentre("4711")
                .audience("git.company.com")
                .keyThumbprint(AGENT_KEY.publicKey().keyId())
                .manifestDigest(DIGEST)
                .notBefore(time("2026-01-01T00:00:00Z"))
                .notAfter(time("2027-01-01T00:00:00Z"))
                .requestedBy(Actor.human("carol@company.com"));
    }

    private void work(LifecycleManager manager) {
        HoldReason unpaid = HoldReason.INSUFFICIENT_BALANCE;
        Instant end = shop.clock.instant().plus(Duration.ofDays(1));
        manager.placeHold(id, unpaid, HoldTerms.of("0.00 left").until(end), ADMIN);
        manager.releaseHold(id, unpaid, ReleaseAuthority.BILLING, Actor.service("accounts"));
        manager.activate(id);
        manager.heartbeat(id);
        shop.clock.advance(Duration.ofHours(1));
        manager.sweeper().sweep();
        manager.heartbeat(id);
        manager.rotateCredentials(id);
        manager.rotateKey(
                id, KeyRotationTest.signed(manager.get(id), AGENT_KEY, new TestSealer(), 1), AGENT_KEY::verify, ADMIN);
        manager.apiKeys().register(id, Duration.ofDays(1), ADMIN);
        manager.apiKeys()
                .revoke(id, manager.get(id).credentials().apiKeys().get(0).id(), "leaked", ADMIN);
        manager.changeOwner(id, "team:platform", ADMIN);
        manager.owners().addCoOwner(id, Owner.of("dave@company.com"), ADMIN);
        manager.owners().removeCoOwner(id, Owner.of("dave@company.com"), ADMIN);
        manager.suspend(id, "maintenance", ADMIN);
        manager.resume(id, ADMIN);
        manager.revokeCredentials(id, "leaked", ADMIN);
        manager.markOrphaned(id, ADMIN);
        manager.reclaim(id, "bob@company.com", ADMIN);
    }

    private void turnAway(LifecycleManager manager) {
        for (String other : List.of("agent:rejected", "agent:withdrawn", "agent:forgotten")) {
            manager.requestProvisioning(request(other).build());
        }
        AgentId rejected = AgentId.of("agent:rejected");
        manager.approvals().advise(rejected, Ballot.approve("it looks fine"), Actor.service("reviewer"));
        manager.approvals()
                .amend(rejected, everything(request(rejected.value())).build(), Actor.human("carol@company.com"));
        manager.approvals().vote(rejected, Ballot.deny("a duplicate"), ADMIN);
        manager.withdraw(AgentId.of("agent:withdrawn"), "no need", ADMIN);
        shop.clock.advance(Duration.ofHours(18));
        manager.heartbeat(id);
        manager.sweeper().sweep();
        shop.clock.advance(Duration.ofHours(6));
        manager.heartbeat(id);
        new CredentialRotator(manager).checkAndRotate();
        manager.sweeper().sweep();
    }

    private void importAll(LifecycleManager manager) {
        List<AgentImport> imports = new ArrayList<>();
        for (AgentState state : List.of(AgentState.SUSPENDED, AgentState.PENDING_APPROVAL)) {
            imports.add(new AgentImport(
                    everything(request("agent:" + state.wire()))
                            .parent(AgentId.of("agent:parent"))
                            .build(),
                    state,
                    shop.clock.instant()));
        }
        manager.importAgents(imports, "elsewhere", ADMIN);
    }

    private void misbehave(LifecycleManager manager) {
        Quarantines quarantines = manager.quarantines();
        var crash = new Incident(Incident.Kind.CRASH, Severity.MEDIUM, "exit 137");
        quarantines.report(id, crash, ADMIN);
        quarantines.quarantine(id, crash, ADMIN);
        for (int attempt = 1; attempt <= 2; attempt++) {
            quarantines.attemptRecovery(
                    id,
                    agent -> {
                        throw new IOException("it does not start");
                    },
                    ADMIN);
            shop.clock.advance(Duration.ofMinutes(1));
        }
        quarantines.release(id, ADMIN);
        quarantines.quarantine(id, crash, ADMIN);
        quarantines.attemptRecovery(id, agent -> {}, ADMIN);
        manager.renew(id, time("2027-02-01T00:00:00Z"), ADMIN);
        ProvisioningRequest endless = request("agent:limited")
                .requestedBy(Actor.human("carol@company.com"))
                .build();
        manager.requestProvisioning(endless);
        manager.bootstrap(endless, new Limits(RateLimit.perMinute(60), time("2027-01-01T00:00:00Z")));
        manager.limitRate(AgentId.of("agent:limited"), RateLimit.perMinute(10), ADMIN);
        AgentId bad = AgentId.of("agent:bad");
        manager.requestProvisioning(request(bad.value())
                .manifestDigest(Digests.sha256("another manifest"))
                .build());
        quarantines.block(bad, "it steals", ADMIN);
    }

    private void retire(LifecycleManager manager) {
        manager.decommission(id, "Feature sunset", ADMIN);
        for (int attempt = 2; attempt <= 6; attempt++) {
            shop.clock.advance(Duration.ofHours(1));
            manager.sweeper().sweep();
        }
        taskWorks = true;
        shop.clock.advance(Duration.ofHours(1));
        manager.sweeper().sweep();
        assertThat(manager.get(id).state()).isEqualTo(AgentState.DECOMMISSIONED);
        assertThatThrownBy(() -> manager.forTenant(TenantId.of("acme"))
                        .killSwitch()
                        .engage(new KillScope.Everything(), "let me", ADMIN))
                .isInstanceOf(AccessDeniedException.class);
        KillSwitch kills = manager.killSwitch();
        kills.engage(kills.everything(), "a rehearsal", ADMIN);
        kills.release(kills.everything(), ReleaseAuthority.ADMIN, "it is over", ADMIN);
        manager.placeLegalHold(id, "case 4711", ADMIN);
        manager.releaseLegalHold(id, "case 4711", ADMIN);
        AgentId erased = AgentId.of("agent:erased");
        manager.requestProvisioning(request(erased.value()).build());
        manager.reject(erased, "not needed", ADMIN);
        manager.erasePersonalData(erased, "nobody needs it any more", ADMIN);
    }

    /**
     * Opens the log after a torn tail, under another policy, with a clock that went back, and with a sealer that works, and
     * then does not, and then does.
     */
    private List<SealedEvent> disturb() {
        shop.clock.advance(Duration.ofMinutes(-5));
        LifecycleStore torn = new ForwardingStore(shop.store) {
            @Override
            public StoreDescriptor describe() {
                return with(super.describe(), super.describe().storeId(), REPORT);
            }
        };
        TestSealer sealer = new TestSealer();
        RepeatableIssuer issuer = new RepeatableIssuer();
        LifecycleManager manager = shop.open(builder -> builder.store(torn)
                .policy(SECOND)
                .credentials(issuer)
                .credentialSink((agent, credential) -> {})
                .sealer(sealer)
                .signFromHere());
        renew(manager, issuer);
        pause(manager);
        sealer.fail();
        manager.revokeCredentials(AgentId.of("agent:signed"), "leaked", ADMIN);
        sealer.heal();
        manager.sweeper().sweep();
        List<SealedEvent> log = manager.events(0, Integer.MAX_VALUE).events();
        SealedEvent recovered = log.stream()
                .filter(s -> s.event().kind() == EventKind.LOG_RECOVERED)
                .findFirst()
                .orElseThrow();
        assertThat(recovered.event().details())
                .isEqualTo(Json.object()
                        .put("bytes", 17)
                        .put("sha256", DIGEST)
                        .put("snapshot", "older")
                        .build());
        // a repair is told once, however often the store is opened
        LifecycleManager again = shop.open(builder -> builder.store(torn)
                .policy(SECOND)
                .credentials(issuer)
                .credentialSink((agent, credential) -> {})
                .sealer(sealer));
        assertThat(again.events(0, Integer.MAX_VALUE).events().stream()
                        .map(s -> s.event().kind())
                        .filter(EventKind.LOG_REPAIRED::equals))
                .hasSize(1);
        return log;
    }

    /** An agent gets a credential by the sink, but not at once, and then its token again. */
    private void renew(LifecycleManager manager, RepeatableIssuer issuer) {
        AgentId renewed = AgentId.of("agent:renewed");
        manager.requestProvisioning(request(renewed.value()).build());
        manager.approve(renewed, ADMIN);
        manager.activate(renewed);
        shop.clock.advance(Duration.ofHours(14));
        issuer.broken = true;
        manager.sweeper().sweep();
        issuer.broken = false;
        shop.clock.advance(Duration.ofMinutes(10));
        manager.sweeper().sweep();
        manager.reissueCredential(
                renewed, manager.get(renewed).credential().orElseThrow().id(), ADMIN);
    }

    private LifecycleManager open(LifecycleStore store, LifecyclePolicy policy) {
        UnaryOperator<LifecycleManager.Builder> settings = builder -> builder.store(store)
                .policy(policy)
                .personalData(PersonalData.DISCLOSABLE)
                .teardownTask(new FlakyTask("worker", () -> taskWorks));
        return shop.open(settings);
    }

    private static Set<String> union(Set<String> some, Set<String> others) {
        Set<String> all = new TreeSet<>(some);
        all.addAll(others);
        return all;
    }
}
