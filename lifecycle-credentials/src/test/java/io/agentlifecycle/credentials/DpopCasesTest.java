package io.agentlifecycle.credentials;

import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_ALGORITHM;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_CLAIMS;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_COMPACT;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_HEADER;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_HEADER_MEMBERS;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_ID;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_JWK;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_KEY;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_KEY_UNSOUND;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_METHOD;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_NONCE;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_PAYLOAD;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_SIGNATURE;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_TIME;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_TOKEN;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_TYPE;
import static io.agentlifecycle.credentials.TokenVerdict.Reason.PROOF_URI;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.agentlifecycle.core.audit.PublicJwk;
import io.agentlifecycle.core.credential.Token;
import io.agentlifecycle.credentials.TokenVerdict.Reason;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
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
 * What could be sent as the proof for a good token that is bound to a key, a verdict each. Unless a case says otherwise it is
 * signed by that key, so that only the check it is about stands in its way.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DpopCasesTest {
    private static final BigInteger ORDER =
            BigInteger.TWO.pow(252).add(new BigInteger("27742317777372353535851937790883648493"));

    private record Case(String name, Token token, String proof, Optional<Reason> expected) {
        @Override
        public String toString() {
            return name;
        }
    }

    private final Bench bench = new Bench();
    private final List<Case> cases = new ArrayList<>();
    private Holder holder;
    private CredentialVerifier plain;
    private CredentialVerifier cached;

    @BeforeAll
    void draw() throws GeneralSecurityException {
        holder = new Holder(bench, "holder");
        plain = bench.verifier();
        cached = bench.cached();
        bench.advance(Holder.SETTLED);
        accepted();
        texts(holder.proof());
        headers(holder.draft());
        keys(holder.draft());
        signatures(holder.draft());
        payloads(holder.draft());
        requests(holder.draft());
        times(holder.draft());
        ids(holder.draft());
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
    void each_proof_has_one_verdict(Case it) {
        for (CredentialVerifier verifier : List.of(plain, cached)) {
            TokenVerdict verdict = verifier.verify(it.token().reveal(), it.proof(), Holder.REQUEST);

            assertReason(verdict, it.expected());
            assertThat(verdict.toString())
                    .as("the verdict repeats nothing of the proof")
                    .doesNotContain(
                            it.proof().length() < 8
                                    ? "\0"
                                    : it.proof().substring(it.proof().length() - 8));
            assertReason(
                    verifier.verify(it.token().reveal(), it.proof(), Holder.REQUEST),
                    Optional.of(it.expected().orElse(Reason.PROOF_REPLAYED)));
            assertThat(verifier.verify(it.proof()).accepted())
                    .as("as a credential")
                    .isFalse();
        }
    }

    @Test
    void there_are_many_cases_and_every_reason_that_a_proof_alone_can_have_is_among_them() {
        assertThat(cases).hasSizeGreaterThan(180);
        assertThat(cases).extracting(Case::name).doesNotHaveDuplicates();
        assertThat(cases.stream().flatMap(it -> it.expected().stream()))
                .containsAll(EnumSet.range(PROOF_COMPACT, PROOF_ID));
    }

    private void accepted() {
        good("as made", holder.draft());
        good("alg EdDSA", holder.draft().header("alg", "\"EdDSA\""));
        good("members in another order", holder.draft().withoutHeader("alg").header("alg", "\"Ed25519\""));
        good("white space inside the JSON", holder.draft().payloadText(t -> t.replace(",", " ,\n\t")));
        good("an escape in a string", holder.draft().payloadText(t -> t.replace("\"GET", "\"\\u0047ET")));
        good("a nonce that nobody asked for", holder.draft().claim("nonce", "\"n\""));
        good("an id of one character", holder.draft().claim("jti", "\"x\""));
        good("a long id", holder.draft().claim("jti", quoted("x".repeat(5_000))));
        good("an id that is no text of Unicode", holder.draft().claim("jti", "\"\\ud800\""));
        good("a uri with the port of its scheme", holder.draft().claim("htu", "\"https://tools.example:443/search\""));
        good("a uri in capitals", holder.draft().claim("htu", "\"HTTPS://TOOLS.example/search\""));
        good("a uri with an escape too many", holder.draft().claim("htu", "\"https://tools.example/se%61rch\""));
        good("a uri with dots", holder.draft().claim("htu", "\"https://tools.example/a/../search\""));
    }

    private void texts(String text) {
        String[] part = text.split("\\.");
        bad("nothing", "", PROOF_COMPACT);
        bad("a dot", ".", PROOF_COMPACT);
        bad("two dots", "..", PROOF_COMPACT);
        bad("two parts", part[0] + "." + part[1], PROOF_COMPACT);
        bad("four parts", text + "." + part[2], PROOF_COMPACT);
        bad("five parts, as of a JWE", text + "." + part[1] + "." + part[2], PROOF_COMPACT);
        bad("no payload (detached)", part[0] + ".." + part[2], PROOF_COMPACT);
        bad("no signature", part[0] + "." + part[1] + ".", PROOF_COMPACT);
        bad("two proofs, as of two headers", text + ", " + holder.proof(), PROOF_COMPACT);
        bad("two proofs and a comma", text + "," + holder.proof(), PROOF_COMPACT);
        bad("DPoP left on", "DPoP " + text, PROOF_COMPACT);
        bad("space before", " " + text, PROOF_COMPACT);
        bad("space after", text + " ", PROOF_COMPACT);
        bad("line break after", text + "\n", PROOF_COMPACT);
        bad("NUL after", text + "\0", PROOF_COMPACT);
        bad("a letter that ends in the same byte", text.replaceFirst("e", "\u0165"), PROOF_COMPACT);
        bad("a byte order mark before", "\ufeff" + text, PROOF_COMPACT);
        bad("quotes around", "\"" + text + "\"", PROOF_COMPACT);
        bad("9 KB", holder.draft().payloadText(t -> t.replace("{", "{" + " ".repeat(6_500))), PROOF_COMPACT);
        bad("a megabyte of letters", "a".repeat(1 << 20), PROOF_COMPACT);
        bad(
                "JSON serialization",
                "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}".formatted(part[0], part[1], part[2]),
                PROOF_COMPACT);
        bad("padded header", text.replaceFirst("\\.", "=."), PROOF_COMPACT);
        bad("padded signature", text + "==", PROOF_COMPACT);
        bad("stray bits in the signature", lastCharacterPlusOne(text), PROOF_COMPACT);
        bad("one character less", text.substring(0, text.length() - 1), PROOF_COMPACT);
        bad("one character more", text + "A", PROOF_SIGNATURE);
    }

    private void headers(TokenDraft good) throws GeneralSecurityException {
        bad("header: no JSON", good.headerText(t -> "hello"), PROOF_HEADER);
        bad("header: array", good.headerText(t -> "[" + t + "]"), PROOF_HEADER);
        bad("header: null", good.headerText(t -> "null"), PROOF_HEADER);
        bad("header: cut short", good.headerText(t -> t.substring(0, t.length() - 1)), PROOF_HEADER);
        bad("header: alg twice", good.headerText(t -> "{\"alg\":\"none\"," + t.substring(1)), PROOF_HEADER);
        bad(
                "header: typ twice, once escaped",
                good.headerText(t -> "{\"t\\u0079p\":\"x\"," + t.substring(1)),
                PROOF_HEADER);
        bad("header: jwk twice", good.headerText(t -> "{\"jwk\":{}," + t.substring(1)), PROOF_HEADER);
        bad("header: x twice in jwk", good.headerText(t -> t.replace("\"kty\"", "\"x\":\"AA\",\"kty\"")), PROOF_HEADER);
        bad("header: byte order mark", good.headerText(t -> "\ufeff" + t), PROOF_HEADER);
        bad("header: white space before", good.headerText(t -> " " + t), PROOF_HEADER);
        bad("header: an object after", good.headerText(t -> t + "{}"), PROOF_HEADER);
        bad("header: NUL after", good.headerText(t -> t + "\0"), PROOF_HEADER);
        bad("header: comment", good.headerText(t -> t.replace("{", "{/**/")), PROOF_HEADER);
        bad("header: UTF-16", good.headerBytes(b -> new String(b, UTF_8).getBytes(UTF_16LE)), PROOF_HEADER);
        bad("header: 17 deep", good.header("jwk", "[".repeat(16) + "]".repeat(16)), PROOF_HEADER);
        bad("header: 2,000 deep", good.header("jwk", "[".repeat(2_000) + "]".repeat(2_000)), PROOF_HEADER);
        bad("header: fraction", good.header("alg", "1.5"), PROOF_HEADER);

        for (String name : List.of("kid", "jku", "x5u", "x5t#S256", "cty", "zip", "enc", "nonce", "ALG", "")) {
            bad("header member " + name, good.header(name, "\"x\""), PROOF_HEADER_MEMBERS);
        }
        bad("x5c", good.header("x5c", "[\"MIIB\"]"), PROOF_HEADER_MEMBERS);
        bad("crit", good.header("crit", "[\"exp\"]"), PROOF_HEADER_MEMBERS);
        bad("crit, empty", good.header("crit", "[]"), PROOF_HEADER_MEMBERS);
        bad("b64 false", good.header("b64", "false").header("crit", "[\"b64\"]"), PROOF_HEADER_MEMBERS);
        bad("epk", good.header("epk", good.header().get("jwk")), PROOF_HEADER_MEMBERS);
        for (String name : List.of("alg", "jwk", "typ")) {
            bad("no " + name, good.withoutHeader(name), PROOF_HEADER_MEMBERS);
        }
        bad("an empty header", good.headerText(t -> "{}"), PROOF_HEADER_MEMBERS);

        for (String typ :
                List.of("JWT", "agent+jwt", "at+jwt", "DPOP+JWT", "application/dpop+jwt", "dpop", "dpop+jwt ", "")) {
            bad("typ \"" + typ + "\"", good.header("typ", quoted(typ)), PROOF_TYPE);
        }
        for (String typ : List.of("null", "1", "[\"dpop+jwt\"]")) {
            bad("typ as " + typ, good.header("typ", typ), PROOF_TYPE);
        }
        for (String alg :
                List.of("none", "NoNe", "HS512", "RS256", "ES256", "Ed448", "ed25519", "EDDSA", "Ed25519ph", "")) {
            bad("alg \"" + alg + "\"", good.header("alg", quoted(alg)), PROOF_ALGORITHM);
        }
        for (String alg : List.of("null", "true", "[\"Ed25519\"]")) {
            bad("alg as " + alg, good.header("alg", alg), PROOF_ALGORITHM);
        }
        byte[] publicKey = holder.keys.publicKeys().get(0).jwk().bytes();
        bad("HS256 with the public key", good.header("alg", "\"HS256\"").signedBy(hmac(publicKey)), PROOF_ALGORITHM);
    }

    private void keys(TokenDraft good) {
        String x = holder.keys.publicKeys().get(0).jwk().x();
        for (String more : List.of(
                "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\"",
                "\"d\":\"\"",
                "\"d\":null",
                "\"kid\":\"" + holder.keyId + "\"",
                "\"use\":\"sig\"",
                "\"alg\":\"Ed25519\"",
                "\"key_ops\":[\"verify\"]",
                "\"k\":\"AAAA\"",
                "\"y\":\"AAAA\"",
                "\"x5u\":\"https://evil.example\"")) {
            bad(
                    "jwk with " + more,
                    jwk(good, "OKP", "Ed25519", x).headerText(t -> t.replace("{\"kty\"", "{" + more + ",\"kty\"")),
                    PROOF_JWK);
        }
        bad("jwk: EC", jwk(good, "EC", "P-256", x), PROOF_JWK);
        bad("jwk: oct", jwk(good, "oct", "Ed25519", x), PROOF_JWK);
        bad("jwk: RSA", good.header("jwk", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}"), PROOF_JWK);
        for (String curve : List.of("X25519", "Ed448", "ed25519", "")) {
            bad("jwk: curve \"" + curve + "\"", jwk(good, "OKP", curve, x), PROOF_JWK);
        }
        bad("jwk: x padded", jwk(good, "OKP", "Ed25519", x + "="), PROOF_JWK);
        bad("jwk: x of 31 bytes", jwk(good, "OKP", "Ed25519", "A".repeat(42)), PROOF_JWK);
        bad("jwk: x of 33 bytes", jwk(good, "OKP", "Ed25519", "A".repeat(44)), PROOF_JWK);
        bad("jwk: x with stray bits", jwk(good, "OKP", "Ed25519", lastCharacterPlusOne(x)), PROOF_JWK);
        bad("jwk: x empty", jwk(good, "OKP", "Ed25519", ""), PROOF_JWK);
        bad("jwk: no x", good.header("jwk", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}"), PROOF_JWK);
        bad("jwk: no crv", good.header("jwk", "{\"kty\":\"OKP\",\"x\":\"" + x + "\"}"), PROOF_JWK);
        bad("jwk: no kty", good.header("jwk", "{\"crv\":\"Ed25519\",\"x\":\"" + x + "\"}"), PROOF_JWK);
        bad("jwk: x as a number", good.header("jwk", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":1}"), PROOF_JWK);
        for (String jwk : List.of(
                "null",
                "{}",
                "[]",
                "1",
                quoted(x),
                quoted(holder.keyId),
                "[" + good.header().get("jwk") + "]")) {
            bad("jwk as " + jwk, good.header("jwk", jwk), PROOF_JWK);
        }

        Holder thief = new Holder(bench, "thief");
        String theirs = thief.draft().header().get("jwk");
        bad("the key of another agent", good.header("jwk", theirs).signedBy(thief.signer()), PROOF_KEY);
        bad("another key named, the right one signs", good.header("jwk", theirs), PROOF_KEY);
        String issuers = bench.keyId();
        bad(
                "the key of the issuer",
                jwk(good, "OKP", "Ed25519", bench.keys.publicKeys().get(0).jwk().x())
                        .signedBy(bench.signer(issuers)),
                PROOF_KEY);

        // R is the base point and S is one: good for every message under the identity, which needs no private key
        byte[] forged = HexFormat.of().parseHex("58" + "66".repeat(31) + "01" + "00".repeat(31));
        PublicJwk identity = PublicJwk.of(HexFormat.of().parseHex("01" + "00".repeat(31)));
        TokenDraft byNobody = jwk(good, "OKP", "Ed25519", identity.x()).signedBy(b -> forged);
        bad("forged for a key of small order", byNobody, PROOF_KEY);
        Token bound = Holder.tokenBoundTo(bench, "weak", identity.keyId());
        bad(
                "forged for a key of small order that the token is bound to",
                bound,
                byNobody.claim("ath", quoted(Holder.hash(bound.reveal()))),
                PROOF_KEY_UNSOUND);
        PublicJwk big = PublicJwk.of(HexFormat.of().parseHex("ee" + "ff".repeat(30) + "7f"));
        Token boundToBig = Holder.tokenBoundTo(bench, "big", big.keyId());
        bad(
                "forged for the identity in its other spelling",
                boundToBig,
                jwk(good, "OKP", "Ed25519", big.x())
                        .signedBy(b -> forged)
                        .claim("ath", quoted(Holder.hash(boundToBig.reveal()))),
                PROOF_KEY_UNSOUND);
    }

    private void signatures(TokenDraft good) {
        String text = good.text();
        bad("signature of zeros", good.signature(s -> new byte[64]), PROOF_SIGNATURE);
        bad("signature one byte short", good.signature(s -> Arrays.copyOf(s, 63)), PROOF_SIGNATURE);
        bad("signature one byte long", good.signature(s -> Arrays.copyOf(s, 65)), PROOF_SIGNATURE);
        bad("S plus the order", good.signature(DpopCasesTest::plusOrder), PROOF_SIGNATURE);
        bad("R with a bit turned", good.signature(s -> flipped(s, 0)), PROOF_SIGNATURE);
        bad("S with a bit turned", good.signature(s -> flipped(s, 40)), PROOF_SIGNATURE);
        bad("signed by the issuer", good.signedBy(bench.signer(bench.keyId())), PROOF_SIGNATURE);
        bad("signature of another proof", withPart(text, 2, part(holder.proof(), 2)), PROOF_SIGNATURE);
        bad("payload exchanged", withPart(text, 1, part(holder.proof(), 1)), PROOF_SIGNATURE);
        bad(
                "header exchanged",
                withPart(text, 0, part(good.header("alg", "\"EdDSA\"").text(), 0)),
                PROOF_SIGNATURE);
        bad("the credential itself", holder.token.reveal(), PROOF_HEADER_MEMBERS);
        bad(
                "the payload of the credential under the header of a proof",
                withPart(text, 1, part(holder.token.reveal(), 1)),
                PROOF_SIGNATURE);
    }

    private void payloads(TokenDraft good) {
        bad("payload: no JSON", good.payloadText(t -> "hello"), PROOF_PAYLOAD);
        bad("payload: array", good.payloadText(t -> "[" + t + "]"), PROOF_PAYLOAD);
        bad("payload: null", good.payloadText(t -> "null"), PROOF_PAYLOAD);
        bad("payload: cut short", good.payloadText(t -> t.substring(0, t.length() - 1)), PROOF_PAYLOAD);
        for (String name : List.of("ath", "htm", "htu", "iat", "jti")) {
            bad(
                    "payload: " + name + " twice",
                    good.payloadText(t -> "{\"" + name + "\":1," + t.substring(1)),
                    PROOF_PAYLOAD);
            bad("no " + name, good.without(name), PROOF_CLAIMS);
        }
        bad(
                "payload: nonce twice",
                good.payloadText(t -> "{\"nonce\":\"a\",\"nonce\":\"b\"," + t.substring(1)),
                PROOF_PAYLOAD);
        bad("payload: byte order mark", good.payloadText(t -> "\ufeff" + t), PROOF_PAYLOAD);
        bad("payload: an object after", good.payloadText(t -> t + t), PROOF_PAYLOAD);
        bad("payload: NUL after", good.payloadText(t -> t + "\0"), PROOF_PAYLOAD);
        bad("payload: 2,000 deep", good.claim("nonce", "[".repeat(2_000) + "]".repeat(2_000)), PROOF_PAYLOAD);
        for (String number :
                List.of("1.5", "1775882000.0", "1e10", "9007199254740992", "9223372036854775808", "NaN", "-0", "01")) {
            bad("iat " + number, good.claim("iat", number), PROOF_PAYLOAD);
        }
        for (String name :
                List.of("exp", "nbf", "iss", "sub", "aud", "cnf", "scope", "ATH", "Nonce", "", "__proto__")) {
            bad("claim " + name, good.claim(name, "1"), PROOF_CLAIMS);
        }
        bad("an empty payload", good.payloadText(t -> "{}"), PROOF_CLAIMS);
    }

    private void requests(TokenDraft good) {
        for (String method : List.of("POST", "get", "Get", "GET ", " GET", "GET\\n", "HEAD", "")) {
            bad("htm \"" + method + "\"", good.claim("htm", quoted(method)), PROOF_METHOD);
        }
        for (String method : List.of("null", "1", "[\"GET\"]")) {
            bad("htm as " + method, good.claim("htm", method), PROOF_METHOD);
        }
        for (String uri : List.of(
                "https://tools.example/",
                "https://tools.example/search/",
                "https://tools.example/Search",
                "https://tools.example/search2",
                "https://tools.example//search",
                "https://tools.example/search/..",
                "https://tools.example/search%2F",
                "https://tools.example/search%00",
                "https://tools.example/search?q=1",
                "https://tools.example/search?",
                "https://tools.example/search#f",
                "http://tools.example/search",
                "https://tools.example:8443/search",
                "https://tools.example:80/search",
                "https://tools.example./search",
                "https://evil.example/search",
                "https://tools.example.evil.example/search",
                "https://tools.example@evil.example/search",
                "https://user@tools.example/search",
                "https://evil.example/https://tools.example/search",
                "https://tools.example\\\\search",
                "https://tools.exampl\\u0435/search",
                " https://tools.example/search",
                "//tools.example/search",
                "/search",
                "tools.example/search",
                "ftp://tools.example/search",
                "*",
                "")) {
            bad("htu \"" + uri + "\"", good.claim("htu", quoted(uri)), PROOF_URI);
        }
        for (String uri : List.of("null", "1", "[\"https://tools.example/search\"]")) {
            bad("htu as " + uri, good.claim("htu", uri), PROOF_URI);
        }

        String hash = Holder.hash(holder.token.reveal());
        for (String ath : List.of(
                quoted(Holder.hash(holder.token.reveal() + "A")),
                quoted(Holder.hash("DPoP " + holder.token.reveal())),
                quoted(Holder.hash("")),
                quoted(hash + "="),
                quoted(hash.substring(1)),
                quoted(lastCharacterPlusOne(hash)),
                quoted(hash.toLowerCase(Locale.ROOT)),
                quoted(holder.keyId),
                "\"\"",
                "null",
                "1",
                "[" + quoted(hash) + "]")) {
            bad("ath " + ath, good.claim("ath", ath), PROOF_TOKEN);
        }
    }

    private void times(TokenDraft good) {
        long iat = good.time("iat");
        for (long away : new long[] {61, 62, 3_600, 86_400}) {
            bad("iat " + away + " s ahead", good.claim("iat", iat + away), PROOF_TIME);
            bad("iat " + away + " s ago", good.claim("iat", iat - away), PROOF_TIME);
        }
        bad("iat in milliseconds", good.claim("iat", iat * 1_000), PROOF_TIME);
        bad("iat in 1970", good.claim("iat", 0), PROOF_TIME);
        bad("iat before 1970", good.claim("iat", -iat), PROOF_TIME);
        bad("iat at the end of numbers", good.claim("iat", (1L << 53) - 1), PROOF_TIME);
        bad("iat at the beginning of numbers", good.claim("iat", -(1L << 53) + 1), PROOF_TIME);
        for (String value :
                List.of(quoted(Long.toString(iat)), "null", "true", "[" + iat + "]", "\"2026-04-11T04:32:01Z\"")) {
            bad("iat as " + value, good.claim("iat", value), PROOF_TIME);
        }
    }

    private void ids(TokenDraft good) {
        for (String id : List.of("\"\"", "null", "1", "[\"x\"]", "{}")) {
            bad("jti as " + id, good.claim("jti", id), PROOF_ID);
        }
        for (String nonce : List.of("null", "1", "[\"x\"]")) {
            bad("nonce as " + nonce, good.claim("nonce", nonce), PROOF_NONCE);
        }
    }

    // ---- how cases are written

    private void good(String name, TokenDraft draft) {
        cases.add(new Case(name, holder.token, draft.text(), Optional.empty()));
    }

    private void bad(String name, TokenDraft draft, Reason reason) {
        bad(name, draft.text(), reason);
    }

    private void bad(String name, String proof, Reason reason) {
        cases.add(new Case(name, holder.token, proof, Optional.of(reason)));
    }

    private void bad(String name, Token token, TokenDraft draft, Reason reason) {
        cases.add(new Case(name, token, draft.text(), Optional.of(reason)));
    }

    private static void assertReason(TokenVerdict verdict, Optional<Reason> expected) {
        if (expected.isEmpty()) {
            assertThat(verdict).isInstanceOf(TokenVerdict.Accepted.class);
        } else {
            assertThat(verdict)
                    .isInstanceOfSatisfying(
                            TokenVerdict.Rejected.class,
                            no -> assertThat(no.reason()).isEqualTo(expected.get()));
        }
    }

    private static TokenDraft jwk(TokenDraft draft, String type, String curve, String x) {
        return draft.header("jwk", "{\"kty\":\"%s\",\"crv\":\"%s\",\"x\":\"%s\"}".formatted(type, curve, x));
    }

    private static String quoted(String text) {
        return "\"" + text + "\"";
    }

    private static String part(String token, int number) {
        return token.split("\\.")[number];
    }

    private static String withPart(String token, int number, String part) {
        String[] parts = token.split("\\.");
        parts[number] = part;
        return String.join(".", parts);
    }

    private static String lastCharacterPlusOne(String text) {
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        int last = text.length() - 1;
        return text.substring(0, last) + alphabet.charAt(alphabet.indexOf(text.charAt(last)) + 1);
    }

    private static UnaryOperator<byte[]> hmac(byte[] key) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac::doFinal;
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
