/// The short sequences of characters that a text is made of, as hashes: what the index knows of a text.
///
/// Of letters and digits it is every three neighbours; of Chinese, Japanese and Korean characters, of which two make a
/// word, every one and every two neighbours. Each gram is found by looking at its own characters alone, so a text that
/// contains another has all of its grams.
enum Grams {
    /// Hands over the hash of each gram of a folded text, with repetitions.
    static func forEach(_ text: String, _ body: (UInt32) -> Void) {
        var first: UInt32 = 0
        var second: UInt32 = 0
        var count = 0
        for scalar in text.unicodeScalars {
            let third = scalar.value
            count += 1
            let isWide = isDense(third)
            if isWide {
                body(hash(0, 0, third))
                if count > 1, isDense(second) { body(hash(0, second, third)) }
            }
            if count > 2, !(isWide && isDense(second) && isDense(first)) { body(hash(first, second, third)) }
            first = second
            second = third
        }
    }

    /// Scripts of thousands of characters, each of which says much.
    private static func isDense(_ value: UInt32) -> Bool {
        (0x2E80..<0xA4D0).contains(value) || (0xAC00..<0xD7B0).contains(value) || value >= 0x2_0000
    }

    // Fibonacci hashing over all three; the low bits are used, so the high half is mixed down.
    private static func hash(_ first: UInt32, _ second: UInt32, _ third: UInt32) -> UInt32 {
        let word = UInt64(first) << 42 ^ UInt64(second) << 21 ^ UInt64(third)
        var product = word &* 0x9E37_79B9_7F4A_7C15
        product ^= product >> 29
        product = product &* 0xBF58_476D_1CE4_E5B9
        return UInt32(truncatingIfNeeded: product >> 32)
    }

    /// What a needle asks for: at most so many different grams, spread over its length.
    static func asked(by needle: String, limit: Int = 12) -> [UInt32] {
        var all: [UInt32] = []
        var known: Set<UInt32> = []
        forEach(needle) { gram in
            if known.insert(gram).inserted { all.append(gram) }
        }
        guard all.count > limit else { return all }
        return (0..<limit).map { all[$0 * (all.count - 1) / (limit - 1)] }
    }
}
