package io.agentlifecycle.host;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.AgentId;
import java.nio.file.Path;

/** Run by {@code FleetModulePathTest}: a host in a package of its own. It opens a store by its directory alone, and
 * says which modules did it. */
public final class FleetOnDisk {
    private FleetOnDisk() {}

    /** Takes the directory. */
    public static void main(String[] args) {
        AgentId id = AgentId.of("agent:1");
        try (LifecycleManager manager =
                LifecycleManager.builder().storage(Path.of(args[0])).build()) {
            if (manager.find(id).isEmpty()) {
                manager.requestProvisioning(ProvisioningRequest.builder("Agent")
                        .id(id)
                        .owner("alice")
                        .build());
            }
            System.out.println(LifecycleManager.class.getModule().isNamed() + " "
                    + ModuleLayer.boot()
                            .findModule("io.agentlifecycle.storage.json")
                            .isPresent() + " "
                    + manager.verify().agents());
        }
    }
}
