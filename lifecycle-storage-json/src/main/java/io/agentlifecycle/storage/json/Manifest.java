package io.agentlifecycle.storage.json;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import java.util.Optional;

/**
 * What a store is: the file MANIFEST.json, changed only when a snapshot is made.
 *
 * @param snapshot the newest snapshot, if there is one
 */
record Manifest(int format, String storeId, Optional<Reference> snapshot) {
    static final String NAME = "MANIFEST.json";
    static final int FORMAT = 1;

    /** A snapshot with its digest. */
    record Reference(String file, long seqTo, String sha256) {
        Reference {
            if (!file.equals(nameOf(seqTo))) {
                throw new IllegalArgumentException("no snapshot up to line " + seqTo + " is named " + file);
            }
        }

        static String nameOf(long seqTo) {
            return "snapshot-%016d.json".formatted(seqTo);
        }
    }

    String encode() {
        Json.ObjBuilder object = Json.object().put("format", format).put("storeId", storeId);
        snapshot.ifPresent(reference -> object.put(
                "snapshot",
                Json.object()
                        .put("file", reference.file())
                        .put("seqTo", reference.seqTo())
                        .put("sha256", reference.sha256())
                        .build()));
        return CanonicalJson.write(object.build()) + "\n";
    }

    /** Reads what {@link #encode} wrote; throws IllegalArgumentException for anything else. */
    static Manifest decode(String text) {
        if (!text.endsWith("\n")) {
            throw new IllegalArgumentException("it does not end");
        }
        var fields = new JsonFields("manifest", CanonicalJson.read(text.substring(0, text.length() - 1), 65_536));
        long format = fields.integer("format");
        if (format > FORMAT) {
            throw new NewerFormatException(format);
        }
        if (format < 1) {
            throw new IllegalArgumentException("there is no format " + format);
        }
        var manifest = new Manifest(
                (int) format,
                fields.string("storeId"),
                fields.optionalObject("snapshot").map(reference -> {
                    var read = new Reference(
                            reference.string("file"), reference.integer("seqTo"), reference.string("sha256"));
                    reference.end();
                    return read;
                }));
        fields.end();
        return manifest;
    }

    /** A newer version wrote it. */
    static final class NewerFormatException extends IllegalArgumentException {
        private static final long serialVersionUID = 1L;

        NewerFormatException(long format) {
            super("it has format " + format + ", and this version knows " + FORMAT);
        }
    }
}
