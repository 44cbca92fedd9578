package io.agentlifecycle.credentials;

import static io.agentlifecycle.credentials.TokenVerdict.Reason.ACTOR;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.AGENT;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.ALGORITHM;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.AUDIENCE;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.CLAIM_UNKNOWN;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.CREDENTIAL;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.CREDENTIAL_ID;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.EXPIRED;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.GENERATION;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.HEADER;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.HEADER_MEMBERS;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.ISSUER;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.KEY_BINDING;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.KEY_RETIRED;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.KEY_UNKNOWN;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.KEY_UNSOUND;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.LIFE_TOO_LONG;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.NOT_CANONICAL;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.NOT_COMPACT;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.NOT_YET_VALID;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PARENT;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PAYLOAD;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_REQUIRED;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.SCOPE;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.SIGNATURE;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.SUBJECT;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.TIMES;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.TYPE;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.TenantId;
import io.agentlifecycle.core.credential.IssuedCredential;
import io.agentlifecycle.core.spi.SigningKeyStore.Purpose;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import io.agentlifecycle.credentials.keys.InMemoryKeys;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What an attacker, a bug or another library could send, a verdict each. Unless a case says otherwise its token is signed by
 * the good key, so that only the check it is about stands in its way. The other column is nimbus-jose-jwt, set as strictly
 * as it can be: {@code nimbusAccepts} says why it does what we do not.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TokenCasesTest {
    // why nimbus accepts what we do not
    private static final String ONE_SPELLING = "it takes several spellings of one token";
    private static final String TRIMS = "it trims the text";
    private static final String IGNORES_MEMBERS = "it ignores header members that it need not understand";
    private static final String IGNORES_CASE = "it compares types without their case";
    private static final String LENIENT_JSON = "its JSON reader is lenient";
    private static final String NO_PROFILE = "its claims are free: no rule of ours is known to it";
    private static final String ANY_OF = "it takes a list of audiences that has ours in it";
    private static final String NO_CAP = "it knows no longest life";
    private static final String NO_STATE = "it has the key set only, and cannot know what the manager knows";
    private static final String NO_PROOF = "it leaves the proof to the host";

    private static final BigInteger ORDER =
            BigInteger.TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));

    private record Case(
            String name, String token, Optional<Reason> expected, boolean nimbus, String why, boolean issued) {
        Case nimbusAccepts(String because) {
            return new Case(name, token, expected, true, because, issued);
        }

        /** Who has the key set and a snapshot knows what became of tokens that were issued, and of no others. */
        Optional<Reason> offline() {
            return expected.flatMap(reason -> switch (reason) {
                case KEY_RETIRED, KEY_UNSOUND -> Optional.of(KEY_UNKNOWN);
                case AGENT, CREDENTIAL, PARENT -> issued ? Optional.of(CREDENTIAL) : Optional.empty();
                default -> expected;
            });
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private final Bench bench = new Bench();
    private final List<Case> cases = new ArrayList<>();
    private CredentialVerifier plain;
    private CredentialVerifier cached;
    private OfflineVerifier offline;
    private NimbusPeer nimbus;

    @BeforeAll
    void draw() throws GeneralSecurityException {
        standings();
        TokenDraft good = bench.draft(bench.activate("bot"));
        accepted(good);
        texts(good);
        headers(good);
        keysAndSignatures(good);
        payloads(good);
        names(good);
        times(good);
        bindings(good);
        plain = bench.verifier();
        cached = bench.cached();
        offline = OfflineVerifier.builder(Bench.ISSUER, Bench.AUDIENCE, bench.clock)
                .skew(Duration.ZERO)
                .build();
        offline.follow(bench.issuer.jwks(), new RevocationSnapshots(bench.manager, bench.issuer).take());
        nimbus = new NimbusPeer(bench.issuer.jwks(), bench.clock);
    }

    @AfterAll
    void close() {
        bench.close();
    }

    List<Case> cases() {
        return cases;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void each_token_has_one_verdict(Case it) {
        for (CredentialVerifier verifier : List.of(plain, cached, plain, cached)) {
            TokenVerdict verdict = verifier.verify(it.token());

            if (it.expected().isEmpty()) {
                assertThat(verdict).isInstanceOf(TokenVerdict.Accepted.class);
            } else {
                assertThat(verdict)
                        .isInstanceOfSatisfying(
                                TokenVerdict.Rejected.class,
                                no -> assertThat(no.reason())
                                        .isEqualTo(it.expected().get()));
            }
            assertThat(verdict.toString())
                    .as("the verdict repeats nothing of the token")
                    .doesNotContain(
                            it.token().length() < 8
                                    ? "\0"
                                    : it.token().substring(it.token().length() - 8));
        }
        assertThat(nimbus.accepts(it.token()))
                .as("nimbus accepts: %s (%s)", it.name(), it.why())
                .isEqualTo(it.nimbus());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void each_token_has_the_same_verdict_offline_save_for_what_only_the_manager_knows(Case it) {
        TokenVerdict verdict = offline.verify(it.token());

        assertThat(verdict instanceof TokenVerdict.Rejected no ? Optional.of(no.reason()) : Optional.empty())
                .isEqualTo(it.offline());
        if (it.offline().isPresent()) {
            assertIntrospected(offline.introspect(it.token()), it.offline().get());
        }
        if (it.expected().isPresent()) {
            assertIntrospected(plain.introspect(it.token()), it.expected().get());
        }
    }

    /** Whoever asks has the proof, so only that a proof is missing does not count there. */
    private static void assertIntrospected(String said, Reason reason) {
        if (reason == Reason.PROOF_REQUIRED) {
            assertThat(said).startsWith("{\"active\":true,").contains("\"cnf\":", "\"token_type\":\"DPoP\"");
        } else {
            assertThat(said).isEqualTo("{\"active\":false}");
        }
    }

    @Test
    void there_are_many_cases_and_every_reason_that_a_token_alone_can_have_is_among_them() {
        Set<Reason> alone = EnumSet.range(Reason.NOT_COMPACT, Reason.PROOF_REQUIRED);
        alone.remove(Reason.SNAPSHOT_STALE);
        assertThat(cases).hasSizeGreaterThan(130);
        assertThat(cases).extracting(Case::name).doesNotHaveDuplicates();
        assertThat(cases.stream().flatMap(it -> it.expected().stream())).containsAll(alone);
    }

    private void accepted(TokenDraft good) {
        good("as issued", good);
        good("alg EdDSA", good.header("alg", "\"EdDSA\""));
        good("no scope", good.without("scope"));
        good("members in another order", good.withoutHeader("alg").header("alg", "\"Ed25519\""));
        good("white space inside the JSON", good.payloadText(text -> text.replace(",", " ,\n\t")));
        good("an escape in a string", good.payloadText(text -> text.replace("\"default/", "\"\\u0064efault\\/")));
        good("act", good.claim("act", actors(1)));
        good("act of depth 8", good.claim("act", actors(8)));
        good("the longest life", good.times(good.time("iat"), good.time("iat") + longest()));
        good("another generation", good.claim("gen", 9_007_199_254_740_991L));
        String second = bench.keys.generate().keyId();
        good("a newer key", good.header("kid", quoted(second)).signedBy(bench.signer(second)));
    }

    /** Checks 1 and 2. */
    private void texts(TokenDraft good) {
        String text = good.text();
        String[] part = text.split("\\.");
        bad("nothing", "", NOT_COMPACT);
        bad("a dot", ".", NOT_COMPACT);
        bad("two dots", "..", NOT_COMPACT);
        bad("three dots", "...", NOT_COMPACT);
        bad("one part", part[0], NOT_COMPACT);
        bad("two parts", part[0] + "." + part[1], NOT_COMPACT);
        bad("four parts", text + "." + part[2], NOT_COMPACT);
        bad("a dot at the end", text + ".", NOT_COMPACT);
        bad("a dot at the beginning", "." + text, NOT_COMPACT);
        bad("five parts, as of a JWE", text + "." + part[1] + "." + part[2], NOT_COMPACT);
        bad("two tokens", text + "," + text, NOT_COMPACT);
        bad("Bearer left on", "Bearer " + text, NOT_COMPACT);
        bad("space before", " " + text, NOT_COMPACT).nimbus(TRIMS);
        bad("space after", text + " ", NOT_COMPACT).nimbus(TRIMS);
        bad("line break after", text + "\n", NOT_COMPACT).nimbus(TRIMS);
        bad("CR LF after", text + "\r\n", NOT_COMPACT).nimbus(TRIMS);
        bad("line break before", "\n" + text, NOT_COMPACT).nimbus(TRIMS);
        bad("line break inside", good.edit(t -> t.replace(".", ".\n")).text(), NOT_COMPACT);
        bad("tab inside", text.substring(0, 50) + "\t" + text.substring(50), NOT_COMPACT);
        bad("NUL after", text + "\0", NOT_COMPACT).nimbus(TRIMS);
        bad("NUL inside", text.substring(0, 50) + "\0" + text.substring(50), NOT_COMPACT);
        bad("a letter that only looks right", text.replaceFirst("e", "\u0435"), NOT_COMPACT);
        bad("a letter that ends in the same byte", text.replaceFirst("e", "\u0165"), NOT_COMPACT);
        bad("a full-width letter", text.replaceFirst("e", "\uff45"), NOT_COMPACT);
        bad("a zero-width space after", text + "\u200b", NOT_COMPACT).nimbus(ONE_SPELLING);
        bad("a byte order mark before", "\ufeff" + text, NOT_COMPACT);
        bad("quotes around", "\"" + text + "\"", NOT_COMPACT);
        bad("dots percent-encoded", text.replace(".", "%2E"), NOT_COMPACT);
        bad("no header", "." + part[1] + "." + part[2], NOT_COMPACT);
        bad("no payload (detached)", part[0] + ".." + part[2], NOT_COMPACT);
        bad("no signature", part[0] + "." + part[1] + ".", NOT_COMPACT);
        bad(
                "alg none, no signature",
                good.header("alg", "\"none\"").edit(t -> t.substring(0, t.lastIndexOf('.') + 1)),
                NOT_COMPACT);
        bad(
                "JSON serialization",
                "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}".formatted(part[0], part[1], part[2]),
                NOT_COMPACT);
        bad("9 KB", good.payloadText(t -> t.replace("{", "{" + " ".repeat(6_500))), NOT_COMPACT)
                .nimbus("it has no limit of 8 KiB");
        bad("a megabyte of letters", "a".repeat(1 << 20), NOT_COMPACT);

        bad("padded header", text.replaceFirst("\\.", "=."), NOT_CANONICAL);
        bad("padded signature", text + "==", NOT_CANONICAL).nimbus(ONE_SPELLING);
        bad("the other alphabet", standardAlphabet(good), NOT_CANONICAL).nimbus(ONE_SPELLING);
        bad("stray bits in the signature", lastCharacterPlus(text, 1), NOT_CANONICAL)
                .nimbus(ONE_SPELLING);
        bad("all stray bits in the signature", lastCharacterPlus(text, 15), NOT_CANONICAL)
                .nimbus(ONE_SPELLING);
        bad("stray bits in the header", strayBits(good), NOT_CANONICAL);
        bad("three characters more", text + "AAA", NOT_CANONICAL);
        bad("one character more", text + "A", SIGNATURE);
        bad("one character less", text.substring(0, text.length() - 1), NOT_CANONICAL);
    }

    /** Checks 3 to 6. */
    private void headers(TokenDraft good) throws GeneralSecurityException {
        bad("header: no JSON", good.headerText(t -> "hello"), HEADER);
        bad("header: array", good.headerText(t -> "[" + t + "]"), HEADER);
        bad("header: string", good.headerText(t -> "\"x\""), HEADER);
        bad("header: null", good.headerText(t -> "null"), HEADER);
        bad("header: cut short", good.headerText(t -> t.substring(0, t.length() - 1)), HEADER);
        bad("header: alg twice", good.headerText(t -> "{\"alg\":\"none\"," + t.substring(1)), HEADER);
        bad("header: the same alg twice", good.headerText(t -> "{\"alg\":\"Ed25519\"," + t.substring(1)), HEADER);
        bad("header: kid twice, once escaped", good.headerText(t -> "{\"k\\u0069d\":\"x\"," + t.substring(1)), HEADER);
        bad("header: byte order mark", good.headerText(t -> "\ufeff" + t), HEADER)
                .nimbus(LENIENT_JSON);
        bad("header: white space before", good.headerText(t -> " " + t), HEADER).nimbus(LENIENT_JSON);
        bad("header: an object after", good.headerText(t -> t + "{}"), HEADER);
        bad("header: a letter after", good.headerText(t -> t + "x"), HEADER);
        bad("header: NUL after", good.headerText(t -> t + "\0"), HEADER);
        bad("header: comma before the end", good.headerText(t -> t.replace("}", ",}")), HEADER);
        bad("header: single quotes", good.headerText(t -> t.replace('"', '\'')), HEADER);
        bad("header: names without quotes", good.headerText(t -> t.replace("\"alg\"", "alg")), HEADER);
        bad("header: comment", good.headerText(t -> t.replace("{", "{/**/")), HEADER);
        bad("header: control character in a string", good.headerText(t -> t.replace("+jwt", "+jwt\u0001")), HEADER);
        bad("header: UTF-16", good.headerBytes(TokenCasesTest::utf16), HEADER);
        bad("header: UTF-8 spelled too long", good.headerBytes(bytes -> overlong(bytes)), HEADER);
        bad("header: half a character", good.headerBytes(bytes -> insert(bytes, 0x80)), HEADER);
        bad("header: 17 deep", good.header("x", nested(16)), HEADER).nimbus(IGNORES_MEMBERS);
        bad("header: 2,000 deep", good.header("x", nested(2_000)), HEADER);
        bad("header: fraction", good.header("kid", "1.5"), HEADER);

        String attackersKey =
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
        bad("jwk", good.header("jwk", attackersKey), HEADER_MEMBERS).nimbus(IGNORES_MEMBERS);
        bad("jku", good.header("jku", "\"https://evil.example/jwks\""), HEADER_MEMBERS)
                .nimbus(IGNORES_MEMBERS);
        bad("x5u", good.header("x5u", "\"https://evil.example/x5u\""), HEADER_MEMBERS)
                .nimbus(IGNORES_MEMBERS);
        bad("x5c", good.header("x5c", "[\"MIIB\"]"), HEADER_MEMBERS).nimbus(IGNORES_MEMBERS);
        bad("x5t", good.header("x5t#S256", "\"AAAA\""), HEADER_MEMBERS).nimbus(IGNORES_MEMBERS);
        bad("crit", good.header("crit", "[\"exp\"]"), HEADER_MEMBERS);
        bad("crit, empty", good.header("crit", "[]"), HEADER_MEMBERS).nimbus("it takes an empty list for none");
        bad("zip", good.header("zip", "\"DEF\""), HEADER_MEMBERS).nimbus(IGNORES_MEMBERS);
        bad("b64 false", good.header("b64", "false"), HEADER_MEMBERS);
        bad("b64 false, critical", good.header("b64", "false").header("crit", "[\"b64\"]"), HEADER_MEMBERS);
        bad("enc", good.header("enc", "\"A256GCM\""), HEADER_MEMBERS);
        bad("cty", good.header("cty", "\"JWT\""), HEADER_MEMBERS).nimbus(IGNORES_MEMBERS);
        bad("epk", good.header("epk", attackersKey), HEADER_MEMBERS).nimbus(IGNORES_MEMBERS);
        bad("no alg", good.withoutHeader("alg"), HEADER_MEMBERS);
        bad("no kid", good.withoutHeader("kid"), HEADER_MEMBERS);
        bad("no typ", good.withoutHeader("typ"), HEADER_MEMBERS);
        bad("ALG", good.withoutHeader("alg").header("ALG", "\"Ed25519\""), HEADER_MEMBERS);
        bad("an empty header", good.headerText(t -> "{}"), HEADER_MEMBERS);

        for (String alg : List.of("none", "NoNe", "None", "RS256", "ES256", "PS256", "Ed448", "ES256K", "dir")) {
            bad("alg " + alg, good.header("alg", quoted(alg)), ALGORITHM);
        }
        for (String alg : List.of("ed25519", "ED25519", "EDDSA", "eddsa", "Ed25519 ", "Ed25519ph", "")) {
            bad("alg \"" + alg + "\"", good.header("alg", quoted(alg)), ALGORITHM);
        }
        for (String alg : List.of("[\"Ed25519\"]", "null", "true", "1", "{\"Ed25519\":1}")) {
            bad("alg as " + alg, good.header("alg", alg), ALGORITHM);
        }
        byte[] publicKey = bench.keys.publicKeys().get(0).jwk().bytes();
        bad("HS256 with the public key", good.header("alg", "\"HS256\"").signedBy(hmac(publicKey)), ALGORITHM);
        bad(
                "HS256 with the key set",
                good.header("alg", "\"HS256\"")
                        .signedBy(hmac(bench.issuer.jwks().getBytes(UTF_16))),
                ALGORITHM);

        for (String typ : List.of("JWT", "at+jwt", "dpop+jwt", "wit+jwt", "application/agent+jwt", "agent", "")) {
            bad("typ \"" + typ + "\"", good.header("typ", quoted(typ)), TYPE);
        }
        bad("typ AGENT+JWT", good.header("typ", "\"AGENT+JWT\""), TYPE).nimbus(IGNORES_CASE);
        bad("typ null", good.header("typ", "null"), TYPE);
        bad("typ as a list", good.header("typ", "[\"agent+jwt\"]"), TYPE);
    }

    /** Checks 7 to 9. */
    private void keysAndSignatures(TokenDraft good) {
        String text = good.text();
        String keyId = bench.keys.publicKeys().get(0).keyId();
        bad("kid unknown", good.header("kid", quoted("A".repeat(43))), KEY_UNKNOWN);
        bad("kid empty", good.header("kid", "\"\""), KEY_UNKNOWN);
        bad("kid as a path", good.header("kid", "\"../../etc/passwd\""), KEY_UNKNOWN);
        bad("kid as SQL", good.header("kid", "\"' OR 1=1 --\""), KEY_UNKNOWN);
        bad("kid as an address", good.header("kid", "\"https://evil.example/key\""), KEY_UNKNOWN);
        bad("kid in other case", good.header("kid", quoted(swapCase(keyId))), KEY_UNKNOWN);
        bad("kid padded", good.header("kid", quoted(keyId + "=")), KEY_UNKNOWN);
        bad("kid as a number", good.header("kid", "1"), KEY_UNKNOWN);
        bad("kid null", good.header("kid", "null"), KEY_UNKNOWN);
        bad("kid as a list", good.header("kid", "[" + quoted(keyId) + "]"), KEY_UNKNOWN);
        var foreign = InMemoryKeys.create(Purpose.CREDENTIALS, bench.clock);
        String foreignId = foreign.publicKeys().get(0).keyId();
        bad(
                "the key of another issuer",
                good.header("kid", quoted(foreignId)).signedBy(bytes -> foreign.sign(foreignId, bytes)),
                KEY_UNKNOWN);
        bad("another issuer's signature", good.signedBy(bytes -> foreign.sign(foreignId, bytes)), SIGNATURE);

        String gone = bench.keys.generate().keyId();
        bad("a key that was destroyed", good.header("kid", quoted(gone)).signedBy(bench.signer(gone)), KEY_UNKNOWN);
        bench.keys.destroy(gone);
        String retired = bench.keys.generate().keyId();
        bad("a retired key", good.header("kid", quoted(retired)).signedBy(bench.signer(retired)), KEY_RETIRED);
        bench.keys.retire(retired);

        String second = bench.issuer.trustedKeys().good().keySet().stream()
                .filter(id -> !id.equals(keyId))
                .findFirst()
                .orElseThrow();

        // R is the base point and S is one: good for every message under the identity, which needs no private key
        byte[] identity = HexFormat.of().parseHex("01" + "00".repeat(31));
        byte[] forged = HexFormat.of().parseHex("58" + "66".repeat(31) + "01" + "00".repeat(31));
        String unsound = bench.keys.list(identity).keyId();
        bad(
                "forged for a key of small order",
                good.header("kid", quoted(unsound)).signedBy(b -> forged),
                KEY_UNSOUND);

        bad("signature of zeros", good.signature(s -> new byte[64]), SIGNATURE);
        bad("signature of ones", good.signature(s -> filled(64)), SIGNATURE);
        bad("signature one byte short", good.signature(s -> Arrays.copyOf(s, 63)), SIGNATURE);
        bad("signature one byte long", good.signature(s -> Arrays.copyOf(s, 65)), SIGNATURE);
        bad("signature of one byte", good.signature(s -> new byte[1]), SIGNATURE);
        bad("signature twice", good.signature(s -> twice(s)), SIGNATURE);
        bad("S plus the order", good.signature(TokenCasesTest::plusOrder), SIGNATURE);
        bad("R with a bit turned", good.signature(s -> flipped(s, 0)), SIGNATURE);
        bad("S with a bit turned", good.signature(s -> flipped(s, 40)), SIGNATURE);
        bad("R and S exchanged", good.signature(s -> twice(s, 32, 96)), SIGNATURE);
        bad("signed by another good key", good.signedBy(bench.signer(second)), SIGNATURE);
        bad(
                "signature of another token",
                withPart(text, 2, part(good.claim("gen", 2).text(), 2)),
                SIGNATURE);
        bad("payload exchanged", withPart(text, 1, part(good.claim("gen", 2).text(), 1)), SIGNATURE);
        bad(
                "header exchanged",
                withPart(text, 0, part(good.header("alg", "\"EdDSA\"").text(), 0)),
                SIGNATURE);
        bad(
                "only the payload signed",
                good.signedBy(
                        bytes -> bench.keys.sign(keyId, Base64.getUrlDecoder().decode(part(text, 1)))),
                SIGNATURE);
    }

    /** Check 10. */
    private void payloads(TokenDraft good) {
        bad("payload: no JSON", good.payloadText(t -> "hello"), PAYLOAD);
        bad("payload: array", good.payloadText(t -> "[" + t + "]"), PAYLOAD);
        bad("payload: string", good.payloadText(t -> "\"x\""), PAYLOAD);
        bad("payload: null", good.payloadText(t -> "null"), PAYLOAD);
        bad("payload: number", good.payloadText(t -> "1"), PAYLOAD);
        bad("payload: cut short", good.payloadText(t -> t.substring(0, t.length() - 1)), PAYLOAD);
        bad("payload: sub twice", good.payloadText(t -> "{\"sub\":\"default/admin\"," + t.substring(1)), PAYLOAD);
        bad("payload: exp twice", good.payloadText(t -> "{\"exp\":9999999999," + t.substring(1)), PAYLOAD);
        bad("payload: a name twice inside", good.claim("act", "{\"sub\":\"a/b\",\"sub\":\"a/c\"}"), PAYLOAD)
                .nimbus(LENIENT_JSON);
        bad("payload: byte order mark", good.payloadText(t -> "\ufeff" + t), PAYLOAD)
                .nimbus(LENIENT_JSON);
        bad("payload: white space before", good.payloadText(t -> "\n" + t), PAYLOAD)
                .nimbus(LENIENT_JSON);
        bad("payload: an object after", good.payloadText(t -> t + t), PAYLOAD);
        bad("payload: a bracket after", good.payloadText(t -> t + "]"), PAYLOAD);
        bad("payload: NUL after", good.payloadText(t -> t + "\0"), PAYLOAD);
        bad("payload: comment", good.payloadText(t -> t + "//"), PAYLOAD);
        bad("payload: single quotes", good.payloadText(t -> t.replace('"', '\'')), PAYLOAD);
        bad("payload: UTF-16", good.payloadBytes(TokenCasesTest::utf16), PAYLOAD);
        bad("payload: UTF-8 spelled too long", good.payloadBytes(bytes -> overlong(bytes)), PAYLOAD);
        bad("payload: half a character", good.payloadBytes(bytes -> insert(bytes, 0xff)), PAYLOAD);
        bad("payload: a surrogate in UTF-8", good.payloadBytes(b -> insert(b, 0xed, 0xa0, 0x80)), PAYLOAD);
        bad("payload: 17 deep", good.claim("act", nested(16)), PAYLOAD).nimbus(NO_PROFILE);
        bad("payload: 2,000 deep", good.claim("act", nested(2_000)), PAYLOAD);
        for (String number : List.of(
                "1.5",
                "1775882000.0",
                "1e10",
                "1E9",
                "9007199254740992",
                "9223372036854775808",
                "NaN",
                "Infinity",
                "-0",
                "01",
                "+1",
                "0x10",
                "1" + "0".repeat(400))) {
            bad("exp " + (number.length() > 20 ? "of 400 digits" : number), good.claim("exp", number), PAYLOAD)
                    .nimbus(Set.of("1e10", "9007199254740992").contains(number), "it reads any number as a time");
        }
        bad("an unknown claim", good.claim("role", "\"admin\""), CLAIM_UNKNOWN).nimbus(NO_PROFILE);
        bad("a claim in other case", good.claim("Scope", "\"admin\""), CLAIM_UNKNOWN)
                .nimbus(NO_PROFILE);
        bad("an empty name", good.claim("", "1"), CLAIM_UNKNOWN).nimbus(NO_PROFILE);
        bad("__proto__", good.claim("__proto__", "{}"), CLAIM_UNKNOWN).nimbus(NO_PROFILE);
        bad("an empty payload", good.payloadText(t -> "{}"), ISSUER);
    }

    /** Checks 11 and 12. */
    private void names(TokenDraft good) {
        bad("no iss", good.without("iss"), ISSUER);
        for (String iss : List.of(
                "\"https://evil.example\"",
                "\"https://issuer.example/\"",
                "\"https://ISSUER.example\"",
                "\"https://issuer.exampl\"",
                "\"\"",
                "null",
                "1",
                "[\"https://issuer.example\"]")) {
            bad("iss " + iss, good.claim("iss", iss), ISSUER);
        }

        bad("no sub", good.without("sub"), SUBJECT);
        bad("sub null", good.claim("sub", "null"), SUBJECT).nimbus(NO_PROFILE);
        bad("sub as a number", good.claim("sub", "1"), SUBJECT).nimbus(NO_PROFILE);
        for (String sub : List.of(
                "\"\"",
                "\"bot\"",
                "\"/bot\"",
                "\"default/\"",
                "\"default/bot/x\"",
                "\"/\"",
                "\"default//bot\"",
                "\"default/bot\\nINFO all is well\"",
                "\"default/..\\/..\\/etc\"",
                "\"default/b\\u00f6t\"",
                "\"default/bot \"",
                "\"default/" + "b".repeat(129) + "\"")) {
            bad("sub " + sub, good.claim("sub", sub), SUBJECT).nimbus(NO_PROFILE);
        }
        bad("sub as a list", good.claim("sub", "[\"default/bot\"]"), SUBJECT);

        bad("no jti", good.without("jti"), CREDENTIAL_ID);
        bad("jti null", good.claim("jti", "null"), CREDENTIAL_ID).nimbus(NO_PROFILE);
        bad("jti as a number", good.claim("jti", "1"), CREDENTIAL_ID);
        for (String jti : List.of(
                "",
                "cred:",
                "cred:" + "0".repeat(31),
                "cred:" + "0".repeat(33),
                "cred:" + "A".repeat(32),
                "CRED:" + "0".repeat(32),
                "0".repeat(32))) {
            bad("jti " + jti, good.claim("jti", quoted(jti)), CREDENTIAL_ID).nimbus(NO_PROFILE);
        }

        bad("no gen", good.without("gen"), GENERATION);
        for (String gen : List.of("0", "-1", "\"1\"", "null", "true", "[1]")) {
            bad("gen " + gen, good.claim("gen", gen), GENERATION).nimbus(NO_PROFILE);
        }

        bad("no aud", good.without("aud"), AUDIENCE);
        for (String aud : List.of(
                "\"https://other.example\"",
                "\"https://tools.example/\"",
                "\"https://tools.exampl\"",
                "\"https://TOOLS.example\"",
                "\"https://tools.example \"",
                "\"https://issuer.example\"",
                "\"\"",
                "[]",
                "[\"https://other.example\"]",
                "null",
                "1",
                "{}")) {
            bad("aud " + aud, good.claim("aud", aud), AUDIENCE);
        }
        String ours = quoted(Bench.AUDIENCE);
        bad("aud as a list of one", good.claim("aud", "[" + ours + "]"), AUDIENCE)
                .nimbus(ANY_OF);
        bad("aud as a list of two", good.claim("aud", "[" + ours + ",\"https://x.example\"]"), AUDIENCE)
                .nimbus(ANY_OF);
    }

    /** Check 13. The token was issued a quarter of a second ago. */
    private void times(TokenDraft good) {
        long iat = good.time("iat");
        long exp = good.time("exp");
        for (String name : List.of("iat", "nbf", "exp")) {
            bad("no " + name, good.without(name), TIMES);
            bad(name + " null", good.claim(name, "null"), TIMES)
                    .nimbus(true, "to it null is a claim that is there and says nothing");
            bad(name + " true", good.claim(name, "true"), TIMES);
            bad(name + " as text", good.claim(name, quoted(good.claims().get(name))), TIMES);
            bad(name + " as a list", good.claim(name, "[" + good.claims().get(name) + "]"), TIMES);
            bad(name + " before 1970", good.claim(name, -1), TIMES).nimbus(!name.equals("exp"), NO_PROFILE);
        }
        bad("exp at iat", good.claim("exp", iat), TIMES);
        bad("exp before iat", good.claim("exp", iat - 1), TIMES);
        bad("nbf at iat", good.claim("nbf", iat), TIMES).nimbus(NO_PROFILE);
        bad("nbf a second too early", good.claim("nbf", iat - 11), TIMES).nimbus(NO_PROFILE);
        bad("nbf in the future", good.claim("nbf", iat + 60), TIMES);
        bad("a second too long", good.times(iat, iat + longest() + 1), LIFE_TOO_LONG)
                .nimbus(NO_CAP);
        bad("a year long", good.times(iat, iat + 31_536_000), LIFE_TOO_LONG).nimbus(NO_CAP);
        bad("for ever", good.claim("exp", (1L << 53) - 1), LIFE_TOO_LONG).nimbus(NO_CAP);
        bad("in milliseconds", good.times(iat * 1000, exp * 1000), LIFE_TOO_LONG);
        bad("issued in a second", good.times(iat + 1, exp), NOT_YET_VALID).nimbus("it does not look at iat");
        bad("issued in an hour", good.times(iat + 3_600, exp), NOT_YET_VALID);
        bad("expired this second", good.times(iat - 60, iat), EXPIRED);
        bad("expired a minute ago", good.times(iat - 120, iat - 60), EXPIRED);
        bad("expired in 1970", good.times(10, 20), EXPIRED);
        bad("nbf before 1970, in order", good.times(5, 20), TIMES);
    }

    /** Checks 14 and 15. */
    private void standings() {
        LifecycleManager manager = bench.manager;
        LifecycleManager acme = manager.forTenant(TenantId.of("acme"));

        standing("agent suspended", bench.activate("suspended"), AGENT);
        manager.suspend(AgentId.of("suspended"), "maintenance", Bench.ADMIN);
        standing("agent orphaned", bench.activate("orphaned"), AGENT);
        manager.markOrphaned(AgentId.of("orphaned"), Bench.ADMIN);
        standing("parent suspended", bench.activateBelow("above", "below"), PARENT);
        manager.suspend(AgentId.of("above"), "maintenance", Bench.ADMIN);
        standing("parent without a credential", bench.activateBelow("bare", "belowBare"), PARENT);
        manager.revokeCredentials(AgentId.of("bare"), "leaked", Bench.ADMIN);
        standing("agent decommissioned", bench.activate("gone"), AGENT);
        manager.decommission(AgentId.of("gone"), "sunset", Bench.ADMIN);
        IssuedCredential revoked = bench.activate("revoked");
        standing("credential revoked", revoked, CREDENTIAL);
        manager.revokeCredentials(AgentId.of("revoked"), "leaked", Bench.ADMIN);
        standing("credential of before the resume", bench.activate("resumed"), CREDENTIAL);
        manager.suspend(AgentId.of("resumed"), "maintenance", Bench.ADMIN);
        manager.resume(AgentId.of("resumed"), Bench.ADMIN);
        standing("credential replaced twice", bench.activate("rotated"), CREDENTIAL);
        standing(
                "credential replaced once, within the overlap",
                manager.rotateCredentials(AgentId.of("rotated")).issued(),
                null);
        standing(
                "credential that replaced it",
                manager.rotateCredentials(AgentId.of("rotated")).issued(),
                null);
        standing("credential replaced and overlap over", bench.activate("late"), CREDENTIAL);
        manager.rotateCredentials(AgentId.of("late"));

        TokenDraft here = bench.draft(bench.activate("twin"));
        TokenDraft there = bench.draft(bench.activate(acme, "twin"));
        bench.request(manager, "idle");
        bench.advance(Duration.ofMinutes(4));
        standing("credential of another tenant's agent", bench.activate(acme, "other"), null);
        bench.advance(Duration.ofMinutes(1)); // the overlap of those above is over, save for "rotated"
        manager.rotateCredentials(AgentId.of("rotated"));
        cases.removeIf(it -> it.name().startsWith("credential replaced once"));

        bad("no such agent", here.claim("sub", "\"default/nobody\""), AGENT).nimbus(NO_STATE);
        bad("agent not activated", here.claim("sub", "\"default/idle\""), AGENT).nimbus(NO_STATE);
        bad("no such tenant", here.claim("sub", "\"nowhere/twin\""), AGENT).nimbus(NO_STATE);
        bad("tenants crossed", here.claim("sub", "\"acme/twin\""), CREDENTIAL).nimbus(NO_STATE);
        bad("tenants crossed back", there.claim("sub", "\"default/twin\""), CREDENTIAL)
                .nimbus(NO_STATE);
        bad("another agent's credential", here.claim("sub", "\"acme/other\""), CREDENTIAL)
                .nimbus(NO_STATE);
        bad("no such credential", here.claim("jti", quoted("cred:" + "0".repeat(32))), CREDENTIAL)
                .nimbus(NO_STATE);
        good("of the default tenant", here);
        good("of another tenant", there);
    }

    /** Checks 16 and 17. */
    private void bindings(TokenDraft good) {
        String thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        bad("bound, without a proof", good.claim("cnf", "{\"jkt\":" + quoted(thumbprint) + "}"), PROOF_REQUIRED)
                .nimbus(NO_PROOF);
        for (String cnf : List.of(
                "null",
                "\"" + thumbprint + "\"",
                "[]",
                "{}",
                "{\"jkt\":1}",
                "{\"jkt\":null}",
                "{\"jkt\":\"\"}",
                "{\"jkt\":\"" + thumbprint + "=\"}",
                "{\"jkt\":\"" + thumbprint.substring(1) + "\"}",
                "{\"jkt\":\"" + thumbprint.replaceFirst("k$", "l") + "\"}",
                "{\"jkt\":\"" + thumbprint + "\",\"d\":\"AAAA\"}",
                "{\"x5t#S256\":\"" + thumbprint + "\"}",
                "{\"kid\":\"" + thumbprint + "\"}",
                "{\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}")) {
            bad("cnf " + cnf, good.claim("cnf", cnf), KEY_BINDING).nimbus(NO_PROFILE);
        }

        bad("act of depth 9", good.claim("act", actors(9)), ACTOR).nimbus(NO_PROFILE);
        for (String act : List.of(
                "null",
                "\"default/bot\"",
                "[]",
                "{}",
                "{\"sub\":1}",
                "{\"sub\":\"bot\"}",
                "{\"sub\":\"a/b\\n\"}",
                "{\"act\":{\"sub\":\"a/b\"}}",
                "{\"sub\":\"a/b\",\"iss\":\"x\"}",
                "{\"sub\":\"a/b\",\"act\":null}")) {
            bad("act " + act, good.claim("act", act), ACTOR).nimbus(NO_PROFILE);
        }

        for (String scope : List.of(
                "\"*\"",
                "\"\"",
                "\" \"",
                "\"read *\"",
                "\"read  write\"",
                "\"read write \"",
                "\" read\"",
                "\"write read\"",
                "\"read read\"",
                "\"read\\nwrite\"",
                "\"tools:*\"",
                "\"r\\u00e9ad\"",
                "null",
                "1",
                "[\"read\"]")) {
            bad("scope " + scope, good.claim("scope", scope), SCOPE).nimbus(NO_PROFILE);
        }
    }

    // ---- how cases are written

    private void good(String name, TokenDraft draft) {
        cases.add(new Case(name, draft.text(), Optional.empty(), true, "it is good", false));
    }

    private Added bad(String name, TokenDraft draft, Reason reason) {
        return bad(name, draft.text(), reason);
    }

    private Added bad(String name, String token, Reason reason) {
        cases.add(new Case(name, token, Optional.of(reason), false, "it refuses it, too", false));
        return (accepts, why) -> {
            if (accepts) {
                cases.add(cases.remove(cases.size() - 1).nimbusAccepts(why));
            }
        };
    }

    private interface Added {
        void nimbus(boolean accepts, String why);

        default void nimbus(String why) {
            nimbus(true, why);
        }
    }

    private void standing(String name, IssuedCredential issued, Reason reason) {
        cases.add(new Case(
                name,
                issued.token().reveal(),
                Optional.ofNullable(reason),
                true,
                reason == null ? "it is good" : NO_STATE,
                true));
    }

    private long longest() {
        return bench.issuer.longestLife().toSeconds();
    }

    private static String quoted(String text) {
        return "\"" + text + "\"";
    }

    private static String nested(int depth) {
        return "[".repeat(depth) + "]".repeat(depth);
    }

    private static String actors(int depth) {
        return "{\"sub\":\"default/helper\"" + (depth == 1 ? "" : ",\"act\":" + actors(depth - 1)) + "}";
    }

    private static String part(String token, int number) {
        return token.split("\\.")[number];
    }

    private static String withPart(String token, int number, String part) {
        String[] parts = token.split("\\.");
        parts[number] = part;
        return String.join(".", parts);
    }

    private static String swapCase(String text) {
        return text.chars()
                .map(c -> Character.isUpperCase(c) ? Character.toLowerCase(c) : Character.toUpperCase(c))
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    /** A signature that has characters of both alphabets, in the other one. */
    private static String standardAlphabet(TokenDraft good) {
        TokenDraft draft = good;
        for (int generation = 1; !part(draft.text(), 2).matches(".*-.*_.*"); generation++) {
            draft = good.claim("gen", generation);
        }
        return draft.edit(t -> t.replace('-', '+').replace('_', '/')).text();
    }

    private static String lastCharacterPlus(String token, int bits) {
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        int last = token.length() - 1;
        return token.substring(0, last) + alphabet.charAt(alphabet.indexOf(token.charAt(last)) + bits);
    }

    /** A header of 3n+1 bytes, so that its last character has bits to spare. */
    private static String strayBits(TokenDraft good) {
        TokenDraft draft = good;
        while (part(draft.text(), 0).length() % 4 != 2) {
            draft = draft.header("typ", " " + draft.header().get("typ"));
        }
        String[] parts = draft.text().split("\\.");
        return lastCharacterPlus(parts[0], 1) + "." + parts[1] + "." + parts[2];
    }

    private static UnaryOperator<byte[]> hmac(byte[] key) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac::doFinal;
    }

    private static byte[] utf16(byte[] bytes) {
        return new String(bytes, java.nio.charset.StandardCharsets.UTF_8).getBytes(UTF_16LE);
    }

    /** The first letter in two bytes. */
    private static byte[] overlong(byte[] bytes) {
        byte[] longer = new byte[bytes.length + 1];
        System.arraycopy(bytes, 0, longer, 0, 2);
        longer[2] = (byte) (0xc0 | bytes[2] >> 6);
        longer[3] = (byte) (0x80 | bytes[2] & 0x3f);
        System.arraycopy(bytes, 3, longer, 4, bytes.length - 3);
        return longer;
    }

    /** Bytes inside the first name. */
    private static byte[] insert(byte[] bytes, int... values) {
        byte[] longer = new byte[bytes.length + values.length];
        System.arraycopy(bytes, 0, longer, 0, 2);
        for (int i = 0; i < values.length; i++) {
            longer[2 + i] = (byte) values[i];
        }
        System.arraycopy(bytes, 2, longer, 2 + values.length, bytes.length - 2);
        return longer;
    }

    private static byte[] filled(int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) 0xff);
        return bytes;
    }

    private static byte[] twice(byte[] bytes) {
        return twice(bytes, 0, 128);
    }

    private static byte[] twice(byte[] bytes, int from, int to) {
        byte[] both = Arrays.copyOf(bytes, 128);
        System.arraycopy(bytes, 0, both, 64, 64);
        return Arrays.copyOfRange(both, from, to);
    }

    private static byte[] flipped(byte[] bytes, int index) {
        byte[] other = bytes.clone();
        other[index] ^= 1;
        return other;
    }

    /** The same signature to a verifier that does not look at the size of S. */
    private static byte[] plusOrder(byte[] signature) {
        byte[] big = new byte[32];
        for (int i = 0; i < 32; i++) {
            big[i] = signature[63 - i];
        }
        byte[] sum = new BigInteger(1, big).add(ORDER).toByteArray();
        byte[] other = signature.clone();
        for (int i = 0; i < 32; i++) {
            int from = sum.length - 1 - i;
            other[32 + i] = from < 0 ? 0 : sum[from];
        }
        return other;
    }
}
