package io.agentlifecycle.credentials;

import static java.util.Objects.requireNonNull;

import io.agentlifecycle.core.access.Verdict;
import java.util.Optional;

/** The answer to "is this token good now?": {@link Accepted} or {@link Rejected}. Immutable, and never the token itself. */
public sealed interface TokenVerdict {
    /** True if the token is good now. */
    boolean accepted();

    /**
     * The token is good now.
     *
     * @param claims what it says, read from the bytes whose signature was checked
     * @param proven true if it is bound to a key and a proof showed that the caller holds that
     */
    record Accepted(TokenClaims claims, boolean proven) implements TokenVerdict {
        public Accepted {
            requireNonNull(claims, "claims");
            if (proven && claims.keyThumbprint().isEmpty()) {
                throw new IllegalArgumentException("a token that is bound to no key cannot be proven");
            }
        }

        @Override
        public boolean accepted() {
            return true;
        }

        /**
         * True if the token is bound to a key and nobody has checked yet that the caller holds it. Only a verifier that was
         * built with {@link CredentialVerifier.Builder#hostChecksProof} gives such an answer.
         */
        public boolean proofOutstanding() {
            return claims.keyThumbprint().isPresent() && !proven;
        }
    }

    /**
     * The token is not good.
     *
     * @param reason the first check that it failed
     * @param standing what core said, if it was core that said no: for logs and people, not for whoever sent the token
     */
    record Rejected(Reason reason, Optional<Verdict.Denied> standing) implements TokenVerdict {
        public Rejected {
            requireNonNull(reason, "reason");
            requireNonNull(standing, "standing");
        }

        @Override
        public boolean accepted() {
            return false;
        }
    }

