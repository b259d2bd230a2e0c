/// The words of an HTML text, for search and previews; not a parser of documents.
package enum HTMLText {
    /// Tags become blanks, scripts, styles, heads' titles and comments are left out, entities are decoded to UTF-8.
    /// Stops after `limit` octets of output. Octets outside ASCII pass as they are.
    package static func strip(_ html: some Sequence<UInt8>, limit: Int = .max) -> [UInt8] {
        var stripper = Stripper(bytes: Array(html))
        return stripper.run(limit: limit)
    }

    private struct Stripper {
        let bytes: [UInt8]
        var index = 0
        var out: [UInt8] = []

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func run(limit: Int) -> [UInt8] {
            out.reserveCapacity(min(bytes.count, limit))
            while index < bytes.count, out.count < limit {
                switch bytes[index] {
                case UInt8(ascii: "<"): tag()
                case UInt8(ascii: "&"): entity()
                default:
                    out.append(bytes[index])
                    index += 1
                }
            }
            return out
        }

        private mutating func tag() {
            let next = index + 1 < bytes.count ? bytes[index + 1] : 32
            let isTag = (65...90).contains(next & 0xDF) || next == 0x2F || next == 0x21 || next == 0x3F
            guard isTag else {
                out.append(bytes[index])
                index += 1
                return
            }
            if starts(with: "<!--") {
                skip(past: "-->")
                return
            }
            let name = tagName()
            skipTag()
            if !Self.inline.contains(name) { out.append(32) }
            switch name {
            case "script": skip(past: "</script")
            case "style": skip(past: "</style")
            case "title": skip(past: "</title")
            default: return
            }
            if index < bytes.count { skipTag() }
        }

        /// Elements that do not part words.
        private static let inline: Set<String> = [
            "b", "i", "u", "a", "em", "strong", "span", "font", "small", "big", "sub", "sup", "tt", "code", "s", "wbr",
        ]

        private func tagName() -> String {
            var cursor = index + 1
            if cursor < bytes.count, bytes[cursor] == UInt8(ascii: "/") { cursor += 1 }
            var name: [UInt8] = []
            while cursor < bytes.count, name.count < 12, (65...90).contains(bytes[cursor] & 0xDF) {
                name.append(bytes[cursor] | 0x20)
                cursor += 1
            }
            return String(decoding: name, as: UTF8.self)
        }

        /// To the octet after `>`, quotes respected.
        private mutating func skipTag() {
            var quote: UInt8 = 0
            let start = index
            while index < bytes.count {
                let byte = bytes[index]
                index += 1
                if quote != 0 {
                    if byte == quote { quote = 0 }
                    // A quote that never ends must not swallow the text.
                    if index - start > 8192 { quote = 0 }
                } else if byte == UInt8(ascii: ">") {
                    return
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                }
            }
        }

        private func starts(with text: StaticString, at position: Int? = nil) -> Bool {
            let start = position ?? index
            guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
            return bytes.withUnsafeBufferPointer {
                for offset in 0..<text.utf8CodeUnitCount {
                    let own = $0[start + offset]
                    let wanted = text.utf8Start[offset]
                    guard own == wanted || (own | 0x20 == wanted && (97...122).contains(wanted)) else { return false }
                }
                return true
            }
        }

        private mutating func skip(past text: StaticString) {
            while index < bytes.count {
                if bytes[index] == text.utf8Start[0], starts(with: text) {
                    index += text.utf8CodeUnitCount
                    return
                }
                index += 1
            }
        }

        private mutating func entity() {
            var end = index + 1
            while end < bytes.count, end - index <= 10, isEntityOctet(bytes[end]) { end += 1 }
            let name = bytes[(index + 1)..<end]
            guard let scalar = scalar(name) else {
                out.append(bytes[index])
                index += 1
                return
            }
            out += String(scalar).utf8
            index = end < bytes.count && bytes[end] == UInt8(ascii: ";") ? end + 1 : end
        }

        private func isEntityOctet(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (65...90).contains(byte & 0xDF) || byte == UInt8(ascii: "#")
        }

        private func scalar(_ name: ArraySlice<UInt8>) -> Unicode.Scalar? {
            let text = String(decoding: name, as: UTF8.self)
            guard text.hasPrefix("#") else { return HTMLEntities.named[text] }
            let digits = text.dropFirst()
            let isHex = digits.first == "x" || digits.first == "X"
            guard let value = isHex ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits) else { return nil }
            guard value > 0, let scalar = Unicode.Scalar(value) else { return "\u{FFFD}" }
            return scalar
        }
    }
}

enum HTMLEntities {
    /// The entities of HTML 4 for Latin-1, by position from U+00A0, and what mail uses beside them.
    static let named: [String: Unicode.Scalar] = {
        let latin = """
            nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute \
            micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring \
            AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml \
            times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil \
            egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash \
            ugrave uacute ucirc uuml yacute thorn yuml
            """
        var table: [String: Unicode.Scalar] = [
            "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "euro": "€", "hellip": "…", "ndash": "–",
            "mdash": "—", "lsquo": "‘", "rsquo": "’", "sbquo": "‚", "ldquo": "“", "rdquo": "”", "bdquo": "„",
            "bull": "•", "trade": "™", "OElig": "Œ", "oelig": "œ", "Scaron": "Š", "scaron": "š", "Yuml": "Ÿ",
            "lsaquo": "‹", "rsaquo": "›", "dagger": "†", "permil": "‰", "zwnj": "\u{200C}", "zwj": "\u{200D}",
            "ensp": "\u{2002}", "emsp": "\u{2003}", "thinsp": "\u{2009}", "larr": "←", "rarr": "→", "minus": "−",
        ]
        for (position, name) in latin.split(separator: " ").enumerated() {
            table[String(name)] = Unicode.Scalar(0xA0 + UInt32(position))
        }
        return table
    }()
}
