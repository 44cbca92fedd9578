package io.agentlifecycle.credentials;

import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Keys that one snapshot listed and a later one did not: whoever follows the snapshots believes them no more, whatever later
 * ones say, since the next thing that a thief signs is one that lists the stolen key again. Immutable.
 *
 * @param keyIds the newest {@link #MOST}, the latest last
 */
record WithdrawnKeys(Set<String> keyIds) {
    /** Those of sixty years, if keys live for 90 days. */
    static final int MOST = 512;

    static final WithdrawnKeys NONE = new WithdrawnKeys(Set.of());

    boolean has(String keyId) {
        return keyIds.contains(keyId);
    }

    /** Also with those of {@code before} that {@code next} leaves out. */
    WithdrawnKeys with(RevocationSnapshot before, RevocationSnapshot next) {
        Set<String> all = new LinkedHashSet<>(keyIds);
        for (String keyId : before.keys()) {
            if (!next.keys().contains(keyId)) {
                all.remove(keyId); // so that it becomes the latest
                all.add(keyId);
            }
        }
        var oldest = all.iterator();
        while (all.size() > MOST) {
            oldest.next();
            oldest.remove();
        }
        return new WithdrawnKeys(all);
    }
}
