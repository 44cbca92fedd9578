package io.agentlifecycle.examples;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.AccessTarget.CodeUnitAccessTarget;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** Holds the arrows between the modules, and what is true of all of them. Examples may use everything. */
class HouseTest {
    private static final String HOUSE = "io.agentlifecycle.";

    /** Each published jar, its package prefix, and the packages of other jars that it may use. */
    private static final List<Jar> JARS = List.of(
            jar("lifecycle-core", "core"),
            jar("lifecycle-credentials", "credentials", "core.."),
            jar("lifecycle-audit", "audit", "core..", "credentials.keys.."),
            jar("lifecycle-storage-json", "storage.json", "core.."),
            jar("lifecycle-testkit", "testkit", "core.."));

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(location -> !location.contains("/examples/target/"))
            .importPackages("io.agentlifecycle");

    @Test
    void every_jar_is_looked_at() throws IOException {
        Set<String> found = new TreeSet<>(packagesByPlace().keySet());
        Set<String> listed = new TreeSet<>(JARS.stream().map(Jar::name).toList());

        assertThat(found).as("jars on the class path").isEqualTo(listed);
        assertThat(modules()).as("modules of the parent").isEqualTo(listed);
        assertThat(all("<artifactId>(lifecycle-[a-z-]+)</artifactId>", Path.of("../extensions/lifecycle-bom/pom.xml")))
                .as("the BOM: itself, and every jar")
                .containsExactlyInAnyOrderElementsOf(with(listed, "lifecycle-bom"));
    }

    @Test
    void a_jar_holds_packages_of_its_own_prefix_only() {
        Map<String, Set<String>> packages = packagesByPlace();
        for (Jar jar : JARS) {
            assertThat(packages.get(jar.name()))
                    .as("packages of %s", jar.name())
                    .allMatch(name -> jar.owns(name), "start with " + jar.prefix());
        }
    }

    @Test
    void no_package_is_in_two_jars() {
        Map<String, Set<String>> places = new TreeMap<>();
        packagesByPlace()
                .forEach((place, packages) -> packages.forEach(name ->
                        places.computeIfAbsent(name, key -> new TreeSet<>()).add(place)));

        assertThat(places).allSatisfy((name, jars) -> assertThat(jars).hasSize(1));
    }

    @Test
    void jars_use_each_other_only_along_the_arrows() {
        Set<String> wrong = new TreeSet<>();
        for (JavaClass type : MAIN) {
            for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                String target =
                        dependency.getTargetClass().getBaseComponentType().getPackageName();
                if (target.startsWith(HOUSE) && !jarOf(type.getPackageName()).mayUse(target)) {
                    wrong.add(dependency.getDescription());
                }
            }
        }

        assertThat(wrong).as("uses that no arrow allows").isEmpty();
    }

    @Test
    void every_package_is_null_marked() {
        for (JavaClass type : MAIN) {
            JavaPackage home = type.getPackage();

            assertThat(home.tryGetPackageInfo())
                    .as("package-info of %s", home.getName())
                    .isPresent();
            assertThat(home.isAnnotatedWith(NullMarked.class))
                    .as(home.getName())
                    .isTrue();
        }
    }

    @Test
    void nothing_reads_the_wall_clock_or_sleeps() {
        noClasses()
                .should()
                .accessTargetWhere(describe("it is the wall clock, or sleeps", HouseTest::isWallClock))
                .because("time comes from the InstantSource that the host gave")
                .check(MAIN);
    }

    /** The same list as in core's ArchitectureTest, which tells it sooner. */
    private static boolean isWallClock(JavaAccess<?> access) {
        String owner = access.getTargetOwner().getName();
        String name = access.getName();
        boolean defaultOfTheBuilder =
                access.getOriginOwner().getName().equals("io.agentlifecycle.core.LifecycleManager$Builder");
        boolean measuresTheDisk = access.getOriginOwner().getName().equals("io.agentlifecycle.storage.json.FileIo");
        return switch (owner) {
            case "java.time.InstantSource" -> name.equals("system") && !defaultOfTheBuilder;
            case "java.time.Clock" -> name.startsWith("system") || name.matches("tick(Millis|Seconds|Minutes)");
            case "java.lang.System" -> name.equals("currentTimeMillis") || name.equals("nanoTime") && !measuresTheDisk;
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

    private static Jar jarOf(String packageName) {
        return JARS.stream()
                .filter(jar -> jar.owns(packageName))
                .findFirst()
                .orElseThrow(() -> new AssertionError(packageName + " has no jar in this test"));
    }

    /** Packages by the jar (or the module's folder of classes) that they were read from. */
    private static Map<String, Set<String>> packagesByPlace() {
        Pattern place = Pattern.compile("/(lifecycle-[a-z-]+?)(-\\d[^/]*\\.jar!/|/target/)");
        Map<String, Set<String>> packages = new TreeMap<>();
        for (JavaClass type : MAIN) {
            String source = type.getSource().orElseThrow().getUri().toString();
            Matcher matcher = place.matcher(source);
            String name = null;
            while (matcher.find()) {
                name = matcher.group(1);
            }
            packages.computeIfAbsent(name == null ? source : name, key -> new TreeSet<>())
                    .add(type.getPackageName());
        }
        return packages;
    }

    /** Examples and benchmarks are not published, may use everything, and are used by nobody. */
    private static final Set<String> UNPUBLISHED = Set.of("examples", "benchmarks");

    private static Set<String> modules() throws IOException {
        Set<String> jars = new TreeSet<>();
        for (String module : all("<module>([^<]+)</module>", Path.of("../pom.xml"))) {
            if (Files.isDirectory(Path.of("..", module, "src/main/java")) && !UNPUBLISHED.contains(module)) {
                jars.add(Path.of(module).getFileName().toString());
            }
        }
        return jars;
    }

    private static List<String> all(String regex, Path file) throws IOException {
        return Pattern.compile(regex)
                .matcher(Files.readString(file))
                .results()
                .map(result -> result.group(1))
                .toList();
    }

    private static Set<String> with(Set<String> names, String name) {
        Set<String> all = new TreeSet<>(names);
        all.add(name);
        return all;
    }

    private static Jar jar(String name, String prefix, String... mayUse) {
        List<String> uses = new ArrayList<>();
        for (String use : mayUse) {
            uses.add(HOUSE + use.substring(0, use.length() - "..".length()));
        }
        return new Jar(name, HOUSE + prefix, uses);
    }

    private record Jar(String name, String prefix, List<String> uses) {
        boolean owns(String packageName) {
            return isIn(prefix, packageName);
        }

        boolean mayUse(String packageName) {
            return owns(packageName) || uses.stream().anyMatch(use -> isIn(use, packageName));
        }

        private static boolean isIn(String prefix, String packageName) {
            return packageName.equals(prefix) || packageName.startsWith(prefix + ".");
        }
    }
}
