/// What a matching mechanism says. // RFC 7208 §4.6.2
package enum SPFQualifier: UInt8, Sendable, Hashable {
    case pass = 0x2B
    case fail = 0x2D
    case softfail = 0x7E
    case neutral = 0x3F

    package var verdict: SPFVerdict {
        switch self {
        case .pass: .pass
        case .fail: .fail
        case .softfail: .softfail
        case .neutral: .neutral
        }
    }
}

/// How many leading bits of an address count.
package struct SPFPrefixLengths: Sendable, Hashable {
    /// 0…32
    package var v4 = 32
    /// 0…128
    package var v6 = 128
}

/// RFC 7208 §5
package enum SPFMechanism: Sendable, Hashable {
    case all
    case include(SPFMacroString)
    /// Without a name it is the domain's own.
    case a(SPFMacroString?, SPFPrefixLengths)
    case mx(SPFMacroString?, SPFPrefixLengths)
    case ptr(SPFMacroString?)
    /// 4 or 16 octets; an IPv4-mapped network stays what was written and matches no IPv4 client. // RFC 7208 §5
    case network([UInt8], prefixLength: Int)
    case exists(SPFMacroString)

    /// It asks the DNS when it is evaluated. // RFC 7208 §4.6.4
    package var asksDNS: Bool {
        switch self {
        case .include, .a, .mx, .ptr, .exists: true
        case .all, .network: false
        }
    }
}

/// A qualifier with its mechanism.
package struct SPFDirective: Sendable, Hashable {
    package var qualifier: SPFQualifier
    package var mechanism: SPFMechanism
    /// As it is written, qualifier included.
    package var text: String
    /// Octets from the start of the record.
    package var offset: Int
}

/// An SPF record, read. // RFC 7208 §4.6, §12
package struct SPFRecord: Sendable, Hashable {
    package var directives: [SPFDirective] = []
    package var redirect: SPFMacroString?
    package var explanation: SPFMacroString?
    /// The names of modifiers that nobody here knows; they mean nothing. // RFC 7208 §6
    package var unknownModifiers: [String] = []

    /// Reads a record, its strings joined without a separator. // RFC 7208 §3.3
    ///
    /// - Throws: at the first error, wherever it is: nothing of such a record counts. // RFC 7208 §4.6
    package init(parsing bytes: [UInt8], limit: Int = SPFLimits().recordSize) throws(SPFSyntaxError) {
        guard bytes.count <= limit else { throw SPFSyntaxError(.tooLong, at: limit) }
        guard Self.isSPF(bytes) else { throw SPFSyntaxError(.notSPF, at: 0) }
        // RFC 7208 §3.1
        if let odd = bytes.firstIndex(where: { $0 >= 0x80 }) { throw SPFSyntaxError(.notASCII, at: odd) }
        for term in bytes[Self.version.count...].split(separator: UInt8(ascii: " ")) {
            var parser = SPFTermParser(term)
            switch try parser.parse() {
            case .directive(let directive): directives.append(directive)
            case .redirect(let target):
                guard redirect == nil else { throw SPFSyntaxError(.repeatedModifier, at: term.startIndex, in: term) }
                redirect = target
            case .explanation(let target):
                guard explanation == nil else { throw SPFSyntaxError(.repeatedModifier, at: term.startIndex, in: term) }
                explanation = target
            case .unknown(let name): unknownModifiers.append(name)
            }
        }
    }

    /// Whether a TXT record is meant for SPF. // RFC 7208 §4.5
    package static func isSPF(_ bytes: some Collection<UInt8>) -> Bool {
        let start = bytes.prefix(version.count)
        guard start.count == version.count, zip(start, version).allSatisfy({ SPFText.lower($0) == $1 }) else {
            return false
        }
        return bytes.dropFirst(version.count).first.map { $0 == UInt8(ascii: " ") } ?? true
    }

    /// Something matches every client, so that a redirect is never followed. // RFC 7208 §6.1
    package var matchesAll: Bool { directives.contains { $0.mechanism == .all } }

    /// Terms of this record alone that ask the DNS.
    package var lookups: Int {
        directives.count { $0.mechanism.asksDNS } + (redirect == nil || matchesAll ? 0 : 1)
    }

    private static let version = Array("v=spf1".utf8)
}
