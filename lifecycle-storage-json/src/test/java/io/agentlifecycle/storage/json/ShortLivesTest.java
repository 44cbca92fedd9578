package io.agentlifecycle.storage.json;

import io.agentlifecycle.storage.json.StoreModelTest.Step;
import io.agentlifecycle.storage.json.StoreModelTest.Verb;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A few lives beside {@link StoreModel}, always the same ones: quick enough to be run for each of many small defects. */
class ShortLivesTest {
    private static final int LIVES = 12;
    private static final int STEPS = 50;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void the_store_is_what_the_model_says_after_every_step(int limits) {
        for (int life = 0; life < LIVES; life++) {
            var random = new Random(life);
            List<Step> steps = new ArrayList<>();
            for (int i = 0; i < STEPS; i++) {
                Verb verb = random.nextBoolean() ? Verb.COMMIT : Verb.values()[random.nextInt(Verb.values().length)];
                steps.add(new Step(verb, random.nextInt(1_000_000)));
            }
            StoreModelTest.live(steps, limits);
        }
    }
}
