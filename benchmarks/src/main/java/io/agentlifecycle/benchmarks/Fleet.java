package io.agentlifecycle.benchmarks;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.spi.AuditSealer;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.Commit;
import io.agentlifecycle.core.store.CommitResult;
import io.agentlifecycle.core.store.Mutation;
import io.agentlifecycle.core.store.RecordKey;
import io.agentlifecycle.core.store.RequestId;
import io.agentlifecycle.core.store.StoredEvent;
import io.agentlifecycle.core.store.StoredRecord;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.IntFunction;

/**
 * Agents by the thousand. One real agent lives in memory, and what it stored is stored for others with their own ids:
 * what is measured depends on size and shape, and a million agents are there in a minute. Their chains do not verify.
 */
final class Fleet {
    static final Actor ALICE = Actor.human("alice@company.com");
    static final Actor ADMIN = Actor.human("admin@company.com");

    /** A commit of the store takes at most 1,000 records and 4 MiB. */
    private static final int AT_ONCE = 500;

    private final StoredRecord record;
    private final List<StoredEvent> events;
    private final Instant at;
    private final Optional<String> credential;

    private Fleet(StoredRecord record, List<StoredEvent> events, Instant at) {
        this.record = record;
        this.events = events;
        this.at = at;
        this.credential = Optional.ofNullable(record.index().get("cred"));
    }

    static ProvisioningRequest request(AgentId id) {
        return ProvisioningRequest.builder("Code Review Agent")
                .id(id)
                .owner("alice@company.com")
                .purpose("Automated PR review")
                .agentType("langchain")
                .tag("team", "platform")
                .capability("code.review")
                .requestedBy(ALICE)
                .build();
    }

    /** Approved and waiting to be activated. */
    static Fleet provisioned(InstantSource clock) {
        return new Template(clock, Optional.empty()).fleet();
    }

    /** At work, with a credential, and heard. */
    static Fleet active(InstantSource clock) {
        var template = new Template(clock, Optional.empty());
        template.manager.activate(template.id);
        template.manager.heartbeat(template.id);
        return template.fleet();
    }

    /** The same agents without their log, for a store in memory, which would keep all of that. */
    Fleet withoutEvents() {
        return new Fleet(record, List.of(), at);
    }

    /** The commits by which an active agent is suspended and resumed. */
    static List<Commit> suspendAndResume(Optional<AuditSealer> sealer) {
        var template = new Template(InstantSource.system(), sealer);
        template.manager.activate(template.id);
        template.commits.clear();
        template.manager.suspend(template.id, "maintenance", ADMIN);
        template.manager.resume(template.id, ADMIN);
        return List.copyOf(template.commits);
    }

    /** One agent and what it stored. */
    private static final class Template {
        private final AgentId id = AgentId.of(randomId(new Random(1)));
        private final List<Commit> commits = new ArrayList<>();
        private final LifecycleManager manager;

        Template(InstantSource clock, Optional<AuditSealer> sealer) {
            LifecycleStore store = LifecycleStore.inMemory();
            LifecycleManager.Builder builder =
                    LifecycleManager.builder().store(store).clock(clock).policy(LifecyclePolicy.defaults());
            sealer.ifPresent(builder::sealer);
            manager = builder.build();
            store.subscribe((seq, commit) -> commits.add(commit));
            manager.requestProvisioning(request(id));
            manager.approve(id, ADMIN);
        }

        Fleet fleet() {
            List<StoredEvent> events =
                    commits.stream().flatMap(commit -> commit.events().stream()).toList();
            Commit last = commits.get(commits.size() - 1);
            return new Fleet(((Mutation.Put) last.mutations().get(0)).next(), events, last.at());
        }
    }

    /** An id of the form that the library draws. */
    static String randomId(Random random) {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        return "agent:" + HexFormat.of().formatHex(bytes);
    }

    List<String> fill(LifecycleStore store, int agents) {
        return fill(store, agents, i -> record.dueAt());
    }

    /** Stores so many agents, and returns their ids. */
    List<String> fill(LifecycleStore store, int agents, IntFunction<Optional<Instant>> due) {
        var random = new Random(agents);
        List<String> ids = new ArrayList<>();
        while (ids.size() < agents) {
            List<Mutation> puts = new ArrayList<>();
            List<StoredEvent> written = new ArrayList<>();
            for (int i = 0; i < AT_ONCE && ids.size() < agents; i++) {
                String id = randomId(random);
                puts.add(new Mutation.Put(renamed(id, due.apply(ids.size()), random)));
                events.forEach(event -> written.add(renamed(event, id)));
                ids.add(id);
            }
            apply(store, new Commit(requestId(random), at, List.of(), puts, written));
        }
        return ids;
    }

    private StoredRecord renamed(String id, Optional<Instant> due, Random random) {
        Map<String, String> index = new TreeMap<>(record.index());
        String body = record.body();
        if (credential.isPresent()) {
            String own = "cred:" + randomId(random).substring("agent:".length());
            index.put("cred", own);
            body = body.replace(credential.get(), own);
        }
        return new StoredRecord(new RecordKey(TenantId.DEFAULT, RecordKey.AGENT, id), 1, due, body, index);
    }

    private StoredEvent renamed(StoredEvent event, String id) {
        String old = record.key().id();
        return new StoredEvent(
                event.stream().replace(old, id), event.n(), event.canonical().replace(old, id), event.signature());
    }

    static RequestId requestId(Random random) {
        return new RequestId("r-" + randomId(random).substring("agent:".length()));
    }

    static void apply(LifecycleStore store, Commit commit) {
        CommitResult result = store.commit(commit);
        if (!(result instanceof CommitResult.Applied)) {
            throw new IllegalStateException("a commit was not applied: " + result);
        }
    }
}
