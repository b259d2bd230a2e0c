/// What a way between two servers can carry.
package enum TransferPath: Sendable, Hashable {
    /// Lines of ASCII.
    case sevenBit
    /// Lines of any octets but NUL. // RFC 6152
    case eightBit
}

/// Why a message can't be converted without harm. The text ends "…, and ".
package enum ConversionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A signature over the octets would break. // RFC 1847 §2.1
    case signed
    /// A type that may not be encoded. // RFC 2046 §5.2.2
    case forbidden(type: String)
    /// It says to be encoded and is not, or in a way that is not known.
    case mislabelled(encoding: String)
    /// Parts can't be told apart.
    case structure

    package var description: String {
        switch self {
        case .signed: "the message can't be converted: it is signed"
        case .forbidden(let type): "the message can't be converted: a part of the type \(type) must not be encoded"
        case .mislabelled(let encoding):
            "the message can't be converted: a part is not what its encoding \(encoding) says"
        case .structure: "the message can't be converted: its parts can't be told apart"
        }
    }
}

/// What stands in a range of octets, counted in one pass.
struct OctetCensus: Sendable {
    private(set) var octets = 0
    /// 0x80 and above.
    private(set) var eightBit = 0
    /// NUL, a CR or LF that stands alone, or a line over 998 octets: nothing that a line can hold. // RFC 5321 §4.5.3.1.6
    private(set) var isBinary = false
    private(set) var hasNUL = false
    private(set) var hasBareEnd = false
    /// Nothing but UTF-8 so far; ask after the end.
    private(set) var isUTF8 = true
    private var line = 0
    private var previous: UInt8 = 0
    private var continuation = 0

    private static let longestLine = 998

    mutating func take(_ bytes: [UInt8]) {
        octets += bytes.count
        for octet in bytes {
            if octet >= 0x80 { eightBit += 1 }
            if octet == 0 { hasNUL = true }
            if (octet == 0x0A) != (previous == 0x0D) { hasBareEnd = true }
            if octet == 0x0A {
                line = 0
            } else if octet != 0x0D {
                line += 1
                if line > Self.longestLine { isBinary = true }
            }
            previous = octet
            checkUTF8(octet)
        }
    }

    mutating func finish() {
        if previous == 0x0D { hasBareEnd = true }
        if hasNUL || hasBareEnd { isBinary = true }
        if continuation > 0 { isUTF8 = false }
    }

    /// Lead and continuation octets only; that is enough to name a character set.
    private mutating func checkUTF8(_ octet: UInt8) {
        switch octet {
        case 0x80..<0xC0 where continuation > 0: continuation -= 1
        case ..<0x80 where continuation == 0: break
        case 0xC2..<0xE0 where continuation == 0: continuation = 1
        case 0xE0..<0xF0 where continuation == 0: continuation = 2
        case 0xF0..<0xF5 where continuation == 0: continuation = 3
        default:
            isUTF8 = false
            continuation = 0
        }
    }

    func fits(_ path: TransferPath) -> Bool { !isBinary && (path == .eightBit || eightBit == 0) }
}
