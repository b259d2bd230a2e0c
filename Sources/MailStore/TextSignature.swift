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

    /// A power of two of bits.
    let bits: [UInt8]

    init(bits: [UInt8]) {
        self.bits = bits
    }

    /// - Parameter texts: folded.
    init(texts: [String]) {
        let octets = texts.reduce(0) { $0 + $1.utf8.count }
        var width = Self.narrowest
        while width < Self.widest, width < octets * 4 { width *= 2 }
        var map = [UInt8](repeating: 0, count: width / 8)
        for var text in texts {
            text.withUTF8 { Self.mark($0, in: &map) }
        }
        self.bits = Self.narrowed(map)
    }

    private static func mark(_ text: UnsafeBufferPointer<UInt8>, in map: inout [UInt8]) {
        guard text.count >= 3 else { return }
        let mask = UInt32(map.count * 8 - 1)
        var window = UInt32(text[0]) << 8 | UInt32(text[1])
        map.withUnsafeMutableBufferPointer { map in
            for index in 2..<text.count {
                window = (window << 8 | UInt32(text[index])) & 0xFF_FFFF
                let bit = Int(hash(window) & mask)
                map[bit >> 3] |= 1 << UInt8(bit & 7)
            }
        }
    }

    // Fibonacci hashing; the lowest bits are kept, so the high half is mixed down.
    private static func hash(_ window: UInt32) -> UInt32 {
        let product = UInt64(window) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: product >> 40)
    }

    private static func narrowed(_ map: [UInt8]) -> [UInt8] {
        var map = map
        while map.count * 8 > narrowest {
            let half = map.count / 2
            let set = (0..<half).reduce(0) { $0 + (map[$1] | map[$1 + half]).nonzeroBitCount }
            guard set * 3 <= half * 8 else { return map }
            map = (0..<half).map { map[$0] | map[$0 + half] }
        }
        return map
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