    /** Why a token is not good, in the order of the checks. The constants' names are stable codes. */
    enum Reason {
        /** Not three parts of base64url with two dots between them and nothing around, in at most 8,192 characters. */
        NOT_COMPACT("it is no compact JWS of at most 8 KiB"),
        /** Base64 in another spelling than the one. */
        NOT_CANONICAL("a part is not in the one spelling of base64url"),
        /** The header is no JSON object, read strictly. */
        HEADER("its header is not strict JSON"),
        /** The header has a member too many or too few. */
        HEADER_MEMBERS("its header must have alg, kid and typ, and nothing else"),
        /** Another algorithm than that of the keys. */
        ALGORITHM("alg must be Ed25519 or EdDSA"),
        /** A token for something else. */
        TYPE("typ must be agent+jwt"),
        /** No such key. */
        KEY_UNKNOWN("no key of that id is listed"),
        /** Its key was retired. */
        KEY_RETIRED("its key is retired"),
        /** Its key is one that anyone could sign for. */
        KEY_UNSOUND("its key is no point of prime order"),
        /** Not signed by that key. */
        SIGNATURE("the signature is not that of the key"),
        /** What was signed is no JSON object, read strictly. */
        PAYLOAD("its payload is not strict JSON"),
        /** A claim that no token of this issuer has. */
        CLAIM_UNKNOWN("it has a claim that is none of ours"),
        /** Another issuer. */
        ISSUER("iss is not the issuer"),
        /** Names no agent. */
        SUBJECT("sub must be a tenant, a slash and an agent id"),
        /** Names no credential. */
        CREDENTIAL_ID("jti must be a credential id"),
        /** Not a generation. */
        GENERATION("gen must be a whole number from 1 on"),
        /** Meant for somebody else. */
        AUDIENCE("aud is not the audience"),
        /** The times are missing, no whole seconds, or not in their order. */
        TIMES("iat, nbf and exp must be whole seconds, nbf ten before iat, exp after iat"),
        /** Lives longer than the issuer lets any token live. */
        LIFE_TOO_LONG("it lives longer than the issuer allows"),
        /** Its time has not come. */
        NOT_YET_VALID("it was issued in the future"),
        /** Its time is over. */
        EXPIRED("it has expired"),
        /** There is no snapshot of revocations, or it is too old: whether the token was taken back is not known. */
        SNAPSHOT_STALE("there is no fresh snapshot of what was taken back"),
        /** The agent may not act now. */
        AGENT("the agent may not act now"),
        /** The agent's record does not list it, or lists it as over. */
        CREDENTIAL("the credential is not one that the agent may use now"),
        /** One that the agent works for may not act now, or has no good credential. */
        PARENT("an agent that it works for may not act now, or has no good credential"),
        /** Bound to something that is no key. */
        KEY_BINDING("cnf must be the thumbprint of a key and nothing else"),
        /** The chain of those who act is not one. */
        ACTOR("act must name at most 8 agents, one inside the other"),
        /** The scope is not one. */
        SCOPE("scope must be capabilities in their order, with one space between them"),
        /** Bound to a key, and nobody showed that they hold it. */
        PROOF_REQUIRED("it is bound to a key, and possession of that was not shown"),
        /** Bound to no key, so that a proof shows nothing. */
        NOT_BOUND("it came with a proof and is bound to no key"),
        /** The proof is not three parts of base64url in its one spelling, in at most 8,192 characters. */
        PROOF_COMPACT("the proof is no compact JWS of at most 8 KiB, in the one spelling"),
        /** The header of the proof is no JSON object, read strictly. */
        PROOF_HEADER("the header of the proof is not strict JSON"),
        /** The header of the proof has a member too many or too few. */
        PROOF_HEADER_MEMBERS("the header of the proof must have alg, jwk and typ, and nothing else"),
        /** What came as proof is something else. */
        PROOF_TYPE("typ of the proof must be dpop+jwt"),
        /** Another algorithm than that of the keys. */
        PROOF_ALGORITHM("alg of the proof must be Ed25519 or EdDSA"),
        /** The key of the proof is not the public half of an Ed25519 key. */
        PROOF_JWK("jwk of the proof must be a public Ed25519 key with crv, kty and x, and nothing else"),
        /** Signed by another key than the token is bound to. */
        PROOF_KEY("the key of the proof is not the one that the token is bound to"),
        /** The token is bound to a key that anyone could sign for. */
        PROOF_KEY_UNSOUND("the key of the proof is no point of prime order"),
        /** Not signed by its key. */
        PROOF_SIGNATURE("the signature of the proof is not that of its key"),
        /** What was signed is no JSON object, read strictly. */
        PROOF_PAYLOAD("the payload of the proof is not strict JSON"),
        /** The proof has a claim too many or too few. */
        PROOF_CLAIMS("the proof must have ath, htm, htu, iat and jti, may have nonce, and nothing else"),
        /** For another method. */
        PROOF_METHOD("htm of the proof is not the method of the request"),
        /** For another URI, or for none that can be read. */
        PROOF_URI("htu of the proof is not the URI of the request without query and fragment"),
        /** Too old, or from the future. */
        PROOF_TIME("iat of the proof must be whole seconds and within a minute of now"),
        /** For another token. */
        PROOF_TOKEN("ath of the proof is not the hash of the token"),
        /** Without one of the nonces that the host demands: RFC 9449 has the host answer with a new one. */
        PROOF_NONCE("nonce of the proof is not one that is demanded"),
        /** Without an id. */
        PROOF_ID("jti of the proof must be a text"),
        /** Made so early that it may have been used before used proofs were remembered; a later one is good. */
        PROOF_BEFORE_OPENING("the proof may have been used before this process began to remember"),
        /** Its key made one of that id before, and that was used. */
        PROOF_REPLAYED("a proof of that jti was used before"),
        /** There is no room to remember that it was used. */
        PROOFS_FULL("no more proofs can be remembered now"),
        /** The keys or the manager could not be asked; the log says why. */
        UNCHECKED("it could not be checked");

        private final String text;

        Reason(String text) {
            this.text = text;
        }

        /** What it means, for people. */
        public String text() {
            return text;
        }
    }
}
