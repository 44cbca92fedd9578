package io.agentlifecycle.core.store;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * Different elements in order, in chunks of neighbours: there is a place in several of these for every record, and a tree
 * takes 40 bytes for each of them, this about 6. An iterator is good until the next change. Not safe for use by several
 * threads.
 */
final class Sorted<T> {
    private static final int MOST = 256;

    private final Comparator<? super T> order;

    /** None of them is empty. */
    private final List<List<T>> chunks = new ArrayList<>();

    private int size;

    Sorted(Comparator<? super T> order) {
        this.order = order;
    }

    int size() {
        return size;
    }

    void add(T element) {
        if (chunks.isEmpty()) {
            chunks.add(new ArrayList<>(List.of(element)));
            size++;
            return;
        }
        int at = chunkOf(element);
        List<T> chunk = chunks.get(at);
        int place = placeOf(element, chunk);
        if (place < 0) {
            return;
        }
        chunk.add(place, element);
        size++;
        if (chunk.size() > MOST) {
            // one that grows at its end stays full, so that what comes in order leaves no gaps
            int half = place == MOST ? MOST : MOST / 2;
            chunks.add(at + 1, new ArrayList<>(chunk.subList(half, chunk.size())));
            chunks.set(at, new ArrayList<>(chunk.subList(0, half)));
        }
    }

    /** Where it belongs; negative if it is there. What comes in order belongs at the end. */
    private int placeOf(T element, List<T> chunk) {
        if (order.compare(chunk.get(chunk.size() - 1), element) < 0) {
            return chunk.size();
        }
        return -Collections.binarySearch(chunk, element, order) - 1;
    }

    void remove(T element) {
        if (chunks.isEmpty()) {
            return;
        }
        int at = chunkOf(element);
        List<T> chunk = chunks.get(at);
        int found = Collections.binarySearch(chunk, element, order);
        if (found >= 0) {
            chunk.remove(found);
            size--;
            if (chunk.isEmpty()) {
                chunks.remove(at);
            }
        }
    }

    /** The elements in order, beginning with {@code first}, or after it. */
    Iterator<T> from(T first, boolean inclusive) {
        if (chunks.isEmpty()) {
            return Collections.emptyIterator();
        }
        int at = chunkOf(first);
        int found = Collections.binarySearch(chunks.get(at), first, order);
        return new Elements(at, found < 0 ? -found - 1 : inclusive ? found : found + 1);
    }

    /** All elements in order. */
    Iterator<T> all() {
        return new Elements(0, 0);
    }

    /** The last chunk that does not begin after {@code element}; the first one if all do. */
    private int chunkOf(T element) {
        int low = 0;
        int high = chunks.size() - 1;
        if (order.compare(chunks.get(high).get(0), element) <= 0) {
            return high;
        }
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (order.compare(chunks.get(middle).get(0), element) <= 0) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return low;
    }

    private final class Elements implements Iterator<T> {
        private int chunk;
        private int next;

        Elements(int chunk, int next) {
            this.chunk = chunk;
            this.next = next;
        }

        @Override
        public boolean hasNext() {
            return chunk < chunks.size() && (next < chunks.get(chunk).size() || chunk + 1 < chunks.size());
        }

        @Override
        public T next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            if (next == chunks.get(chunk).size()) {
                chunk++;
                next = 0;
            }
            return chunks.get(chunk).get(next++);
        }
    }
}
