/// What a peer wrote, fit to be shown: printable, on one line, cut.
enum PeerText {
    static func clean(_ text: String, limit: Int = 300) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(limit) {
            result.append(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? " " : scalar)
        }
        return String(result)
    }

    static func clean(_ bytes: [UInt8], limit: Int = 300) -> String {
        clean(String(decoding: bytes.prefix(limit * 4), as: UTF8.self), limit: limit)
    }
}
