import MailSyntax

/// What one evaluation is about, in octets as macros need them.
struct SPFContext: Sendable {
    var client: IPAddress
    /// The client's greeting as it was given, its international labels as A-labels.
    var helo: [UInt8]
    var localPart: [UInt8]
    var senderDomain: [UInt8]
    /// This server's name, or `unknown`.
    var receiver: String
    var now: Timestamp

    /// What is checked when the sender is nobody, and for the greeting itself. // RFC 7208 §2.4, §4.3
    static let nobody = Array("postmaster".utf8)

    init(client: IPAddress, helo: String, receiver: String, now: Timestamp) {
        self.client = client
        // RFC 8616 §4
        let isASCII = helo.utf8.allSatisfy { $0 < 0x80 }
        self.helo = Array((isASCII ? helo : DomainName(helo)?.ascii ?? helo).utf8)
        localPart = Self.nobody
        senderDomain = []
        self.receiver = receiver
        self.now = now
    }

    /// The client's address in dots: four numbers, or 32 hexadecimal digits. // RFC 7208 §7.3
    var dottedAddress: [UInt8] {
        guard client.isV6 else { return Array(client.description.utf8) }
        let digits = Array("0123456789abcdef".utf8)
        let nibbles = client.bytes.flatMap { [[digits[Int($0 >> 4)]], [digits[Int($0 & 15)]]] }
        return Array(nibbles.joined(separator: [UInt8(ascii: ".")]))
    }

    /// Names for such a local part can't be asked for. // RFC 8616 §4
    var hasInternationalLocalPart: Bool { localPart.contains { $0 >= 0x80 } }
}

/// A name that can be asked for.
struct SPFName: Sendable, Hashable {
    /// Without the final dot, as it was written: what `%{d}` stands for.
    let octets: [UInt8]
    /// As the DNS takes it: lower-cased and escaped. // RFC 1035 §5.1
    let text: String
    let labels: Int

    /// The longest name in text without escapes. // RFC 7208 §7.3
    private static let longest = 253

    init(_ domain: DomainName) {
        octets = Array(domain.ascii.utf8)
        text = domain.ascii
        labels = domain.labels.count
    }

    /// A name that macros made: too long ones lose labels on the left. // RFC 7208 §7.3
    ///
    /// - Returns: nil when a label or the whole is empty or too long.
    init?(expanded: [UInt8]) {
        let dot = UInt8(ascii: ".")
        // RFC 7208 §7.3: a final dot is accepted.
        var rest = expanded.last == dot ? expanded.dropLast() : expanded[...]
        while rest.count > Self.longest {
            guard let first = rest.firstIndex(of: dot) else { return nil }
            rest = rest[(first + 1)...]
        }
        let split = rest.split(separator: dot, omittingEmptySubsequences: false)
        guard split.allSatisfy({ (1...63).contains($0.count) }) else { return nil }
        octets = Array(rest)
        text = split.map(Self.presentation).joined(separator: ".")
        labels = split.count
    }

    /// How much of an expansion's end ``init(expanded:)`` needs.
    static let expansionLimit = longest + 2

    private static func presentation(of label: ArraySlice<UInt8>) -> String {
        var text = ""
        for octet in label {
            switch octet {
            case UInt8(ascii: "\\"): text += "\\\\"
            case 0x21...0x7E: text.unicodeScalars.append(Unicode.Scalar(SPFText.lower(octet)))
            default:
                let digits = String(octet)
                text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return text
    }

    /// Whether a name in the form of ``text`` is this one or lies below it. // RFC 7208 §5.5
    func holds(_ other: String) -> Bool { other == text || other.hasSuffix(".\(text)") }
}
