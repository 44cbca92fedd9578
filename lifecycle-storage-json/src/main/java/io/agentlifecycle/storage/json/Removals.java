package io.agentlifecycle.storage.json;

/** What may stand in none of the files that a checkpoint leaves. */
record Removals(Erasures erasures, Prunes prunes) {
    static final Removals NONE = new Removals(Erasures.NONE, Prunes.NONE);

    boolean isEmpty() {
        return erasures.isEmpty() && prunes.isEmpty();
    }

    /** Whether it was erased, or its event is to be pruned. */
    boolean hide(Disclosed disclosed) {
        return erasures.hides(disclosed)
                || prunes.cover(
                        disclosed.disclosure().stream(), disclosed.disclosure().n());
    }
}
