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
     */
    record Accepted(TokenClaims claims) implements TokenVerdict {
        public Accepted {
            requireNonNull(claims, "claims");
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
            return claims.keyThumbprint().isPresent();
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
        /** Bound to something that is no key. */
        KEY_BINDING("cnf must be the thumbprint of a key and nothing else"),
        /** Bound to a key, and nobody showed that they hold it. */
        PROOF_REQUIRED("it is bound to a key, and possession of that was not shown"),
        /** The chain of those who act is not one. */
        ACTOR("act must name at most 8 agents, one inside the other"),
        /** The scope is not one. */
        SCOPE("scope must be capabilities in their order, with one space between them"),
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
