package io.agentlifecycle.credentials;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.agentlifecycle.core.audit.CanonicalJson;
import io.agentlifecycle.core.audit.Json;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/**
 * A token in the making, from one that was issued: raw JSON by name, so that a test writes what no issuer would, and has it
 * signed all the same. Immutable.
 */
record TokenDraft(
        Map<String, String> header,
        Map<String, String> claims,
        UnaryOperator<byte[]> headerBytes,
        UnaryOperator<byte[]> payloadBytes,
        UnaryOperator<byte[]> signer,
        List<UnaryOperator<String>> edits) {

    static TokenDraft of(String token, UnaryOperator<byte[]> signer) {
        String[] parts = token.split("\\.");
        return new TokenDraft(
                members(parts[0]),
                members(parts[1]),
                UnaryOperator.identity(),
                UnaryOperator.identity(),
                signer,
                List.of());
    }

    /** A header member as raw JSON. */
    TokenDraft header(String name, String json) {
        return new TokenDraft(with(header, name, json), claims, headerBytes, payloadBytes, signer, edits);
    }

    TokenDraft withoutHeader(String name) {
        return new TokenDraft(without(header, name), claims, headerBytes, payloadBytes, signer, edits);
    }

    /** A claim as raw JSON. */
    TokenDraft claim(String name, String json) {
        return new TokenDraft(header, with(claims, name, json), headerBytes, payloadBytes, signer, edits);
    }

    TokenDraft claim(String name, long value) {
        return claim(name, Long.toString(value));
    }

    TokenDraft without(String name) {
        return new TokenDraft(header, without(claims, name), headerBytes, payloadBytes, signer, edits);
    }

    /** All three times, moved so that each rule but the one under test holds. */
    TokenDraft times(long iat, long exp) {
        return claim("iat", iat).claim("nbf", iat - 10).claim("exp", exp);
    }

    long time(String name) {
        return Long.parseLong(claims.get(name));
    }

    TokenDraft headerText(UnaryOperator<String> change) {
        return headerBytes(bytes -> change.apply(new String(bytes, UTF_8)).getBytes(UTF_8));
    }

    TokenDraft headerBytes(UnaryOperator<byte[]> change) {
        return new TokenDraft(header, claims, change, payloadBytes, signer, edits);
    }

    TokenDraft payloadText(UnaryOperator<String> change) {
        return payloadBytes(bytes -> change.apply(new String(bytes, UTF_8)).getBytes(UTF_8));
    }

    TokenDraft payloadBytes(UnaryOperator<byte[]> change) {
        return new TokenDraft(header, claims, headerBytes, change, signer, edits);
    }

    TokenDraft signedBy(UnaryOperator<byte[]> other) {
        return new TokenDraft(header, claims, headerBytes, payloadBytes, other, edits);
    }

    /** Changes the 64 bytes after signing. */
    TokenDraft signature(UnaryOperator<byte[]> change) {
        return signedBy(bytes -> change.apply(signer.apply(bytes)));
    }

    /** Changes the text after signing. */
    TokenDraft edit(UnaryOperator<String> change) {
        List<UnaryOperator<String>> all = new ArrayList<>(edits);
        all.add(change);
        return new TokenDraft(header, claims, headerBytes, payloadBytes, signer, all);
    }

    String text() {
        String signed = base64(headerBytes.apply(json(header).getBytes(UTF_8)))
                + "."
                + base64(payloadBytes.apply(json(claims).getBytes(UTF_8)));
        String text = signed + "." + base64(signer.apply(signed.getBytes(US_ASCII)));
        for (UnaryOperator<String> edit : edits) {
            text = edit.apply(text);
        }
        return text;
    }

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static Map<String, String> members(String part) {
        String text = new String(Base64.getUrlDecoder().decode(part), UTF_8);
        Map<String, String> members = new LinkedHashMap<>();
        ((Json.Obj) CanonicalJson.read(text, 10_000))
                .members()
                .forEach((name, value) -> members.put(name, CanonicalJson.write(value)));
        return members;
    }

    private static String json(Map<String, String> members) {
        return members.entrySet().stream()
                .map(member -> "\"" + member.getKey() + "\":" + member.getValue())
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static Map<String, String> with(Map<String, String> members, String name, String json) {
        Map<String, String> changed = new LinkedHashMap<>(members);
        changed.put(name, json);
        return changed;
    }

    private static Map<String, String> without(Map<String, String> members, String name) {
        Map<String, String> changed = new LinkedHashMap<>(members);
        changed.remove(name);
        return changed;
    }
}
