package io.agentlifecycle.examples;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.agentlifecycle.core.LifecycleManager;
import io.agentlifecycle.core.LifecyclePolicy;
import io.agentlifecycle.core.ProvisioningRequest;
import io.agentlifecycle.core.access.Actor;
import io.agentlifecycle.core.access.AgentId;
import io.agentlifecycle.core.access.Operation;
import io.agentlifecycle.core.agent.Agent;
import io.agentlifecycle.core.audit.PublicJwk;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x509.TBSCertificate;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.asn1.x509.Validity;

/**
 * Mutual TLS for agents: a local CA gives the identity key of an agent a certificate, and a server of the JDK lets in whoever
 * has one, if the manager says that the agent stands. The certificate says who is there, and never that he may be: it is
 * good for a day, and a suspension counts at once.
 */
public final class MutualTls {
    private static final AlgorithmIdentifier ED25519 = new AlgorithmIdentifier(new ASN1ObjectIdentifier("1.3.101.112"));
    private static final String SERVER = "localhost";
    private static final Duration DAY = Duration.ofDays(1);
    private static final char[] IN_MEMORY = "in memory only".toCharArray();

    private MutualTls() {}

    /** Runs it over loopback; takes no arguments. */
    public static void main(String[] args) throws Exception {
        var policy = LifecyclePolicy.builder().requireApproval(false).build();
        var ca = new Ca("Our CA", InstantSource.system());
        KeyPair agentKey = newKey();
        try (LifecycleManager manager =
                LifecycleManager.builder().policy(policy).build()) {
            AgentId id = manager.requestProvisioning(ProvisioningRequest.builder("Caller")
                            .id(AgentId.of("agent:caller"))
                            .owner("alice@company.com")
                            .keyThumbprint(thumbprint(agentKey.getPublic()))
                            .build())
                    .id();
            manager.activate(id);
            HttpsServer server = serve(manager, ca);
            try {
                SSLContext asAgent = context(ca, agentKey, ca.certify(id.value(), agentKey.getPublic()));
                System.out.println("ACTIVE:           " + call(server, asAgent));
                manager.suspend(id, "maintenance", Actor.human("alice@company.com"));
                System.out.println("SUSPENDED:        " + call(server, asAgent));
                manager.resume(id, Actor.human("alice@company.com"));

                KeyPair thief = newKey();
                SSLContext otherKey = context(ca, thief, ca.certify(id.value(), thief.getPublic()));
                System.out.println("another key:      " + call(server, otherKey));
                var otherCa = new Ca("Our CA", InstantSource.system()); // a CA of the same name
                SSLContext foreign = context(ca, agentKey, otherCa.certify(id.value(), agentKey.getPublic()));
                System.out.println("another CA:       " + call(server, foreign));
                SSLContext misled = context(otherCa, agentKey, ca.certify(id.value(), agentKey.getPublic()));
                System.out.println("unknown server:   " + call(server, misled));
            } finally {
                server.stop(0);
            }
        }
    }

    // ---- the server

