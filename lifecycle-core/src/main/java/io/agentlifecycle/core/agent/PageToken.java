package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.access.Text;

/**
 * A place in a list that is ordered by tenant and id. It names the last item already given, so a list that changes in
 * between neither repeats nor skips what stayed in it.
 */
public record PageToken(TenantId tenant, String id) {
    public PageToken {
        requireNonNull(tenant, "tenant");
        Text.line("page token", id, 256);
    }

    /**
     * Reads what {@link #toString} wrote.
     *
     * @throws IllegalArgumentException if it is not such a text
     */
    public static PageToken parse(String text) {
        int slash = requireNonNull(text, "text").indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("page token must be tenant/id but was \"" + text + "\"");
        }
        return new PageToken(TenantId.of(text.substring(0, slash)), text.substring(slash + 1));
    }

    @Override
    public String toString() {
        return tenant + "/" + id;
    }
}
