package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.hold.ReleaseAuthority;
import java.time.Instant;
import java.util.Optional;

/** What events and records say of how a hold stands: nothing of one that an operator may release at any time. */
final class HoldJson {
    static final String AUTHORITY = "authority";
    static final String UNTIL = "until";

    private HoldJson() {}

    static Json.ObjBuilder put(Json.ObjBuilder json, ReleaseAuthority authority, Optional<Instant> until) {
        if (authority != ReleaseAuthority.OPERATOR) {
            json.put(AUTHORITY, authority.wire());
        }
        return json.put(UNTIL, until.map(Instant::toString));
    }

    static ReleaseAuthority authority(JsonFields fields) {
        return fields.optionalParsed(
                        AUTHORITY, wire -> ReleaseAuthority.ofWire(wire).orElseThrow(IllegalArgumentException::new))
                .orElse(ReleaseAuthority.OPERATOR);
    }
}
