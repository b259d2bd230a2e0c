/// RFC 2047 encoded words in header text.
package enum EncodedWord {
    /// Decodes unfolded header text. What is not a well-formed encoded word stays as it is; octets outside encoded
    /// words are read as UTF-8 when valid, else as Windows-1252.
    package static func decode(_ text: some Collection<UInt8>) -> String {
        let bytes = Array(text)
        guard contains(bytes) else { return Charset.decodeUnlabelled(bytes) }
        var decoder = Decoder(bytes: bytes)
        return decoder.run()
    }

    package static func decode(_ text: some StringProtocol) -> String { decode(Array(text.utf8)) }

    /// Encodes `text` so that it is ASCII; plain ASCII without `=?` is returned as it is. Words are separated by a
    /// blank and each is at most 75 octets, so that the header can be folded between them.
    package static func encode(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { $0 >= 32 && $0 < 127 }
        guard !plain || text.contains("=?") else { return text }
        var words: [String] = []
        var chunk: [UInt8] = []
        // RFC 2047 §2: 75 octets a word, "=?utf-8?B?" and "?=" leave 63, which is 45 octets before base64.
        for scalar in text.unicodeScalars {
            let encoded = Array(String(scalar).utf8)
            if chunk.count + encoded.count > 45 {
                words.append("=?utf-8?B?\(Base64.encode(chunk))?=")
                chunk.removeAll()
            }
            chunk += encoded
        }
        if !chunk.isEmpty { words.append("=?utf-8?B?\(Base64.encode(chunk))?=") }
        return words.joined(separator: " ")
    }

    private static func contains(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 8 else { return false }
        for index in 0..<(bytes.count - 1) where bytes[index] == 0x3D && bytes[index + 1] == 0x3F { return true }
        return false
    }

    /// RFC 2047 §6.1 `Q` text.
    static func decodeQ(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte == 0x3D, index + 2 < text.endIndex,
                let high = QuotedPrintable.hexValue(text[index + 1]),
                let low = QuotedPrintable.hexValue(text[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(byte == 0x5F ? 0x20 : byte)
                index += 1
            }
        }
        return out
    }

    private struct Decoder {
        let bytes: [UInt8]
        var output = ""
        /// Octets of the words read last, not yet decoded: a character may be split between two words.
        var pending: [UInt8] = []
        var pendingCharset = ""
        var literalStart = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func run() -> String {
            var index = 0
            var afterWord = false
            while index < bytes.count {
                guard bytes[index] == 0x3D, let word = word(at: index) else {
                    index += 1
                    continue
                }
                // RFC 2047 §6.2: blanks between two encoded words are not shown.
                let between = bytes[literalStart..<index]
                if !(afterWord && between.allSatisfy { $0 == 32 || $0 == 9 || $0 == 13 || $0 == 10 }) {
                    flush()
                    output += Charset.decodeUnlabelled(between)
                }
                if word.charset != pendingCharset { flush() }
                pendingCharset = word.charset
                pending += word.content
                index = word.end
                literalStart = index
                afterWord = true
            }
            flush()
            output += Charset.decodeUnlabelled(bytes[literalStart...])
            return output
        }

        private mutating func flush() {
            guard !pending.isEmpty else { return }
            output += Charset.decode(pending, label: pendingCharset)
            pending.removeAll()
        }

        /// The word that starts at `=?`; nil when it is not one.
        private func word(at start: Int) -> (charset: String, content: [UInt8], end: Int)? {
            guard start + 1 < bytes.count, bytes[start + 1] == 0x3F else { return nil }
            guard let charsetEnd = next(0x3F, from: start + 2, limit: 80, blanks: false) else { return nil }
            guard charsetEnd > start + 2, charsetEnd + 2 < bytes.count, bytes[charsetEnd + 2] == 0x3F else {
                return nil
            }
            let encoding = bytes[charsetEnd + 1] | 0x20
            let textStart = charsetEnd + 3
            // Over 75 octets and blanks in Q text are common in the wild and harmless.
            guard let textEnd = next(0x3F, from: textStart, limit: 4096, blanks: true) else { return nil }
            guard textEnd + 1 < bytes.count, bytes[textEnd + 1] == 0x3D else { return nil }
            let charset = String(decoding: bytes[(start + 2)..<charsetEnd], as: UTF8.self).lowercased()
            let text = bytes[textStart..<textEnd]
            switch encoding {
            case UInt8(ascii: "b"): return (charset, Base64.decodeLenient(text), textEnd + 2)
            case UInt8(ascii: "q"): return (charset, EncodedWord.decodeQ(text), textEnd + 2)
            default: return nil
            }
        }

        private func next(_ mark: UInt8, from start: Int, limit: Int, blanks: Bool) -> Int? {
            var index = start
            let end = min(bytes.count, start + limit)
            while index < end {
                if bytes[index] == mark { return index }
                if bytes[index] <= 32, !blanks { return nil }
                index += 1
            }
            return nil
        }
    }
}
