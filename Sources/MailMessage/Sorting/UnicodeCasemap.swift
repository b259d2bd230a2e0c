@_spi(_Unicode) import Swift

/// The collation i;unicode-casemap: titlecase, then full decomposition, compared by octets. RFC 5051 §2
package enum UnicodeCasemap {
    /// The octets whose order is the order of the texts.
    package static func key(_ text: String) -> [UInt8] {
        var text = text
        if let plain = text.withUTF8(plainKey) { return plain }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            for titled in titlecase(scalar) {
                for part in CompatibilityForm.table[titled.value] ?? [titled] { out.append(part) }
            }
        }
        var decomposed = String.UnicodeScalarView()
        for scalar in String(out)._nfd { decomposed.append(scalar) }
        return Array(String(decomposed).utf8)
    }

    /// Upper case, where all is ASCII.
    private static func plainKey(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var all: UInt8 = 0
        for byte in bytes { all |= byte }
        guard all < 0x80 else { return nil }
        return bytes.map { $0 &- UInt8(ascii: "a") < 26 ? $0 & 0xDF : $0 }
    }

    // RFC 5051 §2: the property of UnicodeData.txt, which is one character; longer forms are SpecialCasing.txt's.
    private static func titlecase(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        if scalar.value < 0x80 { return Array(String(scalar).uppercased().unicodeScalars) }
        let titled = Array(scalar.properties.titlecaseMapping.unicodeScalars)
        return titled.count == 1 ? titled : [scalar]
    }
}
