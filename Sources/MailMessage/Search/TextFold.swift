@_spi(_Unicode) import Swift

/// The form that texts and what is looked for in them are compared in.
///
/// Case, accents, widths and the like make no difference: `É`, `é`, `e`, full-width `ｅ` and `𝒆` are one letter, `ß` is
/// `ss`, `ﬁ` is `fi`. A run of blanks is one blank, so that a phrase is found across the ends of lines; between Chinese
/// and Japanese characters the end of a line is nothing at all. Characters nobody sees (soft hyphens, joiners) are left
/// out, curly quotes and dashes are plain ones. What differs in octets only is found, too; nothing that IMAP's
/// substring rule (RFC 3501 §6.4.4) finds is lost, as text and needle are folded alike.
package enum TextFold {
    package static func fold(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            var folder = Folder()
            folder.run(bytes)
            let out = String(decoding: folder.out, as: UTF8.self)
            guard folder.needsComposition else { return out }
            // Letters of Korean and voiced marks of Japanese that came apart, as macOS writes the names of files.
            var composed = String.UnicodeScalarView()
            for scalar in out._nfc { composed.append(scalar) }
            return String(composed)
        }
    }

    private struct Folder {
        enum Gap {
            case none
            case blank
            /// A blank with the end of a line in it.
            case lineEnd
        }

        var out: [UInt8] = []
        var needsComposition = false
        private var gap = Gap.none
        /// The last character written belongs to a script without blanks between words.
        private var lastIsIdeographic = false

        mutating func run(_ bytes: UnsafeBufferPointer<UInt8>) {
            out.reserveCapacity(bytes.count + 8)
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                if byte < 0x80 {
                    ascii(byte)
                    index += 1
                } else {
                    index += other(bytes, at: index)
                }
            }
            if gap != .none { out.append(0x20) }
        }

        @inline(__always)
        private mutating func ascii(_ byte: UInt8) {
            if byte <= 0x20, byte == 0x20 || (9...13).contains(byte) {
                if byte == 10 || byte == 13 { gap = .lineEnd } else if gap == .none { gap = .blank }
                return
            }
            if gap != .none { closeGap(beforeIdeograph: false) }
            out.append(byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte)
            lastIsIdeographic = false
        }

        private mutating func closeGap(beforeIdeograph: Bool) {
            if !(gap == .lineEnd && lastIsIdeographic && beforeIdeograph) { out.append(0x20) }
            gap = .none
        }

        /// One character from its octets, which are valid UTF-8 as a String holds it.
        /// - Returns: how many octets it has.
        private mutating func other(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
            let lead = bytes[index]
            let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
            guard index + length <= bytes.count else { return bytes.count - index }
            var value = UInt32(lead) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
            for offset in 1..<length { value = value << 6 | UInt32(bytes[index + offset] & 0x3F) }
            if TextFold.isIdeographic(value) {
                if gap != .none { closeGap(beforeIdeograph: true) }
                for offset in 0..<length { out.append(bytes[index + offset]) }
                lastIsIdeographic = true
                return length
            }
            write(value)
            return length
        }

        private mutating func write(_ value: UInt32) {
            if (0x1100..<0x1200).contains(value) || value == 0x3099 || value == 0x309A { needsComposition = true }
            switch FoldTable.shared.folded(value) {
            case .nothing: return
            case .one(let scalar): append(scalar)
            case .several(let scalars): for scalar in scalars { append(scalar.value) }
            }
        }

        private mutating func append(_ value: UInt32) {
            if value == 0x20 {
                if gap == .none { gap = .blank }
                return
            }
            let isIdeographic = TextFold.isIdeographic(value)
            if gap != .none { closeGap(beforeIdeograph: isIdeographic) }
            lastIsIdeographic = isIdeographic
            switch value {
            case ..<0x80: out.append(UInt8(truncatingIfNeeded: value))
            case ..<0x800:
                out.append(UInt8(truncatingIfNeeded: 0xC0 | value >> 6))
                out.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
            case ..<0x1_0000:
                out.append(UInt8(truncatingIfNeeded: 0xE0 | value >> 12))
                out.append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
                out.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
            default:
                out.append(UInt8(truncatingIfNeeded: 0xF0 | value >> 18))
                out.append(UInt8(truncatingIfNeeded: 0x80 | value >> 12 & 0x3F))
                out.append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
                out.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
            }
        }
    }

    /// Han characters, kana and bopomofo, which fold to themselves; their scripts put no blanks between words.
    static func isIdeographic(_ value: UInt32) -> Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x3041...0x3096, 0x309D...0x309E, 0x30A1...0x30FA, 0x30FC...0x30FE,
            0x3105...0x312F, 0x3001...0x3002, 0x2_0000...0x2_A6DF, 0x2_A700...0x2_EBE0:
            true
        default: false
        }
    }
}