    private static HttpsServer serve(LifecycleManager manager, Ca ca) throws Exception {
        KeyPair key = newKey();
        SSLContext context = context(ca, key, ca.certify(SERVER, key.getPublic()));
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters wanted = getSSLContext().getDefaultSSLParameters();
                wanted.setNeedClientAuth(true); // no certificate of our CA, no connection
                parameters.setSSLParameters(wanted);
            }
        });
        server.createContext("/", exchange -> answer(manager, exchange));
        server.start();
        return server;
    }

    private static void answer(LifecycleManager manager, HttpExchange exchange) throws IOException {
        try (exchange) {
            Optional<Agent> caller = caller(manager, (HttpsExchange) exchange);
            byte[] text = caller.map(agent -> "welcome, " + agent.id())
                    .orElse("you may not act now")
                    .getBytes(UTF_8);
            exchange.sendResponseHeaders(caller.isPresent() ? 200 : 403, text.length);
            exchange.getResponseBody().write(text);
        }
    }

    /** Who calls: the certificate names the agent and has its key, and the agent stands now. Asked for every request. */
    private static Optional<Agent> caller(LifecycleManager manager, HttpsExchange exchange) throws IOException {
        var shown = (X509Certificate) exchange.getSSLSession().getPeerCertificates()[0];
        X500Name subject = X500Name.getInstance(shown.getSubjectX500Principal().getEncoded());
        String name = subject.getRDNs(BCStyle.CN)[0].getFirst().getValue().toString();
        Optional<String> key = Optional.of(thumbprint(shown.getPublicKey()));
        return manager.find(AgentId.of(name))
                .filter(agent -> agent.entitlements().keyThumbprint().equals(key))
                .filter(agent ->
                        manager.guard().check(agent.id(), Operation.INVOKE).allowed());
    }

    // ---- the agent

    private static String call(HttpsServer server, SSLContext context) throws InterruptedException {
        URI uri = URI.create("https://" + SERVER + ":" + server.getAddress().getPort() + "/");
        try {
            var response = HttpClient.newBuilder()
                    .sslContext(context)
                    .build()
                    .send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
            return response.statusCode() + " " + response.body();
        } catch (IOException e) {
            return "no connection";
        }
    }

    // ---- keys and certificates

    private static KeyPair newKey() throws GeneralSecurityException {
        return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    }

    private static String thumbprint(PublicKey key) {
        return PublicJwk.of(SubjectPublicKeyInfo.getInstance(key.getEncoded())
                        .getPublicKeyData()
                        .getOctets())
                .keyId();
    }

    /** Shows that certificate, and believes those of that CA. */
    private static SSLContext context(Ca ca, KeyPair key, X509Certificate certificate) throws Exception {
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, null);
        own.setKeyEntry("own", key.getPrivate(), IN_MEMORY, new X509Certificate[] {certificate});
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, IN_MEMORY);
        KeyStore believed = KeyStore.getInstance("PKCS12");
        believed.load(null, null);
        believed.setCertificateEntry("ca", ca.certificate);
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(believed);
        SSLContext context = SSLContext.getInstance("TLSv1.3");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    /** Signs certificates; bcprov has all that this needs. */
    private static final class Ca {
        private final KeyPair key = newKey();
        private final X500Name name;
        private final InstantSource clock;
        private final SecureRandom random = new SecureRandom();
        final X509Certificate certificate;

        Ca(String name, InstantSource clock) throws Exception {
            this.name = new X500Name("CN=" + name);
            this.clock = clock;
            this.certificate = sign(
                    this.name,
                    key.getPublic(),
                    extension(Extension.basicConstraints, new BasicConstraints(0).getEncoded()));
        }

        /** For an agent, or for the server as which it is called. */
        X509Certificate certify(String subject, PublicKey subjectKey) throws Exception {
            var names = new GeneralNames(new GeneralName(GeneralName.dNSName, subject));
            Extension extension = subject.equals(SERVER)
                    ? extension(Extension.subjectAlternativeName, names.getEncoded())
                    : extension(Extension.basicConstraints, new BasicConstraints(false).getEncoded());
            return sign(new X500Name("CN=" + subject), subjectKey, extension);
        }

        private X509Certificate sign(X500Name subject, PublicKey subjectKey, Extension extension) throws Exception {
            Instant now = clock.instant();
            var tbs = new TBSCertificate(
                    new ASN1Integer(2), // version 3
                    new ASN1Integer(new BigInteger(127, random)),
                    ED25519,
                    name,
                    new Validity(new Time(Date.from(now.minusSeconds(60))), new Time(Date.from(now.plus(DAY)))),
                    subject,
                    SubjectPublicKeyInfo.getInstance(subjectKey.getEncoded()),
                    null,
                    null,
                    new Extensions(extension));
            Signature signer = Signature.getInstance("Ed25519");
            signer.initSign(key.getPrivate());
            signer.update(tbs.getEncoded(ASN1Encoding.DER));
            byte[] der = new Certificate(tbs, ED25519, new DERBitString(signer.sign())).getEncoded(ASN1Encoding.DER);
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
        }

        private static Extension extension(ASN1ObjectIdentifier id, byte[] value) {
            return new Extension(id, true, value);
        }
    }
}
