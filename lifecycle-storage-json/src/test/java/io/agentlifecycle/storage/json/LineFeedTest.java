package io.agentlifecycle.storage.json;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.IntRange;

class LineFeedTest {
    @Property(tries = 20_000)
    void the_first_line_feed_of_the_range_is_found(
            @ForAll("bytes") byte[] bytes, @ForAll @IntRange(max = 48) int a, @ForAll @IntRange(max = 48) int b) {
        int from = Math.min(a, b) % (bytes.length + 1);
        int to = Math.max(from, Math.max(a, b) % (bytes.length + 1));

        assertThat(LineFile.lineFeed(bytes, from, to)).isEqualTo(oneByOne(bytes, from, to));
    }

    /** Those around a line feed, and those that differ from one in the highest bit or the lowest, are what may be mixed up. */
    @Provide
    Arbitrary<byte[]> bytes() {
        return Arbitraries.frequencyOf(
                        Tuple.of(8, Arbitraries.of((byte) 'a', (byte) 0x0b, (byte) 0x09, (byte) 0x8a)),
                        Tuple.of(4, Arbitraries.bytes()),
                        Tuple.of(1, Arbitraries.just((byte) '\n')))
                .array(byte[].class)
                .ofMaxSize(48);
    }

    private static int oneByOne(byte[] bytes, int from, int to) {
        int at = from;
        while (at < to && bytes[at] != '\n') {
            at++;
        }
        return at;
    }
}
