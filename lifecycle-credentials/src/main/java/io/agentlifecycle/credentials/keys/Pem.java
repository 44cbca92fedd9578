package io.agentlifecycle.credentials.keys;

import java.util.Base64;

/** The armour of RFC 7468 around one structure, in the strict form that it is written in. */
final class Pem {
    private static final int LINE = 64;

    private Pem() {}

    static String write(String label, byte[] der) {
        String body = Base64.getMimeEncoder(LINE, new byte[] {'\n'}).encodeToString(der);
        return "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(label, body, label);
    }

    /**
     * What {@link #write} was given.
     *
     * @throws IllegalArgumentException if it would have written another text
     */
    static byte[] read(String label, String text) {
        String begin = "-----BEGIN " + label + "-----\n";
        String end = "\n-----END " + label + "-----\n";
        if (text.startsWith(begin) && text.endsWith(end) && text.length() > begin.length() + end.length()) {
            byte[] der = Base64.getMimeDecoder().decode(text.substring(begin.length(), text.length() - end.length()));
            if (write(label, der).equals(text)) {
                return der;
            }
        }
        throw new IllegalArgumentException("not PEM of one " + label);
    }
}
