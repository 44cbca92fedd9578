package io.agentlifecycle.storage.json;

import io.agentlifecycle.testkit.StoreMedium;

/** A medium whose {@code force} can be made to fail or to stand still. */
abstract class GatedMedium implements StoreMedium {
    private final DisturbedIo io;

    GatedMedium(DisturbedIo io) {
        this.io = io;
    }

    @Override
    public void fail() {
        io.fail(op -> op.kind() == DisturbedIo.Kind.FORCE);
    }

    @Override
    public Stall stall() {
        DisturbedIo.Gate gate = io.gate();
        return new Stall() {
            @Override
            public void awaitCommit() throws InterruptedException {
                gate.awaitArrival();
            }

            @Override
            public void close() {
                gate.close();
            }
        };
    }
}
