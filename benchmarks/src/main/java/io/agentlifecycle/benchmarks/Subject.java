package io.agentlifecycle.benchmarks;

import java.nio.file.Path;
import java.util.List;

/** Something of which figures are taken. */
@FunctionalInterface
interface Subject {
    /** Measures; {@code scratch} is an empty directory on the disk that counts. */
    List<Figure> measure(Scale scale, Path scratch) throws Exception;
}
