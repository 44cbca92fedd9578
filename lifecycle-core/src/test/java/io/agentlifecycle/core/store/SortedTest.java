package io.agentlifecycle.core.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What takes the place of trees is what they were. */
class SortedTest {
    @Test
    void it_holds_what_a_tree_holds_over_many_chunks() {
        var random = new Random(3);
        var tree = new TreeSet<Integer>();
        var sorted = new Sorted<Integer>(Comparator.naturalOrder());
        for (int i = 0; i < 40_000; i++) {
            Integer element = random.nextInt(6_000);
            // first it grows, then it shrinks to nothing and chunks go away
            if (random.nextInt(10) < (i < 20_000 ? 7 : 1)) {
                tree.add(element);
                sorted.add(element);
            } else {
                tree.remove(element);
                sorted.remove(element);
            }
            if (i % 500 == 0) {
                assertThat(sorted.size()).isEqualTo(tree.size());
                assertThat(rest(sorted.all())).containsExactlyElementsOf(tree);
                assertThat(rest(sorted.from(element, true))).containsExactlyElementsOf(tree.tailSet(element, true));
                assertThat(rest(sorted.from(element, false))).containsExactlyElementsOf(tree.tailSet(element, false));
            }
        }
        for (Integer element : List.copyOf(tree)) {
            sorted.remove(element);
        }
        assertThat(rest(sorted.all())).isEmpty();
        assertThat(rest(sorted.from(0, true))).isEmpty();
    }

    @Test
    void it_takes_in_what_comes_in_order() {
        var sorted = new Sorted<Integer>(Comparator.naturalOrder());
        List<Integer> all = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            sorted.add(i);
            all.add(i);
        }

        assertThat(rest(sorted.all())).isEqualTo(all);
    }

    @Test
    void the_terms_of_a_record_are_in_order_and_equal_any_other_map() {
        Map<String, String> given = Map.of("type", "langchain", "state", "active", "owner", "alice");
        Map<String, String> terms = Terms.copyOf(given);

        assertThat(terms).isEqualTo(given).hasSameHashCodeAs(given);
        assertThat(terms.keySet()).containsExactly("owner", "state", "type");
        assertThat(terms.get("state")).isEqualTo("active");
        assertThat(terms.get("other")).isNull();
    }

    private static <T> List<T> rest(Iterator<T> elements) {
        List<T> rest = new ArrayList<>();
        elements.forEachRemaining(rest::add);
        return rest;
    }
}
