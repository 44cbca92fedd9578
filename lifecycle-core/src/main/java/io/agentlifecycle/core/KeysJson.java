package io.agentlifecycle.core;

import io.agentlifecycle.core.audit.Json;
import io.agentlifecycle.core.audit.JsonFields;
import io.agentlifecycle.core.credential.KeyHistory;

/** The keys that an agent had before, as they stand in its record; a record without them is of an agent that had none. */
final class KeysJson {
    private KeysJson() {}

    static Json write(KeyHistory keys) {
        return Json.object()
                .put("rotations", keys.rotations())
                .put(
                        "past",
                        new Json.Arr(keys.past().stream()
                                .<Json>map(past -> Json.object()
                                        .put("kid", past.keyThumbprint())
                                        .put("until", past.until().toString())
                                        .put("gen", past.lastGeneration())
                                        .build())
                                .toList()))
                .build();
    }

    static KeyHistory read(JsonFields keys) {
        var result = new KeyHistory(
                keys.integer("rotations"),
                keys.objects("past").stream()
                        .map(past -> {
                            var read =
                                    new KeyHistory.Past(past.string("kid"), past.instant("until"), past.integer("gen"));
                            past.end();
                            return read;
                        })
                        .toList());
        keys.end();
        return result;
    }
}
