package io.agentlifecycle.audit;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.AgentKey;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.audit.Digests;
import io.agentlifecycle.core.audit.LogKeys;
import io.agentlifecycle.core.spi.LifecycleStore;
import io.agentlifecycle.credentials.keys.Ed25519PublicKey;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** An exported log in the hands of somebody who changes it, before it is verified. Lines count from 1. */
record Bundle(Path folder) {
    static final String EVENTS = "events.jsonl";
    static final String CHECKPOINT = "checkpoint";

    /** A log in memory with its tree, and the key that both have. */
    record Source(JdkKeys keys, NoteSigner signer, SignedLog log, MerkleLog tree) {
        static final String ORIGIN = "example.com/agents";

        /** A log without agents, whose tree stands in a folder of its own. */
        static Source in(Path folder, JdkKeys keys, long seed) {
            var key = new VerifierKey(
                    ORIGIN, Ed25519PublicKey.of(keys.publicKeys().get(0).jwk()));
            LifecycleStore store = LifecycleStore.inMemory();
            var log = new SignedLog(new SignedLog.SigningKeys(keys), store, ORIGIN, seed);
            MerkleLog tree = MerkleLog.create(folder, keys);
            tree.open(ORIGIN, LogKeys.of(key.key().jwk()), store::events, log.clock.instant());
            return new Source(keys, new NoteSigner(keys, key), log, tree);
        }

        VerifierKey key() {
            return signer.key();
        }

        Bundle whole(Path to) {
            tree.export(to);
            return new Bundle(to);
        }

        Bundle trail(String agent, Path to) {
            tree.exportTrail(new AgentKey(TenantId.DEFAULT, AgentId.of(agent)), to);
            return new Bundle(to);
        }
    }

    Bundle copied(Path to) throws IOException {
        copy(folder, to);
        return new Bundle(to);
    }

    static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    // ---- files

    Path file(String name) {
        return folder.resolve(name);
    }

    byte[] bytes(String name) throws IOException {
        return Files.readAllBytes(file(name));
    }

    String text(String name) throws IOException {
        return Files.readString(file(name));
    }

    void write(String name, byte[] bytes) throws IOException {
        Files.createDirectories(LogDirectory.parent(file(name)));
        Files.write(file(name), bytes);
    }

    void write(String name, String text) throws IOException {
        write(name, text.getBytes(UTF_8));
    }

    void delete(String name) throws IOException {
        Files.delete(file(name));
    }

    /** Changes a file that need not be a text. */
    void change(String name, UnaryOperator<String> change) throws IOException {
        String before = new String(bytes(name), ISO_8859_1);
        String after = change.apply(before);
        assertThat(after).isNotEqualTo(before);
        write(name, after.getBytes(ISO_8859_1));
    }

    // ---- events

    List<String> lines() throws IOException {
        return new ArrayList<>(Files.readAllLines(file(EVENTS)));
    }

    void lines(UnaryOperator<List<String>> change) throws IOException {
        List<String> after = change.apply(lines());
        write(EVENTS, String.join("", after.stream().map(line -> line + "\n").toList()));
    }

    void line(int number, UnaryOperator<String> change) throws IOException {
        lines(lines -> {
            String before = lines.set(number - 1, change.apply(lines.get(number - 1)));
            assertThat(lines.get(number - 1)).isNotEqualTo(before);
            return lines;
        });
    }

    // ---- the checkpoint

    Checkpoint checkpoint() throws IOException {
        return Checkpoint.read(SignedNote.read(text(CHECKPOINT)).text());
    }

    /** Writes tiles and checkpoint anew over the lines as they are, as only the holder of the key can. */
    void sealAnew(NoteSigner signer) throws IOException {
        try (Stream<Path> tiles = Files.walk(file("tile"))) {
            for (Path tile : tiles.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(tile);
            }
        }
        var hasher = new TreeHasher((tile, bytes) -> write(tile.path(), bytes));
        for (String line : lines()) {
            hasher.add(Hash.ofLeaf(Digests.leafHash(EventLine.split(line).canonical())));
        }
        hasher.end();
        var checkpoint =
                new Checkpoint(signer.key().name(), hasher.size(), hasher.root().toString());
        write(CHECKPOINT, signer.sign(checkpoint.text()).toString());
    }

    // ---- the verdict

    /** What the command ends with, and what it prints. */
    record Verdict(int code, String output) {}

    /** Asks the command, with the key in a file of its own and, if there is a file {@code seen}, with that. */
    Verdict verdict(String key, String... options) throws IOException {
        Path parent = LogDirectory.parent(folder);
        Path vkey = Files.writeString(parent.resolve("key.vkey"), key + "\n");
        Path seen = parent.resolve("seen");
        List<String> args = new ArrayList<>(List.of("verify", folder.toString(), "--vkey", vkey.toString()));
        if (Files.exists(seen, LinkOption.NOFOLLOW_LINKS)) {
            args.addAll(List.of("--seen", seen.toString()));
        }
        args.addAll(List.of(options));
        var output = new ByteArrayOutputStream();
        int code = Verify.run(args.toArray(String[]::new), new PrintStream(output, true, UTF_8));
        return new Verdict(code, output.toString(UTF_8));
    }

    /** Remembers a checkpoint of an earlier day. */
    void remember(String note) throws IOException {
        Files.writeString(LogDirectory.parent(folder).resolve("seen"), note);
    }
}
