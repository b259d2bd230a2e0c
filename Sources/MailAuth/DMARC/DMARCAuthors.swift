package import MailMessage
package import MailSyntax

/// The domains that the `From` of a message names. // RFC 9989 §5.3.1
package struct DMARCAuthors: Sendable, Hashable {
    /// Each once, in order.
    package var domains: [DomainName] = []
    /// There is something in the field that could show a reader an author, and is no address.
    package var isUnclear = false
    /// How many fields there are; one is right. // RFC 5322 §3.6
    package var fields = 0

    /// More authors than this are nobody's letter.
    static let mostDomains = 8
    private static let mostAddresses = 200

    package init(_ domains: [DomainName] = []) {
        self.domains = domains
        fields = domains.isEmpty ? 0 : 1
    }

    /// All fields count: one reader shows the first, another the last. Empty groups, addresses of hosts in brackets and
    /// names of local users have no domain.
    // RFC 6854 §2.1
    package init(_ header: HeaderBlock) {
        for field in header.fields where field.isNamed("From") {
            fields += 1
            guard fields <= Self.mostDomains else {
                isUnclear = true
                return
            }
            let before = domains.count
            let addresses = AddressListParser.parse(field.rawValue, limit: Self.mostAddresses)
            add(addresses)
            if Self.hasHiddenAddress(field.rawValue) { isUnclear = true }
            // Nobody is named, and a reader might still show an address: as a name, or decoded.
            if domains.count == before, domains.isEmpty, Self.mayShowAddress(field.rawValue) { isUnclear = true }
        }
    }

    /// Whether there is an at sign with something behind it that is no address of a host in brackets, or encoded text.
    private static func mayShowAddress(_ value: ArraySlice<UInt8>) -> Bool {
        zip(value, value.dropFirst()).contains { first, second in
            switch (first, second) {
            case (UInt8(ascii: "="), UInt8(ascii: "?")): true
            case (UInt8(ascii: "@"), UInt8(ascii: "[")), (UInt8(ascii: "@"), UInt8(ascii: ">")): false
            case (UInt8(ascii: "@"), _): !Octet.isFolding(second)
            default: false
            }
        }
    }

    private mutating func add(_ addresses: [EnvelopeAddress]) {
        if addresses.count >= Self.mostAddresses { isUnclear = true }
        for address in addresses where !address.isGroupStart && !address.isGroupEnd {
            guard address.isComplete, let host = address.host else {
                if !address.isWithoutDomain { isUnclear = true }
                continue
            }
            if host.first == UInt8(ascii: "[") { continue }
            guard let domain = String(validating: host, as: UTF8.self).flatMap({ DomainName($0) }) else {
                isUnclear = true
                continue
            }
            guard !domains.contains(domain) else { continue }
            guard domains.count < Self.mostDomains else {
                isUnclear = true
                return
            }
            domains.append(domain)
        }
    }

    /// Whether something looks like an address where the grammar has none, and a reader may show it: two without a comma
    /// between them, one behind the angle brackets, one whose domain is quoted, or one in quotes or a comment without an
    /// end. A name that is an address is too common to be odd.
    private static func hasHiddenAddress(_ value: ArraySlice<UInt8>) -> Bool {
        var marks = 0
        var isAngled = false
        var hadAngles = false
        var isAfterMark = false
        var skipper = TextSkipper()
        for byte in value {
            if skipper.skips(byte) {
                if isAfterMark, byte == UInt8(ascii: "\"") { return true }
                isAfterMark = false
                continue
            }
            isAfterMark = byte == UInt8(ascii: "@")
            switch byte {
            case UInt8(ascii: "<"): isAngled = true
            case UInt8(ascii: ">"): (isAngled, hadAngles) = (false, true)
            case _ where isAngled: continue
            case UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: ";"):
                if marks > 1, !hadAngles { return true }
                (marks, hadAngles) = (0, false)
            case UInt8(ascii: "@"):
                if hadAngles { return true }
                marks += 1
            default: continue
            }
        }
        return marks > 1 && !hadAngles || skipper.hidesAddress
    }
}

/// Passes over quoted strings, comments and literals in brackets.
private struct TextSkipper {
    private var isQuoted = false
    private var isEscaped = false
    private var isLiteral = false
    private var depth = 0
    private var hasMark = false

    /// What was begun has no end, and an at sign in it.
    var hidesAddress: Bool { hasMark && (isQuoted || depth > 0) }

    mutating func skips(_ byte: UInt8) -> Bool {
        let isSkipped = passes(byte)
        hasMark = isSkipped && (hasMark || byte == UInt8(ascii: "@"))
        return isSkipped
    }

    private mutating func passes(_ byte: UInt8) -> Bool {
        if isEscaped {
            isEscaped = false
            return true
        }
        switch byte {
        case UInt8(ascii: "\\") where isQuoted || depth > 0: isEscaped = true
        case UInt8(ascii: "\"") where depth == 0 && !isLiteral: isQuoted.toggle()
        case UInt8(ascii: "(") where !isQuoted && !isLiteral: depth += 1
        case UInt8(ascii: ")") where depth > 0:
            depth -= 1
            return true
        case UInt8(ascii: "[") where !isQuoted && depth == 0: isLiteral = true
        case UInt8(ascii: "]") where isLiteral: isLiteral = false
        default: return isQuoted || isLiteral || depth > 0
        }
        return true
    }
}
