package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import java.time.Instant;

/**
 * Who approved what.
 *
 * @param by the approver's id
 * @param shown the digest of what was approved, base64url of SHA-256
 */
public record ApprovalRef(String by, Instant at, String shown) {
    public ApprovalRef {
        Text.line("approver", by, 256);
        requireNonNull(at, "at");
        Text.line("shown digest", shown, 43);
    }
}
