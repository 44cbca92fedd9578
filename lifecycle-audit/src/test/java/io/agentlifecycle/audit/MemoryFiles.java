package io.agentlifecycle.audit;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Files in memory, whose machine stops at a given change. */
final class MemoryFiles implements LogFiles {
    final Map<String, byte[]> files = new TreeMap<>();
    private int left = Integer.MAX_VALUE;

    static final class Crash extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    void crashAt(int operation) {
        left = operation;
    }

    /** Something after which the machine may stop. */
    void operation() {
        if (left-- == 0) {
            throw new Crash();
        }
    }

    @Override
    public Optional<byte[]> read(String path, int most) throws IOException {
        byte[] bytes = files.get(path);
        if (bytes != null && bytes.length > most) {
            throw new IOException(path + " is too long");
        }
        return Optional.ofNullable(bytes).map(found -> Arrays.copyOf(found, found.length));
    }

    @Override
    public void write(String path, byte[] bytes) {
        operation();
        files.put(path, bytes.clone());
    }

    @Override
    public long size(String path) {
        return growing(path).length;
    }

    @Override
    public byte[] read(String path, long from, int most) {
        byte[] bytes = growing(path);
        return Arrays.copyOfRange(bytes, (int) Math.min(from, bytes.length), (int) Math.min(from + most, bytes.length));
    }

    private byte[] growing(String path) {
        return files.getOrDefault(path, new byte[0]);
    }

    /** A crash leaves the first half of what was to be appended; the next one, all of it. */
    @Override
    public void append(String path, long at, byte[] bytes) {
        byte[] kept = Arrays.copyOf(growing(path), Math.toIntExact(at));
        files.put(path, joined(kept, Arrays.copyOf(bytes, bytes.length / 2)));
        operation();
        files.put(path, joined(kept, bytes));
        operation();
    }

    private static byte[] joined(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    @Override
    public void deleteFolder(String path) {
        for (String each : new HashMap<>(files).keySet()) {
            if (each.startsWith(path + "/")) {
                operation();
                files.remove(each);
            }
        }
    }
}
