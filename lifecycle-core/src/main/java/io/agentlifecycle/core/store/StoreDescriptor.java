package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import java.time.Instant;
import java.util.Optional;

/**
 * What a store says of itself.
 *
 * @param storeId drawn at random when it was made; never changes
 * @param format the version of its stored form
 * @param maxRecords how many records one commit may change
 * @param clockHighWater the latest time of any commit so far
 */
public record StoreDescriptor(
        String storeId,
        int format,
        Durability durability,
        int maxRecords,
        Optional<Instant> clockHighWater,
        OpenReport openReport) {
    public StoreDescriptor {
        Text.line("store id", storeId, 128);
        requireNonNull(durability, "durability");
        requireNonNull(clockHighWater, "clockHighWater");
        requireNonNull(openReport, "openReport");
    }
}
