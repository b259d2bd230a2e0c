/// A session, message or queue id: 41 bits of milliseconds since 2024-01-01, 10 bits of node, 12 bits of sequence.
package struct MailID: Hashable, Comparable, Sendable, CustomStringConvertible, Codable {
    package let rawValue: Int64

    /// Milliseconds from 1970 to the epoch of ids, 2024-01-01T00:00:00Z.
    package static let epochMilliseconds: Int64 = 1_704_067_200_000

    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// Reads the text form: 13 Crockford base32 digits, in either case; nil for anything else.
    package init?(_ text: String) {
        var value: UInt64 = 0
        var count = 0
        for byte in text.utf8 {
            guard count < 13, let digit = Self.digitValue(byte) else { return nil }
            guard count > 0 || digit < 8 else { return nil }
            value = value << 5 | UInt64(digit)
            count += 1
        }
        guard count == 13, value > 0, let signed = Int64(exactly: value) else { return nil }
        rawValue = signed
    }

    /// 13 upper-case Crockford base32 digits; sorts as the number does.
    package var description: String {
        let value = UInt64(bitPattern: rawValue)
        return String(unsafeUninitializedCapacity: 13) { buffer in
            for index in 0..<13 {
                let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - index * 5)) & 31
                buffer[index] = Self.digit(digit)
            }
            return 13
        }
    }

    /// When the id was made, to the millisecond.
    package var timestamp: Timestamp {
        let (value, overflow) = ((rawValue >> 22) &+ Self.epochMilliseconds).multipliedReportingOverflow(by: 1000)
        return Timestamp(microseconds: overflow ? .max : value)
    }

    package static func < (a: MailID, b: MailID) -> Bool { a.rawValue < b.rawValue }

    package init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    /// 0-9 and the letters without I, L, O and U.
    private static func digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0...9: 48 + value
        case 10...17: 65 + value - 10  // A…H
        case 18, 19: 74 + value - 18  // J, K
        case 20, 21: 77 + value - 20  // M, N
        case 22...26: 80 + value - 22  // P…T
        default: 86 + (value & 31) - 27  // V…Z
        }
    }

    private static func digitValue(_ byte: UInt8) -> UInt8? {
        let upper = byte >= 97 && byte <= 122 ? byte - 32 : byte
        switch upper {
        case 48...57: return upper - 48
        case 65...72: return upper - 65 + 10
        case 74, 75: return upper - 74 + 18
        case 77, 78: return upper - 77 + 20
        case 80...84: return upper - 80 + 22
        case 86...90: return upper - 86 + 27
        case 73, 76: return 1  // I and L read as 1
        case 79: return 0  // O reads as 0
        default: return nil
        }
    }
}
