import MailSyntax
package import SQLEngine

/// The row of a blob; what other tables refer to. Time-ordered.
package struct BlobKey: Hashable, Sendable, SQLBindable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package var sqlValue: SQLValue { .integer(rawValue) }
}

/// The 128-bit name of a blob's file: its key, then 64 random bits.
package struct BlobID: Hashable, Sendable, CustomStringConvertible {
    package let key: BlobKey
    let random: UInt64

    package init(key: BlobKey, random: UInt64) {
        self.key = key
        self.random = random
    }

    init(id: MailID) {
        self.init(key: BlobKey(rawValue: id.rawValue), random: UInt64.random(in: .min ... .max))
    }

    /// 32 hexadecimal digits.
    package var description: String {
        String(unsafeUninitializedCapacity: 32) { writeName(to: $0) }
    }

    /// Where the file lies below the store's folder: `OUTER/INNER/NAME`.
    var place: String {
        String(unsafeUninitializedCapacity: 50) { text in
            let milliseconds = UInt64(bitPattern: key.rawValue) >> 22
            var count = Self.write(milliseconds >> 32, digits: 3, to: text)
            text[count] = UInt8(ascii: "/")
            count += 1
            count += Self.write((milliseconds >> 20) & 0xFFF, digits: 3, to: .init(rebasing: text[count...]))
            text[count] = UInt8(ascii: "/")
            count += 1
            return count + writeName(to: .init(rebasing: text[count...]))
        }
    }

    private func writeName(to text: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let high = Self.write(UInt64(bitPattern: key.rawValue), digits: 16, to: text)
        return high + Self.write(random, digits: 16, to: .init(rebasing: text[high...]))
    }

    /// Writes at least so many hexadecimal digits; 16 at the most. Returns how many.
    private static func write(_ value: UInt64, digits: Int, to text: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let count = max(digits, (64 - value.leadingZeroBitCount + 3) / 4)
        for place in 0..<count {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * (count - 1 - place))) & 0xF
            text[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
        return count
    }

    /// The name read back from a file's name; nil where it isn't one of ours.
    package init?(fileName: String) {
        guard fileName.utf8.count == 32 else { return nil }
        guard let high = UInt64(fileName.prefix(16), radix: 16), let low = UInt64(fileName.suffix(16), radix: 16) else {
            return nil
        }
        self.init(key: BlobKey(rawValue: Int64(bitPattern: high)), random: low)
    }

    /// The two levels of folders: 49.7 days and 17.5 minutes of arrivals, so that what arrives together lies together.
    var folders: (outer: String, inner: String) {
        let milliseconds = UInt64(bitPattern: key.rawValue) >> 22
        return (Self.hex(milliseconds >> 32, digits: 3), Self.hex((milliseconds >> 20) & 0xFFF, digits: 3))
    }

    private static func hex(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
