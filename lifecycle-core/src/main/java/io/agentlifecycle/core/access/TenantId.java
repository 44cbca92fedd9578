package io.agentlifecycle.core.access;

import static java.util.Objects.requireNonNull;

import java.util.regex.Pattern;

/** Names one tenant of a host. A host with a single tenant never sees it: everything is in {@link #DEFAULT}. */
public record TenantId(String value) implements Comparable<TenantId> {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9._:-]{1,64}");

    /** The tenant of a host that has no tenants. */
    public static final TenantId DEFAULT = new TenantId("default");

    public TenantId {
        if (!FORM.matcher(requireNonNull(value, "value")).matches()) {
            throw new IllegalArgumentException(
                    "tenant id must be 1-64 of A-Z a-z 0-9 . _ : - but was \"" + value + "\"");
        }
    }

    /** The tenant of that name. */
    public static TenantId of(String value) {
        return DEFAULT.value.equals(value) ? DEFAULT : new TenantId(value);
    }

    @Override
    public int compareTo(TenantId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
