package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.TenantId;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Which records to list, ordered by tenant and id.
 *
 * @param tenant only those of this tenant; empty means all
 * @param index for each name, the record has one of these values under it in its index
 */
public record RecordQuery(String kind, Optional<TenantId> tenant, Map<String, Set<String>> index) {
    public RecordQuery {
        requireNonNull(kind, "kind");
        requireNonNull(tenant, "tenant");
        Map<String, Set<String>> sorted = new TreeMap<>();
        index.forEach((name, values) -> {
            if (values.isEmpty()) {
                throw new IllegalArgumentException("no value is allowed for index " + name);
            }
            sorted.put(name, Set.copyOf(values));
        });
        index = Collections.unmodifiableMap(sorted);
    }

    /** Every record of that kind, in all tenants. */
    public static RecordQuery of(String kind) {
        return new RecordQuery(kind, Optional.empty(), Map.of());
    }

    /** True if {@code candidate} is one of those. */
    public boolean matches(StoredRecord candidate) {
        if (!candidate.key().kind().equals(kind)
                || tenant.isPresent() && !candidate.key().tenant().equals(tenant.get())) {
            return false;
        }
        return index.entrySet().stream().allMatch(condition -> {
            String value = candidate.index().get(condition.getKey());
            return value != null && condition.getValue().contains(value);
        });
    }
}
