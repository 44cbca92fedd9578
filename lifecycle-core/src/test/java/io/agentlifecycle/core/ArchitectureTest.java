package io.agentlifecycle.core;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaModifier.SYNCHRONIZED;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.AccessTarget.CodeUnitAccessTarget;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;

/** Holds the arrows inside core, and what its code never touches. */
class ArchitectureTest {
    private static final String CORE = "io.agentlifecycle.core";
    private static final String ROOT = "(root)";

    /**
     * Which package may use which: one a row, or several that do not use each other. An arrow points to a lower row,
     * and may skip rows; it never points up. A new subject adds its package to a row, with the reason in the commit.
     */
    private static final List<List<String>> ROWS = rows(
            // nobody uses testing, which is for tests: ours and the host's
            "(root) testing",
            "spi",
            "store",
            "error",
            "audit",
            "agent",
            "approval hold quarantine credential deploy delegation secret",
            "budget",
            "access");

    private static final Map<String, Integer> ROW_OF = rowOf();

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(CORE);

    @Test
    void the_code_of_core_is_looked_at() {
        assertThat(MAIN).as("classes found on the class path").isNotEmpty();
        assertThat(MAIN)
                .as("test classes among them")
                .noneMatch(c -> c.getName().endsWith("Test"));
    }

    @Test
    void every_package_stands_in_a_row() {
        Set<String> unknown = new TreeSet<>();
        for (JavaClass type : MAIN) {
            if (!ROW_OF.containsKey(shortPackage(type))) {
                unknown.add(type.getPackageName());
            }
        }

        assertThat(unknown).as("packages of core without a row in this test").isEmpty();
    }

    @Test
    void arrows_point_to_lower_rows() {
        Set<String> wrong = new TreeSet<>();
        for (JavaClass type : MAIN) {
            for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                JavaClass target = dependency.getTargetClass().getBaseComponentType();
                if (target.getPackageName().startsWith(CORE) && !mayUse(shortPackage(type), shortPackage(target))) {
                    wrong.add("%s -> %s: %s"
                            .formatted(shortPackage(type), shortPackage(target), dependency.getDescription()));
                }
            }
        }

        assertThat(wrong).as("arrows that do not point to a lower row").isEmpty();
    }

    @Test
    void core_uses_the_jdk_slf4j_and_jspecify_only() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideOutsideOfPackages(CORE + "..", "java..", "org.slf4j", "org.jspecify..")
                .check(MAIN);
    }

    @Test
    void nothing_reads_the_wall_clock_or_sleeps() {
        noClasses()
                .should()
                .accessTargetWhere(describe("it is the wall clock, or sleeps", ArchitectureTest::isWallClock))
                .because("time comes from the InstantSource that the host gave")
                .check(MAIN);
    }

    @Test
    void nothing_draws_random_numbers_that_can_be_guessed() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName(java.util.Random.class.getName())
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName(java.util.SplittableRandom.class.getName())
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName(ThreadLocalRandom.class.getName())
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.util.random.RandomGeneratorFactory")
                .orShould()
                .accessTargetWhere(describe(
                        "it is Math.random or finds a generator by itself",
                        access -> isStatic(access, "java.lang.Math", "random")
                                || isStatic(access, "java.lang.StrictMath", "random")
                                || isStatic(access, "java.util.random.RandomGenerator", "getDefault")
                                || isStatic(access, "java.util.random.RandomGenerator", "of")))
                .check(MAIN);
    }

    @Test
    void no_method_is_synchronized() {
        noMethods()
                .should()
                .haveModifier(SYNCHRONIZED)
                .because("a lock that callers can take is part of the API")
                .check(MAIN);
    }

    private static boolean mayUse(String from, String to) {
        Integer upper = ROW_OF.get(from);
        Integer lower = ROW_OF.get(to);
        if (upper == null || lower == null) {
            return true; // told by every_package_stands_in_a_row
        }
        return from.equals(to) || upper < lower;
    }

    private static String shortPackage(JavaClass type) {
        String name = type.getPackageName();
        return name.equals(CORE) ? ROOT : name.substring(CORE.length() + 1);
    }

    private static boolean isWallClock(JavaAccess<?> access) {
        String owner = access.getTargetOwner().getName();
        String name = access.getName();
        boolean defaultOfTheBuilder = access.getOriginOwner().getName().equals(CORE + ".LifecycleManager$Builder");
        return switch (owner) {
            case "java.time.InstantSource" -> name.equals("system") && !defaultOfTheBuilder;
            case "java.time.Clock" -> name.startsWith("system") || name.matches("tick(Millis|Seconds|Minutes)");
            case "java.lang.System" -> name.equals("currentTimeMillis") || name.equals("nanoTime");
            case "java.lang.Thread", "java.util.concurrent.TimeUnit" -> name.equals("sleep");
            case "java.util.Date" -> name.equals("<init>") && hasNoParameters(access);
            case "java.util.Calendar" -> name.equals("getInstance");
            case "java.util.GregorianCalendar" -> name.equals("<init>");
            default -> owner.startsWith("java.time.") && name.equals("now");
        };
    }

    private static boolean hasNoParameters(JavaAccess<?> access) {
        return access.getTarget() instanceof CodeUnitAccessTarget target
                && target.getRawParameterTypes().isEmpty();
    }

    private static boolean isStatic(JavaAccess<?> access, String owner, String name) {
        return access.getTargetOwner().getName().equals(owner)
                && access.getName().equals(name);
    }

    private static List<List<String>> rows(String... rows) {
        return Arrays.stream(rows).map(row -> List.of(row.split(" "))).toList();
    }

    private static Map<String, Integer> rowOf() {
        Map<String, Integer> rowOf = new HashMap<>();
        for (int row = 0; row < ROWS.size(); row++) {
            for (String name : ROWS.get(row)) {
                assertThat(rowOf.put(name, row))
                        .as("%s stands in one row", name)
                        .isNull();
            }
        }
        return Map.copyOf(rowOf);
    }
}
