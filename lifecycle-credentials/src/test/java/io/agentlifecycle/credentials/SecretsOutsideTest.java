package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.agent.AgentQuery;
import io.agentlifecycle.core.error.SecretUnavailableException;
import io.agentlifecycle.core.secret.SecretRef;
import io.agentlifecycle.core.secret.SecretValue;
import io.agentlifecycle.core.spi.SecretSource;
import io.agentlifecycle.core.testing.MutableClock;
import io.agentlifecycle.storage.json.FleetFiles;
import io.agentlifecycle.storage.json.JsonStore;
import io.agentlifecycle.testkit.SecretSourceContract;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What agents work with lives outside the store: it is in no file, event, export, exception or line of a log. */
class SecretsOutsideTest {
    private static final String MARKER = "sk-MARKER-93b1d2";
    private static final SecretRef REF = SecretRef.of("x-test:openai");
    private static final AgentId BOT = AgentId.of("bot");

    /** A source as a host may write one. */
    private static SecretSource source() {
        Map<SecretRef, String> secrets = Map.of(REF, MARKER);
        return ref -> {
            String text = secrets.get(ref);
            if (text == null) {
                throw new SecretUnavailableException(ref, "is not known here", "add it to the source");
            }
            return SecretValue.of(text.toCharArray());
        };
    }

    @Nested
    class Contract extends SecretSourceContract {
        @Override
        protected SecretSource source() {
            return SecretsOutsideTest.source();
        }

        @Override
        protected SecretRef known() {
            return REF;
        }

        @Override
        protected String text() {
            return MARKER;
        }

        @Override
        protected List<SecretRef> unknown() {
            return List.of(SecretRef.of("x-test:other"), SecretRef.of("env:OPENAI_API_KEY"));
        }
    }

    @Test
    void the_marker_is_nowhere_and_the_reference_is_in_the_record(@TempDir Path directory) throws IOException {
        List<String> said = new ArrayList<>();
        var written = new ByteArrayOutputStream();
        PrintStream before = System.err;
        System.setErr(new PrintStream(written, true, UTF_8));
        Path there = directory.resolve("store");
        try (JsonStore store = JsonStore.open(there);
                LifecycleManager manager = LifecycleManager.builder()
                        .store(store)
                        .clock(MutableClock.at("2026-04-11T04:30:00Z"))
                        .policy(LifecyclePolicy.builder().requireApproval(false).build())
                        .listener(event -> said.add(event.canonical()))
                        .build()) {
            work(manager, said);
            store.checkpoint();
            FleetFiles.exportJson(store, directory.resolve("export.json"));
            manager.verify();
        } finally {
            System.setErr(before);
        }
        assertThat(said).isNotEmpty().noneMatch(text -> text.contains(MARKER));
        assertThat(said).anyMatch(text -> text.contains("\"secret/openai\":\"x-test:openai\""));
        List<String> files = new ArrayList<>();
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                String text = Files.readString(file, java.nio.charset.StandardCharsets.ISO_8859_1);
                assertThat(text).as("%s", file).doesNotContain(MARKER);
                files.add(text);
            }
        }
        assertThat(files).hasSizeGreaterThan(3).anyMatch(text -> text.contains("x-test:openai"));
        assertThat(written.toString(UTF_8)).doesNotContain(MARKER);
    }

    private static void work(LifecycleManager manager, List<String> said) {
        manager.requestProvisioning(ProvisioningRequest.builder("Bot")
                .id(BOT)
                .owner("alice@company.com")
                .secret("openai", REF)
                .build());
        said.add(manager.activate(BOT).toString());
        SecretRef ref = manager.get(BOT).profile().secrets().get("openai");
        assertThat(ref).isEqualTo(REF);
        try (SecretValue secret = source().resolve(ref)) {
            assertThat(secret.reveal()).isEqualTo(MARKER.toCharArray());
            said.add(secret.toString());
            said.add(manager.get(BOT).toString());
        }
        assertThat(manager.query(AgentQuery.all().tag("secret/openai", REF.value())))
                .extracting(agent -> agent.id())
                .containsExactly(BOT);
        assertThatThrownBy(() -> manager.requestProvisioning(ProvisioningRequest.builder("Other")
                        .owner("alice@company.com")
                        .tag("secret/openai", MARKER)
                        .build()))
                .isInstanceOf(IllegalArgumentException.class)
                .satisfies(e -> said.add(e.toString()));
        manager.suspend(BOT, "maintenance", Bench.ADMIN);
        said.add(manager.resume(BOT, Bench.ADMIN).toString());
        said.add(manager.auditTrail(BOT).toString());
    }
}
