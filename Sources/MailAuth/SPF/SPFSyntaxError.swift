/// What is wrong with a record, and where.
package struct SPFSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        case notSPF
        case notASCII
        case tooLong
        case unknownMechanism
        case missingArgument
        case argumentNotAllowed
        case invalidDomain
        case invalidMacro
        case invalidNetwork
        case invalidPrefixLength
        case repeatedModifier
    }

    package let code: Code
    /// Octets from the start of the record.
    package let offset: Int
    /// The term it is in, printable and cut short.
    package let term: String
    /// What is meant, where a usual mistake was made.
    package let hint: String?

    init(_ code: Code, at offset: Int, in term: ArraySlice<UInt8> = [], hint: String? = nil) {
        self.code = code
        self.offset = offset
        self.term = SPFText.printable(term, limit: 60)
        self.hint = hint
    }

    package var description: String {
        let place = term.isEmpty ? "at octet \(offset)" : "in \(term) at octet \(offset)"
        return "\(words) \(place)" + (hint.map { ": \($0)" } ?? "")
    }

    private var words: String {
        switch code {
        case .notSPF: "no version"
        case .notASCII: "not ASCII"
        case .tooLong: "record too long"
        case .unknownMechanism: "unknown mechanism"
        case .missingArgument: "argument missing"
        case .argumentNotAllowed: "argument not allowed"
        case .invalidDomain: "no domain name"
        case .invalidMacro: "invalid macro"
        case .invalidNetwork: "invalid address"
        case .invalidPrefixLength: "invalid prefix length"
        case .repeatedModifier: "modifier given twice"
        }
    }
}

/// Octets of strangers as text that moves no cursor.
enum SPFText {
    static func lower(_ octet: UInt8) -> UInt8 { (0x41...0x5A).contains(octet) ? octet | 0x20 : octet }

    static func isLetter(_ octet: UInt8) -> Bool { (0x61...0x7A).contains(octet | 0x20) }

    static func isDigit(_ octet: UInt8) -> Bool { (0x30...0x39).contains(octet) }

    static func printable(_ bytes: some Collection<UInt8>, limit: Int) -> String {
        let shown = bytes.prefix(limit).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self) + (bytes.count > limit ? "..." : "")
    }
}
