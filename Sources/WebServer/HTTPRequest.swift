/// What came where the head of a request is due.
package enum HTTPHead: Sendable, Hashable {
    case request(HTTPRequest)
    case malformed
    case tooLarge
    /// HTTP, and not version 1.
    case otherVersion
}

/// What stands before the body of a request, as far as anybody here asks. // RFC 9112 §2.1
package struct HTTPRequest: Sendable, Hashable {
    package var method: String
    /// The path, without a query, as it was written: nothing here needs `%`.
    package var path: String
    /// In lower case, without a port; nil where the request names none, which HTTP/1.0 allows.
    package var host: String?

    package init(method: String, path: String, host: String?) {
        self.method = method
        self.path = path
        self.host = host
    }

    /// - Parameter head: lines that end with CRLF, the last one empty; no other CR or LF.
    static func parse(_ head: [UInt8]) -> HTTPHead {
        // RFC 9110 §5.5: no controls but the tab.
        let isText = head.allSatisfy { $0 == 0x09 || $0 == 0x0D || $0 == 0x0A || ($0 >= 0x20 && $0 != 0x7F) }
        let lines = head.split(separator: 0x0A).map { $0.dropLast() }.filter { !$0.isEmpty }
        guard isText, let first = lines.first else { return .malformed }
        // RFC 9112 §3
        let words = first.split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, isToken(words[0]), !words[1].isEmpty, let version = Version(words[2]) else {
            return .malformed
        }
        guard version.major == 1 else { return .otherVersion }
        guard let hosts = hosts(lines.dropFirst()), hosts.count <= 1 else { return .malformed }
        // RFC 9112 §3.2: HTTP/1.1 names its host.
        guard version.minor == 0 || hosts.count == 1 else { return .malformed }
        guard let target = target(text(words[1])) else { return .malformed }
        let host = target.host ?? hosts.first
        guard host?.utf8.allSatisfy(isHostOctet) != false else { return .malformed }
        return .request(
            HTTPRequest(
                method: text(words[0]), path: String(target.path.prefix { $0 != "?" }), host: host.map(withoutPort)))
    }

    /// RFC 3986 §3.2.2, and the port.
    private static func isHostOctet(_ byte: UInt8) -> Bool { isTokenOctet(byte) || "()[],;=:".utf8.contains(byte) }

    private struct Version {
        var major: UInt8
        var minor: UInt8

        /// `HTTP/1.1` // RFC 9112 §2.3
        init?(_ text: ArraySlice<UInt8>) {
            let bytes = Array(text)
            guard bytes.count == 8, bytes.starts(with: "HTTP/".utf8), bytes[6] == UInt8(ascii: ".") else { return nil }
            let digits = [bytes[5], bytes[7]].map { $0 &- 48 }
            guard digits.allSatisfy({ $0 < 10 }) else { return nil }
            (major, minor) = (digits[0], digits[1])
        }
    }

    /// The values of Host; nil where a line is no field. // RFC 9112 §5.1, RFC 9112 §5.2: no blank before the colon, no folding.
    private static func hosts(_ lines: ArraySlice<ArraySlice<UInt8>>) -> [String]? {
        var hosts: [String] = []
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), isToken(line[..<colon]) else { return nil }
            guard text(line[..<colon]).lowercased() == "host" else { continue }
            hosts.append(text(line[line.index(after: colon)...].trimmed))
        }
        return hosts
    }

    /// The path, and the host where the target has one. // RFC 9112 §3.2.1, RFC 9112 §3.2.2
    private static func target(_ text: String) -> (path: String, host: String?)? {
        if text.hasPrefix("/") || text == "*" { return (text, nil) }
        let scheme = "https://"
        guard text.lowercased().hasPrefix(scheme) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest.dropFirst(host.count)
        return (path.hasPrefix("/") ? String(path) : "/", String(host))
    }

    private static func withoutPort(_ host: String) -> String { String(host.prefix { $0 != ":" }).lowercased() }

    /// RFC 9110 §5.6.2
    private static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(isTokenOctet)
    }

    private static func isTokenOctet(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension ArraySlice<UInt8> {
    /// Without blanks at its ends.
    fileprivate var trimmed: ArraySlice<UInt8> {
        var rest = drop { $0 == 0x20 || $0 == 0x09 }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
        return rest
    }
}
