package import MailSyntax

/// Signs messages, with one signature for each key.
///
/// The body is hashed by the caller with ``DKIMBodyHasher``, once for all keys. ``sign(header:bodyHash:at:)`` is
/// CPU-heavy with RSA: keep it off event loops.
package struct DKIMSigner: Sendable {
    /// A key and the selector it is published under.
    package struct Key: Sendable {
        package var selector: String
        package var key: DKIMSigningKey
        /// The domain that its signature is of; nil for the signer's.
        package var domain: DomainName?
        /// The `i=` tag, an address or `@domain` within the domain; nil for none.
        package var identity: String?
        /// Where the key stands, for whoever tells of it.
        package var origin = "directory"

        package init(selector: String, key: DKIMSigningKey, domain: DomainName? = nil) {
            self.selector = selector
            self.key = key
            self.domain = domain
        }
    }

    package let domain: DomainName
    package let keys: [Key]
    package var headerCanonicalization = DKIMCanonicalization.relaxed
    package var bodyCanonicalization = DKIMCanonicalization.relaxed
    package var fields = SignedFields.usual
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
        let names = fields.names(in: raw)
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

    private func unsignedField(_ key: Key, names: [String], bodyHash: [UInt8], at time: Timestamp) -> String {
        let canonicalization = "\(headerCanonicalization.rawValue)/\(bodyCanonicalization.rawValue)"
        var text = "DKIM-Signature: v=1; a=\(key.key.algorithm.rawValue); c=\(canonicalization);\r\n"
        text += " d=\((key.domain ?? domain).ascii); s=\(key.selector);\r\n"
        if let identity = key.identity { text += " i=\(identity);\r\n" }
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
