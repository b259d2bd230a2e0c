import MailSyntax

/// A public key as the DNS publishes it. // RFC 6376 §3.6.1
package struct DKIMKeyRecord: Sendable, Hashable {
    /// Lower-case.
    package var keyType: String
    /// The key's octets; empty when it was revoked.
    package var publicKey: [UInt8]
    /// Hash algorithms allowed; nil for all.
    package var hashAlgorithms: [String]?
    package var serviceTypes: [String]
    package var flags: [String]

    /// The domain is only testing: a failure is not to be held against it.
    package var isTesting: Bool { flags.contains("y") }
    /// The `i=` domain must be the `d=` domain itself.
    package var forbidsSubdomains: Bool { flags.contains("s") }

    /// nil when the text is not a key record. Tags without a meaning today, `g=` and `n=` among them, are ignored.
    package init?(parsing text: [UInt8]) {
        guard text.count <= 16 << 10, let tags = DKIMTagList(text[...]), tags["p"] != nil else { return nil }
        // RFC 6376 §3.6.1 (deviates): v= should be the first; others don't insist, and nothing is won by it.
        if tags["v"] != nil, tags.text("v") != "DKIM1" { return nil }
        guard let bytes = tags.base64("p") else { return nil }
        keyType = tags.text("k")?.lowercased() ?? "rsa"
        publicKey = bytes
        hashAlgorithms = tags.list("h")?.map { $0.lowercased() }
        serviceTypes = tags.list("s")?.map { $0.lowercased() } ?? ["*"]
        flags = tags.list("t")?.map { $0.lowercased() } ?? []
    }

    /// A TXT record's data as zone files write it: strings of at most 255 octets in quotes. // RFC 1035 §3.3.14
    package static func zoneFileStrings(_ text: String) -> String {
        var strings: [String] = []
        var current = ""
        for character in text.unicodeScalars {
            let piece = String(character)
            if current.utf8.count + piece.utf8.count > 255 {
                strings.append(current)
                current = ""
            }
            current += piece
        }
        strings.append(current)
        let quoted = strings.map { string in
            let escaped = string.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
            return "\"\(escaped)\""
        }
        return quoted.count == 1 ? quoted.joined() : "( " + quoted.joined(separator: "\n    ") + " )"
    }
}
