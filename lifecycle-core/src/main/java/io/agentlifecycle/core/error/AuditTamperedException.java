package io.agentlifecycle.core.error;

import java.util.List;

/** The log, or a record, is not what the log says it must be. Its code is {@code audit-tampered}. */
public final class AuditTamperedException extends LifecycleException {
    private static final long serialVersionUID = 1L;

    private final transient List<String> findings;

    /** Lists what was found, the first bad event first. */
    public AuditTamperedException(List<String> findings) {
        super(
                "audit-tampered",
                "the log does not verify: %s%s; keep a copy of the store before doing anything else"
                        .formatted(
                                findings.get(0),
                                findings.size() > 1 ? " (and " + (findings.size() - 1) + " more findings)" : ""),
                null);
        this.findings = List.copyOf(findings);
    }

    /** All that was found, each naming its stream and position or its record. */
    public List<String> findings() {
        return findings;
    }
}
