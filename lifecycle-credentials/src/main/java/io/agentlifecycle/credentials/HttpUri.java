package io.agentlifecycle.credentials;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Optional;

/**
 * The one spelling of an http or https URI, as RFC 9449 has it compared: without query and fragment, normalised by syntax
 * and by scheme (RFC 3986, sections 6.2.2 and 6.2.3). Scheme and host are in lower case, the port is gone if it is that of
 * the scheme, escapes are in upper case and gone where they need not be, dot segments are gone, and the path is at least a
 * slash. All methods are pure.
 *
 * <p>By hand, since {@link java.net.URI} reads an older standard, takes more than that and normalises less.
 */
final class HttpUri {
    private static final int MAX_LENGTH = CompactJws.MAX_LENGTH;
    private static final int MAX_PORT_DIGITS = 5;
    private static final int MAX_PORT = 65_535;
    private static final String UNRESERVED_MARKS = "-._~";
    private static final String OTHERS_IN_PATHS = "/!$&'()*+,;=:@";

    private HttpUri() {}

    /** Of what a request was sent to, whose query and fragment do not count; empty if it is no such URI. */
    static Optional<String> withoutQuery(String uri) {
        int end = 0;
        while (end < uri.length() && uri.charAt(end) != '?' && uri.charAt(end) != '#') {
            end++;
        }
        return normal(uri.substring(0, end));
    }

    /** Empty if it is no http or https URI, or has a user, a query or a fragment. */
    static Optional<String> normal(String uri) {
        int colon = uri.indexOf("://");
        if (uri.length() > MAX_LENGTH || colon < 0 || !isPlain(uri)) {
            return Optional.empty();
        }
        String scheme = uri.substring(0, colon).toLowerCase(Locale.ROOT);
        if (!scheme.equals("http") && !scheme.equals("https")) {
            return Optional.empty();
        }
        int slash = uri.indexOf('/', colon + 3);
        int end = slash < 0 ? uri.length() : slash;
        return authority(scheme, uri.substring(colon + 3, end))
                .flatMap(authority -> path(uri.substring(end)).map(path -> scheme + "://" + authority + path));
    }

    /** Nothing but visible ASCII: what looks alike in lower case is not taken for alike. */
    private static boolean isPlain(String uri) {
        return uri.chars().allMatch(c -> c > ' ' && c < 0x7f);
    }

    private static Optional<String> authority(String scheme, String text) {
        int end = text.startsWith("[") ? text.indexOf(']') + 1 : text.indexOf(':');
        String host = end < 0 ? text : text.substring(0, end);
        String rest = text.substring(host.length());
        if (!isHost(host) || !rest.isEmpty() && rest.charAt(0) != ':') {
            return Optional.empty();
        }
        String lower = host.toLowerCase(Locale.ROOT);
        return port(scheme, rest.isEmpty() ? rest : rest.substring(1)).map(port -> lower + port);
    }

    /** A name or an address of IPv4, or of IPv6 in its brackets; HTTP has no use for escapes in it. */
    private static boolean isHost(String host) {
        if (host.startsWith("[")) {
            return host.length() > 3
                    && host.substring(1, host.length() - 1).chars().allMatch(c -> isHex(c) || c == ':' || c == '.');
        }
        return !host.isEmpty() && host.chars().allMatch(HttpUri::isUnreserved);
    }

    /** With its colon; empty text for the port of the scheme. */
    private static Optional<String> port(String scheme, String digits) {
        if (digits.isEmpty()) {
            return Optional.of("");
        }
        if (digits.length() > MAX_PORT_DIGITS || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Optional.empty();
        }
        int port = Integer.parseInt(digits);
        if (port > MAX_PORT) {
            return Optional.empty();
        }
        return Optional.of(port == (scheme.equals("https") ? 443 : 80) ? "" : ":" + port);
    }

    /** Escapes come first: what they hide may be dots. */
    private static Optional<String> path(String text) {
        return unescaped(text).map(HttpUri::withoutDots);
    }

    private static Optional<String> unescaped(String text) {
        var out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '%') {
                if (i + 2 >= text.length() || !isHex(text.charAt(i + 1)) || !isHex(text.charAt(i + 2))) {
                    return Optional.empty();
                }
                String hex = text.substring(i + 1, i + 3);
                char value = (char) Integer.parseInt(hex, 16);
                out.append(isUnreserved(value) ? String.valueOf(value) : "%" + hex.toUpperCase(Locale.ROOT));
                i += 2;
            } else if (isUnreserved(c) || OTHERS_IN_PATHS.indexOf(c) >= 0) {
                out.append(c);
            } else {
                return Optional.empty();
            }
        }
        return Optional.of(out.toString());
    }

    /** RFC 3986, section 5.2.4, for a path that is empty or begins with a slash. */
    private static String withoutDots(String path) {
        if (path.isEmpty()) {
            return "/";
        }
        Deque<String> kept = new ArrayDeque<>();
        String[] segments = path.substring(1).split("/", -1);
        for (int i = 0; i < segments.length; i++) {
            boolean up = segments[i].equals("..");
            if (up) {
                kept.pollLast();
            }
            if (!up && !segments[i].equals(".")) {
                kept.addLast(segments[i]);
            } else if (i == segments.length - 1) {
                kept.addLast(""); // the slash before it stays
            }
        }
        return "/" + String.join("/", kept);
    }

    private static boolean isUnreserved(int c) {
        return c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c >= '0' && c <= '9'
                || c < 0x7f && UNRESERVED_MARKS.indexOf(c) >= 0;
    }

    private static boolean isHex(int c) {
        return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F';
    }
}
