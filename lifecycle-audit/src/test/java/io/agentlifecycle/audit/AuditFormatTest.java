package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.IdentityAssurance;
import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.EventKind;
import io.agentlifecycle.core.audit.SealedEvent;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.core.store.OpenReport;
import io.agentlifecycle.core.store.StoreDescriptor;
import io.agentlifecycle.core.testing.ForwardingStore;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code docs/audit-format.md} tells what the code does, to the last byte. */
class AuditFormatTest {
    private static final AgentId AGENT = AgentId.of("agent:1");

    private final String page = read();

    private static String read() {
        try {
            return Files.readString(Path.of("..", "docs", "audit-format.md"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** A log that is the same at every run: the clock, the ids, the random bits and the key are given. */
    private static LifecycleManager example() throws GeneralSecurityException {
        return example(builder -> builder);
    }

    private static LifecycleManager example(UnaryOperator<LifecycleManager.Builder> more)
            throws GeneralSecurityException {
        LifecycleStore named = new ForwardingStore(LifecycleStore.inMemory()) {
            @Override
            public StoreDescriptor describe() {
                StoreDescriptor store = super.describe();
                return new StoreDescriptor(
                        "example-store",
                        store.format(),
                        store.durability(),
                        store.maxRecords(),
                        store.clockHighWater(),
                        OpenReport.CLEAN);
            }
        };
        LifecycleManager manager = more.apply(LifecycleManager.builder()
                        .store(named)
                        .clock(MutableClock.at("2026-04-11T04:31:00Z"))
                        .random(new Random(1))
                        .logOrigin("example.com/agents")
                        .sealer(Ed25519AuditSealer.create(JdkKeys.published())))
                .build();
        manager.requestProvisioning(ProvisioningRequest.builder("Code Review Agent")
                .id(AGENT)
                .owner("alice@company.com")
                .purpose("Automated PR review")
                .agentType("langchain")
                .tag("team", "platform")
                .requestedBy(Actor.human("alice@company.com"))
                .build());
        manager.approve(AGENT, Actor.human("admin@company.com").assured(IdentityAssurance.STRONG));
        return manager;
    }

    @Test
    void the_worked_example_is_what_the_code_writes() throws GeneralSecurityException {
        List<SealedEvent> trail = example().auditTrail(AGENT);

        assertThat(page)
                .contains("```json\n" + CanonicalJson.write(JdkKeys.RFC_8037_KEY.toJson()) + "\n```\n")
                .contains("```json\n" + EventLine.write(trail.get(0)) + "\n```\n")
                .contains("%d bytes".formatted(trail.get(0).canonical().getBytes(UTF_8).length))
                .contains("leaf hash: " + trail.get(0).leafHash() + "\n")
                .contains("```json\n" + EventLine.write(trail.get(1)) + "\n```\n");
        assertThat(trail.get(1).event().position().prev())
                .isEqualTo(trail.get(0).leafHash());
        LogVerifier.of(Ed25519PublicKey.of(JdkKeys.RFC_8037_KEY))
                .verify(List.of(EventLine.write(trail.get(0)), EventLine.write(trail.get(1))));
    }

    /** Who has nothing but the page has all that a verifier of whole logs needs to try itself out on. */
    @Test
    void the_tree_and_the_checkpoint_of_the_example_are_what_the_code_makes_of_it(@TempDir Path folder)
            throws GeneralSecurityException, IOException {
        List<SealedEvent> log;
        MerkleLog tree = MerkleLog.create(folder, JdkKeys.published());
        try (LifecycleManager manager = example(builder -> builder.checkpoints(tree))) {
            log = manager.events(0, 10).events();
        }
        var key = new VerifierKey("example.com/agents", Ed25519PublicKey.of(JdkKeys.RFC_8037_KEY));
        List<Hash> leaves =
                log.stream().map(event -> Hash.ofLeaf(event.leafHash())).toList();
        Hash left = Hash.node(leaves.get(0), leaves.get(1));
        Hash right = Hash.node(leaves.get(2), leaves.get(3));

        assertThat(log).hasSize(4);
        assertThat(page)
                .contains("```json\n" + EventLine.write(log.get(0)) + "\n```\n")
                .contains("```json\n" + EventLine.write(log.get(3)) + "\n```\n")
                .contains("""
                        leaf 0:         %s
                        leaf 1:         %s
                        leaf 2:         %s
                        leaf 3:         %s
                        leaves 0 and 1: %s
                        leaves 2 and 3: %s
                        root:           %s
                        """.formatted(
                                text(leaves.get(0)),
                                text(leaves.get(1)),
                                text(leaves.get(2)),
                                text(leaves.get(3)),
                                text(left),
                                text(right),
                                text(Hash.node(left, right))))
                .contains("```\n" + key + "\n```\n")
                .contains("```\n" + Files.readString(folder.resolve("checkpoint")) + "```\n");
    }

    private static String text(Hash hash) {
        return Digests.base64Url(hash.bytes());
    }

    @Test
    void the_kinds_that_may_lack_a_signature_are_those_that_the_page_lists() {
        String list = page.substring(
                page.indexOf("or only notes something:"), page.indexOf("leads its agent from the state before"));
        Set<String> listed = new TreeSet<>();
        Matcher matcher = Pattern.compile("`([a-z_]+\\.[a-z_]+)`").matcher(list);
        while (matcher.find()) {
            listed.add(matcher.group(1));
        }
        Set<String> coded = new TreeSet<>();
        for (EventKind kind : EventKind.values()) {
            if (kind.mayWait()) {
                coded.add(kind.wire());
            }
        }

        assertThat(listed).isEqualTo(coded);
    }

    /** The commands of the page, word for word, in a folder with nothing but the line. */
    @Test
    @Tag("host")
    void an_event_is_verified_with_openssl_alone_by_the_commands_of_the_page(@TempDir Path folder) throws Exception {
        List<SealedEvent> trail = example().auditTrail(AGENT);
        List<String> commands = commands();
        assertThat(commands).hasSize(3);
        for (SealedEvent event : trail) {
            Files.writeString(folder.resolve("line"), EventLine.write(event) + "\n");

            assertThat(run(folder, commands.get(0))).isEmpty();
            assertThat(run(folder, commands.get(1))).isEqualTo("Signature Verified Successfully\n");
            assertThat(run(folder, commands.get(2)).strip()).isEqualTo(event.leafHash());
            assertThat(Files.readString(folder.resolve("event"))).isEqualTo(event.canonical());

            Files.writeString(folder.resolve("line"), EventLine.write(event).replace("\"n\":", "\"n\":1") + "\n");
            assertThat(run(folder, commands.get(0))).isEmpty();
            assertThat(run(folder, commands.get(1))).contains("Signature Verification Failure");
        }
    }

    private List<String> commands() {
        List<String> commands = new ArrayList<>();
        Matcher matcher = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL).matcher(page);
        while (matcher.find()) {
            commands.add(matcher.group(1));
        }
        return commands;
    }

    private static String run(Path folder, String commands) throws IOException, InterruptedException {
        Process process = new ProcessBuilder("sh", "-c", commands)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        return output;
    }
}
