package import MailSyntax

/// Signs messages for one domain, with one signature for each key.
///
/// The body is hashed by the caller with ``DKIMBodyHasher``, once for all keys. ``sign(header:bodyHash:at:)`` is
/// CPU-heavy with RSA: keep it off event loops.
package struct DKIMSigner: Sendable {
    /// A key and the selector it is published under.
    package struct Key: Sendable {
        package var selector: String
        package var key: DKIMSigningKey

        package init(selector: String, key: DKIMSigningKey) {
            self.selector = selector
            self.key = key
        }
    }

    /// Signed when present, and signed once more than present, so that nobody can add another. // RFC 6376 §8.15
    package static let oversignedFields = [
        "From", "Subject", "Date", "To", "Cc", "Reply-To", "Message-ID", "In-Reply-To", "References", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding",
    ]
    /// Signed as often as present. // RFC 6376 §5.4.1
    package static let signedFields = [
        "Sender", "Content-ID", "Content-Description", "Content-Disposition", "Resent-Date", "Resent-From",
        "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Message-ID", "List-Id", "List-Help", "List-Unsubscribe",
        "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive", "Autocrypt",
        "Auto-Submitted", "TLS-Report-Domain", "TLS-Report-Submitter",
    ]
    /// A field name is signed at most this often; a header with more of one name is refused by whoever reads it.
    private static let maximumInstances = 50

    package let domain: DomainName
    package let keys: [Key]
    package var headerCanonicalization = DKIMCanonicalization.relaxed
    package var bodyCanonicalization = DKIMCanonicalization.relaxed
    /// How long a signature is valid; nil for ever.
    package var validity: Duration?

    package init(domain: DomainName, keys: [Key]) {
        self.domain = domain
        self.keys = keys
    }

    /// A hasher for the body of a message that this signer will sign.
    package var bodyHasher: DKIMBodyHasher { DKIMBodyHasher(bodyCanonicalization) }

    /// The DKIM-Signature fields to put on top of the header, in the order of the keys, each ending in CRLF.
    /// Empty when the header has no From field, which must be signed.
    /// - Parameters:
    ///   - header: the header block, with or without the empty line that ends it.
    ///   - bodyHash: what ``bodyHasher`` gave for the body.
    package func sign(header: [UInt8], bodyHash: [UInt8], at time: Timestamp) throws(DKIMKeyError) -> [UInt8] {
        let raw = RawHeader(header)
        // RFC 6376 §5.4
        guard raw.fields.contains(where: { $0.name == "from" }) else { return [] }
        let names = Self.namesToSign(raw)
        let signed = headerCanonicalization.headers(raw.selection(names.map { $0.lowercased() }))
        var output: [UInt8] = []
        for key in keys {
            let unsigned = unsignedField(key, names: names, bodyHash: bodyHash, at: time)
            // RFC 6376 §3.7: the field itself comes last, with an empty b= tag and without its final CRLF.
            let own = headerCanonicalization.header(Array(unsigned.utf8)[...]).dropLast(2)
            let signature = try key.key.signature(of: signed + own)
            output += unsigned.utf8
            output += Self.folded(Base64.encode(signature)).utf8
            output += Octet.lineBreak
        }
        return output
    }

    /// - Parameter alsoSigned: names that are signed as often as present, beside ``signedFields``.
    static func namesToSign(_ header: RawHeader, alsoSigned: [String] = []) -> [String] {
        var names: [String] = []
        for name in Self.oversignedFields {
            let count = min(header.count(of: name.lowercased()), Self.maximumInstances)
            names += Array(repeating: name, count: count + 1)
        }
        for name in Self.signedFields + alsoSigned {
            let count = min(header.count(of: name.lowercased()), Self.maximumInstances)
            names += Array(repeating: name, count: count)
        }
        return names
    }

    private func unsignedField(_ key: Key, names: [String], bodyHash: [UInt8], at time: Timestamp) -> String {
        let canonicalization = "\(headerCanonicalization.rawValue)/\(bodyCanonicalization.rawValue)"
        var text = "DKIM-Signature: v=1; a=\(key.key.algorithm.rawValue); c=\(canonicalization);\r\n"
        text += " d=\(domain.ascii); s=\(key.selector);\r\n"
        text +=
            " t=\(time.seconds);\(validity.map { " x=\(time.adding($0).seconds);" } ?? "") h=\(Self.folded(names: names));\r\n"
        text += " bh=\(Base64.encode(bodyHash));\r\n"
        text += " b="
        return text
    }

    /// Names joined by colons, folded after a colon before a line passes 76 columns.
    static func folded(names: [String], column: Int = 34) -> String {
        var text = ""
        var column = column
        for (index, name) in names.enumerated() {
            let piece = index == names.count - 1 ? name : name + ":"
            if column + piece.utf8.count > 76 {
                text += "\r\n  "
                column = 2
            }
            text += piece
            column += piece.utf8.count
        }
        return text
    }

    /// Base64 folded at 72 columns.
    static func folded(_ base64: String) -> String {
        var rest = base64.utf8[...]
        var lines: [String] = []
        while !rest.isEmpty {
            lines.append(String(decoding: rest.prefix(72), as: UTF8.self))
            rest = rest.dropFirst(72)
        }
        return lines.joined(separator: "\r\n  ")
    }
}
