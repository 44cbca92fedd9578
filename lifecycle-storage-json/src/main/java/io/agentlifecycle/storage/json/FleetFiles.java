package io.agentlifecycle.storage.json;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.error.StoreException;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Fleets as single files: a fleet that comes from AgentMesh, and a whole store as one JSON document. All methods are
 * safe for use by many threads.
 *
 * <p>What an import from AgentMesh takes over is an agent's id, name, owner, purpose, type, tags, state and time of
 * creation. It leaves behind
 *
 * <ul>
 *   <li>credentials: nobody here knows their secrets. An ACTIVE agent gets its first one with the next
 *       {@link io.agentlifecycle.core.CredentialRotator#checkAndRotate};
 *   <li>heartbeats: silence counts from the import, so that nobody becomes an orphan for what it did before;
 *   <li>events: nothing proves them. An agent's trail begins with {@code agent.imported}, which names the SHA-256 of the
 *       file, so keep the file.
 * </ul>
 */
public final class FleetFiles {
    /** How many bytes a file of AgentMesh may have. */
    public static final int MAX_AGENT_MESH_BYTES = 64 << 20;

    /** How many agents a file of AgentMesh may have. */
    public static final int MAX_AGENT_MESH_AGENTS = 100_000;

    /** What to do about agents that cannot be taken in. */
    public enum OnRejected {
        /** Take in nothing at all. */
        REFUSE,
        /** Leave them behind and take in the others. */
        LEAVE_BEHIND
    }

    private FleetFiles() {}

    /**
     * Says what {@link #importAgentMesh(LifecycleManager, Path, Actor, OnRejected)} would do with a file, and changes
     * nothing.
     *
     * @throws StoreException if the file cannot be read
     */
    public static AgentMeshReport checkAgentMesh(LifecycleManager manager, Path file) {
        requireNonNull(manager, "manager");
        return AgentMeshImport.read(manager, withoutTilde(file)).report();
    }

    /** {@link #importAgentMesh(LifecycleManager, Path, Actor, OnRejected)} of all agents, or of none. */
    public static AgentMeshReport importAgentMesh(LifecycleManager manager, Path file, Actor actor) {
        return importAgentMesh(manager, file, actor, OnRejected.REFUSE);
    }

    /**
     * Takes in the agents of a {@code lifecycle.json} of AgentMesh, into the tenant of {@code manager}. The whole file is
     * looked at before anything is changed. Agents that an earlier import of this or a later version of the file took in
     * are left as they are now.
     *
     * <p>A fleet that is too large for one commit is taken in part by part. If the store fails in between, the parts
     * before that stay: import the same file again, and the rest follows.
     *
     * @param actor who asks for it; of a request that waits for approval this is who made it, so somebody else must
     *     approve it
     * @throws io.agentlifecycle.core.error.PolicyViolationException rule {@code import-rejected}, if the file is no fleet
     *     of AgentMesh, or has agents that cannot be taken in and {@code onRejected} says so; {@link #checkAgentMesh}
     *     lists all reasons. Nothing was changed then
     * @throws StoreException if the file cannot be read, or the store does not work
     */
    public static AgentMeshReport importAgentMesh(
            LifecycleManager manager, Path file, Actor actor, OnRejected onRejected) {
        requireNonNull(manager, "manager");
        requireNonNull(actor, "actor");
        requireNonNull(onRejected, "onRejected");
        return AgentMeshImport.read(manager, withoutTilde(file)).into(manager, actor, onRejected);
    }

    /**
     * Writes all of {@code store} into one JSON document: its commits with their events and with what is disclosed of them
     * and was not erased, its records as they are now, and its heartbeats. Others may use the store meanwhile; what they change after the beginning is not in the file.
     * Heartbeats that a manager has not handed to the store yet are not in it either, so close the manager first.
     *
     * <p>The file is for its owner only. It holds what the log holds: names and texts, and hashes of secrets. What is erased
     * in the store later stays in the file: remove the file, or export again.
     *
     * @throws StoreException if there is such a file already, or it cannot be written; then there is none
     */
    public static void exportJson(JsonStore store, Path file) {
        requireNonNull(store, "store");
        Path target = withoutTilde(file);
        try {
            FleetWriter.write(store, new FileIo(), target);
        } catch (IOException e) {
            throw new StoreException("%s cannot be written: %s".formatted(target, e), e);
        }
    }

    /**
     * Makes a store in {@code newDirectory} from what {@link #exportJson} wrote. It is the same store in another place:
     * its id, its log, the numbers of its commits and its request ids are what they were. So use one of the two from here
     * on, and never both.
     *
     * <p>The manifest of the new store is written last. What a crash leaves before that is refused by
     * {@link JsonStore#open}: remove it and import again.
     *
     * @param newDirectory missing or empty
     * @throws StoreException if the file is not what was written, or the directory is not empty; no store was made then
     */
    public static void importJson(Path file, Path newDirectory) {
        importJson(file, newDirectory, new FileIo(), FleetJournal.ROTATE_AFTER);
    }

    static void importJson(Path file, Path newDirectory, StorageIo io, long rotateAfter) {
        Path source = withoutTilde(file);
        Path target = withoutTilde(newDirectory);
        try {
            FleetReader.read(source, io, target, rotateAfter);
        } catch (IOException e) {
            throw new StoreException("%s cannot be imported into %s: %s".formatted(source, target, e), e);
        }
    }

    private static Path withoutTilde(Path given) {
        if (requireNonNull(given, "path").startsWith("~")) {
            throw new StoreException(
                    given + " begins with ~, which only a shell replaces; use System.getProperty(\"user.home\")", null);
        }
        return given.toAbsolutePath().normalize();
    }
}
