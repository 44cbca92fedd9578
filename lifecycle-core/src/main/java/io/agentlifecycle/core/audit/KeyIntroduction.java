package io.agentlifecycle.core.audit;

import static java.util.Objects.requireNonNull;

/**
 * What a key signs to show that whoever introduces it to a log holds its private half: nobody can introduce the key of
 * somebody else.
 *
 * @param log the origin of the log
 * @param key the key that is introduced
 */
public record KeyIntroduction(String log, PublicJwk key) {
    /** The type under which it is signed. */
    public static final String PAYLOAD_TYPE = "application/vnd.agent-lifecycle.key-introduction.v1+json";

    public KeyIntroduction {
        requireNonNull(log, "log");
        requireNonNull(key, "key");
    }

    /** The text that is signed. */
    public String payload() {
        return CanonicalJson.write(
                Json.object().put("log", log).put("new", key.toJson()).build());
    }
}
