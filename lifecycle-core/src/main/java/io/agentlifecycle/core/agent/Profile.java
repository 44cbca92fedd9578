package io.agentlifecycle.core.agent;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Text;
import io.agentlifecycle.core.secret.SecretRef;
import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What an agent is, in the words of whoever asked for it.
 *
 * @param name 1 to 256 characters
 * @param purpose at most 4,096 characters, possibly empty
 * @param agentType free text such as {@code langchain}, 1 to 64 characters
 * @param tags at most 64; keys of 1-64 of A-Z a-z 0-9 . _ / -, values of at most 256 characters; ordered by key
 */
public record Profile(String name, String purpose, String agentType, Map<String, String> tags) {
    /** Tags of such keys name secrets: {@code secret/NAME}. */
    public static final String SECRET = "secret/";

    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9._/-]{1,64}");
    private static final int MOST_TAGS = 64;

    public Profile {
        Text.line("name", name, 256);
        Text.prose("purpose", purpose, 4096);
        Text.line("agentType", agentType, 64);
        if (requireNonNull(tags, "tags").size() > MOST_TAGS) {
            throw new IllegalArgumentException(
                    "at most " + MOST_TAGS + " tags are allowed but there were " + tags.size());
        }
        SortedMap<String, String> sorted = new TreeMap<>();
        tags.forEach((key, value) -> {
            if (!TAG.matcher(key).matches()) {
                throw new IllegalArgumentException("tag must be 1-64 of A-Z a-z 0-9 . _ / - but was \"" + key + "\"");
            }
            sorted.put(key, Text.prose("value of tag " + key, value, 256));
        });
        tags = Collections.unmodifiableSortedMap(sorted);
    }

    /** Where the secrets are that it works with, by the names that it knows them by; they stand in its {@link #tags}. */
    public SortedMap<String, SecretRef> secrets() {
        SortedMap<String, SecretRef> secrets = new TreeMap<>();
        tags.forEach((key, value) -> {
            // what came into a record before such tags had a meaning is none
            if (key.startsWith(SECRET) && SecretRef.isRef(value)) {
                secrets.put(key.substring(SECRET.length()), SecretRef.of(value));
            }
        });
        return Collections.unmodifiableSortedMap(secrets);
    }
}
