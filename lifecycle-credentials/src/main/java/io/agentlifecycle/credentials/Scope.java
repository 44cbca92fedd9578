package io.agentlifecycle.credentials;

import io.agentlifecycle.core.access.Capability;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** Capabilities as one text, and back: in their order, each once, with one space between them, no wildcard. */
final class Scope {
    private Scope() {}

    static String write(Set<String> capabilities) {
        return String.join(" ", new TreeSet<>(capabilities));
    }

    /** Empty if it is no such text. */
    static Optional<Set<String>> read(String text) {
        List<String> parts = Arrays.asList(text.split(" ", -1));
        Set<String> capabilities = new TreeSet<>(parts);
        return parts.stream().allMatch(Capability::isName)
                        && write(capabilities).equals(text)
                ? Optional.of(capabilities)
                : Optional.empty();
    }
}
