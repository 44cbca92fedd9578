package io.agentlifecycle.core.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.agentlifecycle.core.audit.Digests;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StoredEventTest {
    private static final StoredEvent WHOLE = new StoredEvent("a", 3, "{\"n\":3}", Optional.of("c2ln"));
    private static final String LEAF = Digests.leafHash(WHOLE.canonical());

    @Test
    void a_pruned_event_keeps_its_place_and_its_leaf_hash_and_nothing_else() {
        StoredEvent pruned = WHOLE.pruned();

        assertThat(pruned).isEqualTo(StoredEvent.pruned("a", 3, LEAF));
        assertThat(pruned.isPruned()).isTrue();
        assertThat(pruned.stream()).isEqualTo("a");
        assertThat(pruned.n()).isEqualTo(3);
        assertThat(pruned.canonical()).isEmpty();
        assertThat(pruned.signature()).isEmpty();
        assertThat(pruned.prunedLeaf()).contains(LEAF);
        assertThat(pruned.leafHash()).isEqualTo(LEAF).isEqualTo(WHOLE.leafHash());
        assertThat(pruned.pruned()).isSameAs(pruned);
        assertThat(WHOLE.isPruned()).isFalse();
    }

    @Test
    void an_event_has_a_text_or_a_leaf_hash_and_not_both() {
        assertThatThrownBy(() -> new StoredEvent("a", 3, "", Optional.of("c2ln")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("event 3 of stream a has neither");
        assertThatThrownBy(() -> new StoredEvent("a", 3, "{}", Optional.empty(), Optional.of(LEAF)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no text and no signature");
        assertThatThrownBy(() -> new StoredEvent("a", 3, "", Optional.of("c2ln"), Optional.of(LEAF)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no text and no signature");
    }

    @Test
    void a_leaf_hash_is_43_characters_of_base64url() {
        for (String wrong : List.of("", LEAF.substring(1), LEAF + "AAAA", LEAF + "=", "*" + LEAF.substring(1))) {
            assertThatThrownBy(() -> StoredEvent.pruned("a", 3, wrong))
                    .as(wrong)
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void a_commit_has_no_pruned_events() {
        assertThatThrownBy(() ->
                        new Commit(new RequestId("r-1"), Instant.EPOCH, List.of(), List.of(), List.of(WHOLE.pruned())))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("event 3 of stream a is pruned");
    }
}
