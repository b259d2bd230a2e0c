import MailSyntax

/// What a domain asks of those who send to it. // RFC 8461 §3.2
package struct MTASTSPolicy: Sendable, Hashable {
    package enum Mode: String, Sendable, Hashable, CaseIterable {
        case enforce
        case testing
        case none
    }

    package var mode: Mode
    /// Seconds; at most a year.
    package var maxAge: Int
    /// Host names in lower-case A-labels; `*.example.org` stands for one label in its place. Empty only with mode `none`.
    package var hosts: [String]

    package init(mode: Mode, maxAge: Int, hosts: [String]) {
        self.mode = mode
        self.maxAge = maxAge
        self.hosts = hosts
    }

    /// Octets of a policy at most. // RFC 8461 §3.3
    package static let maximumSize = 64 * 1024
    /// Hosts of a policy at most; more are nobody's.
    static let maximumHosts = 1000
    /// About a year. // RFC 8461 §3.2
    package static let longestAge = 31_557_600

    /// - Throws: what is wrong with the text, for a report.
    package init(parsing bytes: [UInt8]) throws(MTASTSPolicyError) {
        guard bytes.count <= Self.maximumSize else { throw MTASTSPolicyError("the policy is too large") }
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D || $0 >= 0x80 })
        else { throw MTASTSPolicyError("the policy has control characters") }
        var fields: [String: String] = [:]
        var hosts: [String] = []
        for (number, line) in try Self.lines(bytes).enumerated() {
            let (name, value) = try Self.field(line, number: number + 1)
            if name == "mx" {
                guard hosts.count < Self.maximumHosts else { throw MTASTSPolicyError("the policy has too many hosts") }
                hosts.append(try Self.knownHost(value))
            } else if fields[name] == nil {
                fields[name] = value  // RFC 8461 §3.2: of a field that comes twice the first counts.
            }
        }
        guard fields["version"] == "STSv1" else { throw MTASTSPolicyError("the policy has no `version: STSv1`") }
        guard let mode = fields["mode"].flatMap(Mode.init(rawValue:)) else {
            throw MTASTSPolicyError("the policy has no mode that is known")
        }
        // sts-policy-max-age = 1*10(DIGIT)
        guard let age = fields["max_age"], (1...10).contains(age.utf8.count),
            age.utf8.allSatisfy({ (48...57).contains($0) }), let seconds = Int(age)
        else { throw MTASTSPolicyError("the policy has no `max_age` in seconds") }
        guard mode == .none || !hosts.isEmpty else { throw MTASTSPolicyError("the policy names no host") }
        self.init(mode: mode, maxAge: min(seconds, Self.longestAge), hosts: hosts)
    }

    /// A line ends with LF or CRLF; blank ones at the end are nothing.
    private static func lines(_ bytes: [UInt8]) throws(MTASTSPolicyError) -> [String] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }
        while let last = lines.last, last[...].trimmed.isEmpty { lines.removeLast() }
        guard lines.count <= maximumHosts + 100 else { throw MTASTSPolicyError("the policy has too many lines") }
        return lines
    }

    private static func field(
        _ line: String, number: Int
    ) throws(MTASTSPolicyError) -> (name: String, value: String) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = parts.first.map(String.init), (1...32).contains(name.utf8.count),
            name.utf8.allSatisfy({ $0.isAlphanumeric || $0 == 0x5F || $0 == 0x2D || $0 == 0x2E })
        else { throw MTASTSPolicyError("line \(number) of the policy is not `name: value`") }
        return (name, String(parts[1].trimmed))
    }

    private static func knownHost(_ text: String) throws(MTASTSPolicyError) -> String {
        guard let host = host(text) else { throw MTASTSPolicyError("the policy names a host that is none") }
        return host
    }

    /// A host as `hosts` has it; nil for what is no host name, with or without `*.` before it.
    package static func host(_ text: String) -> String? {
        let isWildcard = text.hasPrefix("*.")
        return DomainName(isWildcard ? text.dropFirst(2) : text[...]).map { (isWildcard ? "*." : "") + $0.ascii }
    }

    /// Whether mail may go to a host. // RFC 8461 §4.1
    package func lists(_ host: String) -> Bool {
        let plain = host.lowercased()
        let host = plain.hasSuffix(".") ? String(plain.dropLast()) : plain
        return hosts.contains { pattern in
            guard pattern.hasPrefix("*.") else { return pattern == host }
            // The wildcard is exactly one label, the leftmost.
            guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return false }
            return host[dot...] == pattern.dropFirst()
        }
    }

    /// As it is served. // RFC 8461 §3.2
    package var text: String { lines.map { "\($0)\r\n" }.joined() }

    /// Of the text, without their ends.
    package var lines: [String] {
        ["version: STSv1", "mode: \(mode.rawValue)"] + hosts.map { "mx: \($0)" } + ["max_age: \(maxAge)"]
    }
}

extension MTASTSPolicy {
    /// The TXT record of `_mta-sts.DOMAIN` for this policy. // RFC 8461 §3.1
    package var recordText: String { "v=STSv1; id=\(recordID);" }

    /// Another policy has another one.
    package var recordID: String {
        // FNV-1a, 64 bits
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }
}

/// Why a policy says nothing.
package struct MTASTSPolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// What is known of a domain's policy.
package enum MTASTSAnswer: Sendable, Hashable {
    /// There is none, or none could be had; why, in words, and what a report says of it.
    case none(String, failure: TLSReportFailure? = nil)
    case policy(MTASTSPolicy, id: String)
}
