package io.agentlifecycle.storage.json;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What threads did with one record, and whether it could have come about one by one. A record is a register with a
 * version: a write names the version that it replaces. Like Wing and Gong, the search takes any call that began before
 * every other one ended, and goes on from there; what it has seen it does not look at again.
 */
final class CallHistory {
    /** Nothing ever came back from the call. */
    static final long NEVER = Long.MAX_VALUE;

    /** What a record is: its version, 0 if there is none, and who wrote it. */
    record Value(long version, String writer) {
        static final Value NONE = new Value(0, "");
    }

    /** What came of a call. */
    sealed interface Outcome {}

    /** A read saw this. */
    record Saw(Value value) implements Outcome {}

    /** A write was applied. */
    record Applied() implements Outcome {}

    /** A write was refused, since the record had that version. */
    record Refused(long current) implements Outcome {}

    /** A write that may have happened until its end, or never. */
    record Unknown() implements Outcome {}

    /**
     * One call. {@code began} and {@code ended} are ticks of one clock: the call took effect between them.
     *
     * @param replaces the version that a write replaces
     * @param writer empty for a read
     */
    record Call(long began, long ended, long replaces, String writer, Outcome outcome) {
        /** The value after this call, if it may come next. */
        Optional<Value> after(Value before) {
            if (outcome instanceof Saw saw) {
                return saw.value().equals(before) ? Optional.of(before) : Optional.empty();
            }
            boolean fits = before.version() == replaces;
            if (outcome instanceof Refused refused) {
                return !fits && refused.current() == before.version() ? Optional.of(before) : Optional.empty();
            }
            return fits ? Optional.of(new Value(replaces + 1, writer)) : Optional.empty();
        }

        boolean mayBeLeftOut() {
            return outcome instanceof Unknown;
        }
    }

    private record Seen(BitSet done, Value value) {}

    private final List<Call> calls;
    private final Set<Seen> seen = new HashSet<>();

    private CallHistory(List<Call> calls) {
        this.calls = new ArrayList<>(calls);
        this.calls.sort(Comparator.comparingLong(Call::began));
    }

    /** Whether these calls of one record, which was not there before, could have come about one by one. */
    static boolean isLinearizable(List<Call> calls) {
        return new CallHistory(calls).goesOn(new BitSet(), Value.NONE);
    }

    private boolean goesOn(BitSet done, Value value) {
        if (!seen.add(new Seen((BitSet) done.clone(), value))) {
            return false;
        }
        // the first end of a call that is still to come; what began later cannot be next
        long end = NEVER;
        boolean complete = true;
        for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
            if (!calls.get(i).mayBeLeftOut()) {
                complete = false;
                end = Math.min(end, calls.get(i).ended());
            }
        }
        if (complete) {
            return true;
        }
        for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
            Call call = calls.get(i);
            if (call.began() > end) {
                break;
            }
            Optional<Value> after = call.after(value);
            if (after.isPresent()) {
                BitSet next = (BitSet) done.clone();
                next.set(i);
                leaveOutWhatIsOver(next, call.began());
                if (goesOn(next, after.get())) {
                    return true;
                }
            }
        }
        return false;
    }

    /** What may have happened, but had ended before a call that happened now, did not. */
    private void leaveOutWhatIsOver(BitSet done, long now) {
        for (int i = done.nextClearBit(0); i < calls.size(); i = done.nextClearBit(i + 1)) {
            if (calls.get(i).mayBeLeftOut() && calls.get(i).ended() < now) {
                done.set(i);
            }
        }
    }
}
