/// Flags in the names of a Maildir's files: `:2,` and letters. <https://cr.yp.to/proto/maildir.html>
package enum MaildirFlags {
    private static let letters: [(letter: UInt8, bit: Int)] = [
        // In the order in which they are written.
        (UInt8(ascii: "D"), 16), (UInt8(ascii: "F"), 4), (UInt8(ascii: "R"), 2), (UInt8(ascii: "S"), 1),
        (UInt8(ascii: "T"), 8),
    ]

    /// - Parameter words: keywords by the place of their letter.
    package static func read(_ name: [UInt8], keywords words: [Int: String]) -> (flags: Int, keywords: [String]) {
        guard let colon = name.lastIndex(of: 0x3A), name[colon...].starts(with: [0x3A, 0x32, 0x2C]) else {
            return (0, [])
        }
        var flags = 0
        var keywords: [String] = []
        for letter in name[(colon + 3)...] {
            if let known = letters.first(where: { $0.letter == letter }) {
                flags |= known.bit
            } else if letter == UInt8(ascii: "P") {
                keywords.append("$Forwarded")
            } else if letter >= UInt8(ascii: "a"), let word = words[Int(letter) - 0x61] {
                keywords.append(word)
            } else if letter == 0x2C {
                break  // what follows is somebody's own
            }
        }
        return (flags, keywords)
    }

    /// - Parameter places: letters' places by keyword in lower case.
    package static func write(_ flags: Int, _ keywords: [String], places: [String: Int]) -> String {
        var text = letters.filter { flags & $0.bit != 0 }.map(\.letter)
        let words = keywords.compactMap { places[$0.lowercased()] }.filter { (0..<26).contains($0) }
        text += words.sorted().map { 0x61 + UInt8(truncatingIfNeeded: $0) }
        return ":2," + String(decoding: text, as: UTF8.self)
    }
}
