import MailMessage

enum SearchFold {
    static func fold(_ text: String) -> String { SearchText.fold(text) }
}

/// Which three-octet sequences a message's text has, as a bitmap: whether a substring can stand in it.
///
/// A clear bit proves absence; hits are candidates that are verified. Substrings of any language work, since a Chinese
/// character is three octets of UTF-8. The bitmap is folded in half while at most a third of its bits are set, so its
/// size follows the text: about 2 KiB for 10 KiB of prose.
struct TextSignature: Sendable, Equatable {
    private static let widest = 1 << 20
    private static let narrowest = 512

    /// A power of two of bits; bit `n` is bit `n & 7` of octet `n >> 3`.
    let bits: [UInt8]

    init(bits: [UInt8]) {
        self.bits = bits
    }

    /// - Parameter texts: folded.
    init(texts: [String]) {
        let octets = texts.reduce(0) { $0 + $1.utf8.count }
        var width = Self.narrowest
        while width < Self.widest, width < octets * 4 { width *= 2 }
        var map = [UInt64](repeating: 0, count: width / 64)
        for var text in texts {
            text.withUTF8 { Self.mark($0, in: &map) }
        }
        Self.narrow(&map)
        self.bits = map.withUnsafeBytes { Array($0) }
    }

    private static func mark(_ text: UnsafeBufferPointer<UInt8>, in map: inout [UInt64]) {
        guard text.count >= 3 else { return }
        let mask = UInt32(map.count * 64 - 1)
        var window = UInt32(text[0]) << 8 | UInt32(text[1])
        map.withUnsafeMutableBufferPointer { map in
            for index in 2..<text.count {
                window = (window &<< 8 | UInt32(text[index])) & 0xFF_FFFF
                let bit = Int(hash(window) & mask)
                map[bit &>> 6] |= 1 &<< UInt64(bit & 63)
            }
        }
    }

    // Fibonacci hashing; the lowest bits are kept, so the high half is mixed down.
    private static func hash(_ window: UInt32) -> UInt32 {
        let product = UInt64(window) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: product &>> 40)
    }

    /// Lays the halves over each other while at most a third of the bits would be set. Words are little-endian, as on
    /// every machine that Martlet runs on, so that octets and words agree.
    private static func narrow(_ map: inout [UInt64]) {
        while map.count * 64 > narrowest {
            let half = map.count / 2
            let set = map.withUnsafeBufferPointer { map in
                var set = 0
                for index in 0..<half { set &+= (map[index] | map[index + half]).nonzeroBitCount }
                return set
            }
            guard set * 3 <= half * 64 else { return }
            map.withUnsafeMutableBufferPointer { map in
                for index in 0..<half { map[index] |= map[index + half] }
            }
            map.removeLast(half)
        }
    }

    /// False only where the text cannot contain `needle`, which is folded.
    func mayContain(_ needle: String) -> Bool {
        let octets = Array(needle.utf8)
        guard octets.count >= 3, !bits.isEmpty, bits.count.nonzeroBitCount == 1 else { return true }
        let mask = UInt32(truncatingIfNeeded: bits.count * 8 - 1)
        for index in 2..<octets.count {
            let window = UInt32(octets[index - 2]) << 16 | UInt32(octets[index - 1]) << 8 | UInt32(octets[index])
            let bit = Int(Self.hash(window) & mask)
            if bits[bit >> 3] & (1 << UInt8(bit & 7)) == 0 { return false }
        }
        return true
    }
}
