/// Which grams a message's text has, as a bitmap: whether a text can stand in it.
///
/// A clear bit proves absence; hits are candidates that are verified. The bitmap is folded in half while at most a quarter
/// of its bits are set, so its size follows the text: about 3 KiB for 10 KiB of prose.
struct TextSignature: Sendable, Equatable {
    static let widest = 1 << 20
    static let narrowest = 512

    /// A power of two of bits; bit `n` is bit `n & 7` of octet `n >> 3`.
    let bits: [UInt8]

    var width: Int { bits.count * 8 }

    init(bits: [UInt8]) {
        self.bits = bits
    }

    /// - Parameter texts: folded.
    init(texts: [String]) {
        let octets = texts.reduce(0) { $0 + $1.utf8.count }
        var width = Self.narrowest
        while width < Self.widest, width < octets * 8 { width *= 2 }
        var map = [UInt64](repeating: 0, count: width / 64)
        let mask = UInt32(width - 1)
        map.withUnsafeMutableBufferPointer { map in
            for text in texts {
                Grams.forEach(text) { gram in
                    let bit = Int(gram & mask)
                    map[bit &>> 6] |= 1 &<< UInt64(bit & 63)
                }
            }
        }
        Self.narrow(&map)
        self.bits = map.withUnsafeBytes { Array($0) }
    }

    /// Lays the halves over each other while at most a quarter of the bits would be set. Words are little-endian, as on
    /// every machine that Martlet runs on, so that octets and words agree.
    private static func narrow(_ map: inout [UInt64]) {
        while map.count * 64 > narrowest {
            let half = map.count / 2
            let set = map.withUnsafeBufferPointer { map in
                var set = 0
                for index in 0..<half { set &+= (map[index] | map[index + half]).nonzeroBitCount }
                return set
            }
            guard set * 4 <= half * 64 else { return }
            map.withUnsafeMutableBufferPointer { map in
                for index in 0..<half { map[index] |= map[index + half] }
            }
            map.removeLast(half)
        }
    }

    /// False only where the text cannot contain the needle that asks for these grams.
    func mayContain(_ grams: [UInt32]) -> Bool {
        guard !bits.isEmpty, bits.count.nonzeroBitCount == 1 else { return true }
        return bits.withUnsafeBufferPointer { Self.mayContain(UnsafeRawBufferPointer($0), grams) }
    }

    static func mayContain(_ bits: UnsafeRawBufferPointer, _ grams: [UInt32]) -> Bool {
        guard !bits.isEmpty, bits.count.nonzeroBitCount == 1 else { return true }
        let mask = UInt32(truncatingIfNeeded: bits.count * 8 - 1)
        for gram in grams {
            let bit = Int(gram & mask)
            if bits[bit >> 3] & (1 << UInt8(bit & 7)) == 0 { return false }
        }
        return true
    }
}
