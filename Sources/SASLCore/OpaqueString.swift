@_spi(_Unicode) import Swift

/// The preparation of passwords before they are hashed or compared: a small form of the PRECIS profile OpaqueString.
package enum OpaqueString {
    /// The prepared octets, or nil when they are not UTF-8, are empty, or hold a control character.
    ///
    /// Spaces outside ASCII become U+0020 and the result is in Unicode normalisation form C; case is kept.
    package static func prepare(_ bytes: some Collection<UInt8>) -> [UInt8]? {
        guard !bytes.isEmpty else { return nil }  // RFC 8265 §4.2.2
        if bytes.allSatisfy({ (0x20...0x7E).contains($0) }) { return Array(bytes) }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var mapped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control: return nil  // RFC 8264 §9.11
            case .spaceSeparator: mapped.append(" ")  // RFC 8265 §4.2.2
            default: mapped.append(scalar)
            }
        }
        // RFC 8265 §4.2.2 (deviates): unassigned code points are kept: the peer may know a newer Unicode than we do.
        return Array(normalised(String(mapped)).utf8)
    }

    /// Normalisation form C, which the standard library has but does not offer in its stable interface.
    private static func normalised(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text._nfc)
        return String(scalars)
    }
}
