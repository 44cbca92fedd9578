package io.agentlifecycle.storage.json;

import java.util.List;

/**
 * What {@link StoreFiles#check} found.
 *
 * @param storeId the store; empty if its manifest cannot be read
 * @param lastLine the number of the last sound line of its journal; 0 if it cannot be read
 * @param records how many records there are as of that line
 * @param events how many events
 * @param findings what is wrong, in the order in which it was found; empty if the store is sound
 */
public record StoreCheck(String storeId, long lastLine, long records, long events, List<Finding> findings) {
    public StoreCheck {
        findings = List.copyOf(findings);
    }

    /**
     * Something that is not as it should be.
     *
     * @param isHarmless true if opening the store sets it right and loses nothing
     */
    public record Finding(String what, boolean isHarmless) {}

    /** True if nothing is wrong that opening the store would not set right. */
    public boolean isSound() {
        return findings.stream().allMatch(Finding::isHarmless);
    }
}
