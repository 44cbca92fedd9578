package io.agentlifecycle.storage.json;

/**
 * One line of the index of an audit segment: where consecutive events of one stream stand.
 *
 * @param first the position in the stream of the first of them
 * @param offsets where each of them stands; two of one commit stand at the same place
 */
record IndexLine(String stream, long first, Offsets offsets) {
    long end() {
        return first + offsets.size();
    }

    LineWriter.Written written(int from, int to) {
        var text = new StringBuilder(64)
                .append("{\"s\":")
                .append(LineWriter.quote(stream))
                .append(",\"n\":")
                .append(first + from)
                .append(",\"at\":[");
        for (int i = from; i < to; i++) {
            text.append(i == from ? "" : ",").append(offsets.get(i));
        }
        return LineWriter.closed(text.append(']').toString());
    }
}
