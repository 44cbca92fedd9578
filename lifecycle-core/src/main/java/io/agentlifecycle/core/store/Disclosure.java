package io.agentlifecycle.core.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;

/**
 * A personal value of one event, which stands beside the event and not in it, so that it can be erased: the event has a
 * digest of it at most. It is opaque text, given back exactly as it was until it is erased.
 *
 * @param stream the chain that the event belongs to
 * @param n the event's position in that chain
 * @param content one line of at most {@link #MAX_BYTES} bytes of UTF-8; neither {@code toString} nor an exception shows it
 */
public record Disclosure(String stream, long n, String content) {
    /** How many bytes the content may have. */
    public static final int MAX_BYTES = 64 << 10;

    public Disclosure {
        requireNonNull(stream, "stream");
        Text.line("the content of a disclosure", content, MAX_BYTES);
        int bytes = content.getBytes(UTF_8).length;
        if (bytes > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "the content of a disclosure must have at most " + MAX_BYTES + " bytes but had " + bytes);
        }
    }

    /** True if it is of {@code event}. */
    public boolean isOf(StoredEvent event) {
        return n == event.n() && stream.equals(event.stream());
    }

    /** Names the event and not the content. */
    @Override
    public String toString() {
        return "Disclosure[stream=" + stream + ", n=" + n + "]";
    }
}