/// What each character folds to.
struct FoldTable: Sendable {
    enum Folded {
        case nothing
        case one(UInt32)
        case several([Unicode.Scalar])
    }

    static let shared = FoldTable()

    /// For the basic plane: the character itself, 0 for nothing, or the place in `several` above `severalBase`.
    private let plane: [UInt32]
    private let several: [[Unicode.Scalar]]
    private static let severalBase: UInt32 = 0x20_0000

    private init() {
        var plane = [UInt32](repeating: 0, count: 0x1_0000)
        var several: [[Unicode.Scalar]] = []
        for value in UInt32(0)..<0x1_0000 {
            // Hangul syllables and Han characters fold to themselves; so do the halves of surrogates, which never come.
            guard !(0x3400..<0xA000).contains(value), !(0xAC00..<0xF900).contains(value),
                let scalar = Unicode.Scalar(value)
            else {
                plane[Int(value)] = value
                continue
            }
            let folded = Self.fold(scalar)
            if let first = folded.first, folded.count == 1 {
                plane[Int(value)] = first.value
            } else if !folded.isEmpty {
                plane[Int(value)] = Self.severalBase + UInt32(several.count)
                several.append(folded)
            }
        }
        self.plane = plane
        self.several = several
    }

    func folded(_ value: UInt32) -> Folded {
        guard value < 0x1_0000 else { return Self.beyond(value) }
        let entry = plane[Int(value)]
        if entry == 0 { return .nothing }
        return entry < Self.severalBase ? .one(entry) : .several(several[Int(entry - Self.severalBase)])
    }

    /// Characters beyond the basic plane are few in mail: pictures, mathematical letters, rare scripts.
    private static func beyond(_ value: UInt32) -> Folded {
        guard let scalar = Unicode.Scalar(value) else { return .nothing }
        if (0x1_F000..<0x2_F800).contains(value), CompatibilityForm.table[value] == nil { return .one(value) }
        let folded = fold(scalar)
        if let first = folded.first, folded.count == 1 { return .one(first.value) }
        return folded.isEmpty ? .nothing : .several(folded)
    }

    private static func fold(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        if let special = special[scalar] { return special }
        if scalar.value < 0x80 { return [scalar] }
        let parts = CompatibilityForm.table[scalar.value] ?? [scalar]
        var folded: [Unicode.Scalar] = []
        for part in parts {
            for lower in part.properties.lowercaseMapping.unicodeScalars {
                for piece in String(lower)._nfd where !isDropped(piece) { folded += special[piece] ?? [piece] }
            }
        }
        guard folded.contains(where: { $0.value >= 0x80 }) else { return folded }
        // What decomposition took apart for no accent's sake (Indic vowels, kana) comes together again.
        var text = String.UnicodeScalarView()
        text.append(contentsOf: folded)
        return Array(String(text)._nfc)
    }

    /// Accents and points, and what nobody sees.
    private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x300...0x36F, 0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x20D0...0x20FF, 0xFE20...0xFE2F: true
        // Hebrew points, Arabic marks and the stroke that only lengthens a word
        case 0x591...0x5BD, 0x5BF, 0x5C1...0x5C2, 0x5C4...0x5C5, 0x5C7, 0x610...0x61A, 0x640, 0x64B...0x65F, 0x670: true
        case 0xAD, 0x34F, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2064, 0x2066...0x2069, 0xFEFF: true
        case 0xFE00...0xFE0F, 0xE_0100...0xE_01EF, 0xE_0020...0xE_007F, 0x1_F3FB...0x1_F3FF: true
        default: false
        }
    }

    private static let special: [Unicode.Scalar: [Unicode.Scalar]] = {
        var table: [Unicode.Scalar: [Unicode.Scalar]] = [:]
        let words: [(String, String)] = [
            ("ßẞ", "ss"), ("æÆ", "ae"), ("œŒ", "oe"), ("øØ", "o"), ("łŁ", "l"), ("đĐ", "d"), ("ðÐ", "d"), ("þÞ", "th"),
            ("ħĦ", "h"), ("ŧŦ", "t"), ("ıİ", "i"), ("ĸ", "k"), ("ŋŊ", "n"), ("ς", "σ"), ("‘’‚‛′´`ʼ", "'"),
            ("“”„‟″", "\""), ("‐‑‒–—―−", "-"), ("…", "..."), ("\u{A0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}", " "),
            (
                "\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{85}",
                " "
            ),
        ]
        for (from, to) in words {
            for scalar in from.unicodeScalars { table[scalar] = Array(to.unicodeScalars) }
        }
        return table
    }()
}
