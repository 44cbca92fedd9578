package io.agentlifecycle.core.store;

import static java.util.Objects.requireNonNull;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The few names and values of one record in order of the names, in a single array. Immutable. */
final class Terms extends AbstractMap<String, String> {
    /** Name, value, name, value. */
    private final String[] texts;

    private Terms(String[] texts) {
        this.texts = texts;
    }

    static Map<String, String> copyOf(Map<String, String> given) {
        if (given instanceof Terms terms) {
            return terms;
        }
        boolean inOrder = given instanceof SortedMap<String, String> sorted && sorted.comparator() == null;
        var texts = new String[given.size() * 2];
        int i = 0;
        for (Map.Entry<String, String> entry : (inOrder ? given : new TreeMap<>(given)).entrySet()) {
            texts[i++] = entry.getKey();
            texts[i++] = requireNonNull(entry.getValue(), "index value");
        }
        return new Terms(texts);
    }

    /** Of names and values in turn, which are in order of the names. */
    static Map<String, String> inOrder(List<String> texts) {
        return new Terms(texts.toArray(String[]::new));
    }

    @Override
    public @Nullable String get(Object name) {
        for (int i = 0; i < texts.length; i += 2) {
            if (texts[i].equals(name)) {
                return texts[i + 1];
            }
        }
        return null;
    }

    @Override
    public Set<Map.Entry<String, String>> entrySet() {
        return new AbstractSet<>() {
            @Override
            public int size() {
                return texts.length / 2;
            }

            @Override
            public Iterator<Map.Entry<String, String>> iterator() {
                return new Entries();
            }
        };
    }

    private final class Entries implements Iterator<Map.Entry<String, String>> {
        private int next;

        @Override
        public boolean hasNext() {
            return next < texts.length;
        }

        @Override
        public Map.Entry<String, String> next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            next += 2;
            return Map.entry(texts[next - 2], texts[next - 1]);
        }
    }
}
