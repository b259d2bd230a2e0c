package import MailSyntax

/// What is wrong with a signature field, in words fit for Authentication-Results.
package struct DKIMSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A DKIM-Signature field, read. // RFC 6376 §3.5
package struct DKIMSignature: Sendable, Hashable {
    /// The fields that have this form.
    enum Kind {
        case dkim
        /// ARC-Message-Signature: no `v=`, and `i=` is an instance. // RFC 8617 §4.1.2
        case arc
    }

    package var algorithm: DKIMAlgorithm
    package var signature: [UInt8]
    package var bodyHash: [UInt8]
    package var headerCanonicalization: DKIMCanonicalization
    package var bodyCanonicalization: DKIMCanonicalization
    package var domain: DomainName
    /// In A-labels.
    package var selector: String
    /// Names in the order of the `h=` tag, in lower case.
    package var signedFields: [String]
    /// The domain of the `i=` tag, or `domain`.
    package var identityDomain: DomainName
    /// The `i=` tag as it stands.
    package var identity: String?
    package var bodyLimit: Int?
    package var signedAt: Timestamp?
    package var expiresAt: Timestamp?

    /// Where the public key is.
    package var keyName: String { selector + "._domainkey." + domain.ascii }  // RFC 6376 §3.6.2.1

    /// Octets of a field's value that are read; longer ones are refused.
    static let maximumOctets = 64 << 10

    /// Reads the value of a field, everything after the colon.
    package init(parsing value: ArraySlice<UInt8>) throws(DKIMSyntaxError) {
        guard value.count <= Self.maximumOctets else { throw DKIMSyntaxError("signature field too long") }
        guard let tags = DKIMTagList(value) else { throw DKIMSyntaxError("malformed tag list") }
        try self.init(tags, kind: .dkim)
    }

    init(_ tags: DKIMTagList, kind: Kind) throws(DKIMSyntaxError) {
        if kind == .dkim {
            guard tags.text("v") == "1" else { throw DKIMSyntaxError("unknown version") }
        }
        algorithm = try Self.algorithm(tags)
        signature = try Self.octets(tags, "b")
        bodyHash = try Self.octets(tags, "bh")
        (headerCanonicalization, bodyCanonicalization) = try Self.canonicalization(tags)
        (domain, selector) = try Self.place(tags)
        signedFields = try Self.signedFields(tags)
        identity = kind == .dkim ? tags.text("i") : nil
        identityDomain = kind == .dkim ? try Self.identityDomain(tags, signer: domain) : domain
        bodyLimit = try Self.number(tags, "l").map { Int(clamping: $0) }
        signedAt = try Self.number(tags, "t").map { Timestamp(seconds: $0) }
        expiresAt = try Self.number(tags, "x").map { Timestamp(seconds: $0) }
        // RFC 6376 §3.5: x= must be greater than t=.
        if let signedAt, let expiresAt, expiresAt <= signedAt { throw DKIMSyntaxError("x= is not after t=") }
        // RFC 6376 §3.5: unknown methods are ignored, and dns/txt must be among them.
        if let queries = tags.list("q"), !queries.contains(where: { $0.lowercased() == "dns/txt" }) {
            throw DKIMSyntaxError("unknown query method")
        }
    }

    static func algorithm(_ tags: DKIMTagList) throws(DKIMSyntaxError) -> DKIMAlgorithm {
        guard let name = tags.text("a")?.lowercased() else { throw DKIMSyntaxError("no algorithm") }
        if let algorithm = DKIMAlgorithm(rawValue: name) { return algorithm }
        // RFC 8301 §3.1: must not be verified, and has permanently failed.
        throw DKIMSyntaxError(name == "rsa-sha1" ? "rsa-sha1 is not accepted any more" : "unsupported algorithm")
    }

    static func octets(_ tags: DKIMTagList, _ name: String) throws(DKIMSyntaxError) -> [UInt8] {
        guard let bytes = tags.base64(name), !bytes.isEmpty else { throw DKIMSyntaxError("invalid \(name)= tag") }
        return bytes
    }

    /// The domain and the selector, which may be written in U-labels. // RFC 8616 §5
    static func place(_ tags: DKIMTagList) throws(DKIMSyntaxError) -> (DomainName, String) {
        // RFC 6376 §3.5: domain-name has two labels or more.
        guard let text = tags.text("d"), !text.hasSuffix("."), let domain = DomainName(text),
            domain.ascii.utf8.contains(0x2E)
        else { throw DKIMSyntaxError("invalid d= tag") }
        // RFC 1035 §2.3.4: the key's name must be possible.
        guard let text = tags.text("s"), !text.hasSuffix("."), let selector = DomainName(text),
            selector.ascii.utf8.count + "._domainkey.".utf8.count + domain.ascii.utf8.count <= 253
        else { throw DKIMSyntaxError("invalid s= tag") }
        return (domain, selector.ascii)
    }

    private static func canonicalization(
        _ tags: DKIMTagList
    ) throws(DKIMSyntaxError) -> (DKIMCanonicalization, DKIMCanonicalization) {
        guard let text = tags.text("c") else { return (.simple, .simple) }
        if text == "relaxed/relaxed" { return (.relaxed, .relaxed) }
        let parts = text.lowercased().split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let header = parts.first.flatMap({ DKIMCanonicalization(rawValue: String($0)) }) else {
            throw DKIMSyntaxError("invalid c= tag")
        }
        guard parts.count == 2 else { return (header, .simple) }
        guard let body = DKIMCanonicalization(rawValue: String(parts[1])) else {
            throw DKIMSyntaxError("invalid c= tag")
        }
        return (header, body)
    }

    private static func signedFields(_ tags: DKIMTagList) throws(DKIMSyntaxError) -> [String] {
        guard let tag = tags["h"] else { throw DKIMSyntaxError("no h= tag") }
        // RFC 6376 §6.1.1: unexpected values void the signature.
        guard let names = tag.value.withUnsafeBufferPointer(Self.names) else { throw DKIMSyntaxError("invalid h= tag") }
        // RFC 6376 §5.4
        guard names.contains("from") else { throw DKIMSyntaxError("From is not signed") }
        return names
    }

    /// Names between colons, in lower case; nil when one is empty or has other characters than field names have.
    private static func names(_ octets: UnsafeBufferPointer<UInt8>) -> [String]? {
        var names: [String] = []
        names.reserveCapacity(32)
        var start = 0
        while start <= octets.count {
            let end = octets[start...].firstIndex(of: Octet.colon) ?? octets.count
            let name = DKIMTagList.trimmed(octets, start..<end)
            guard !name.isEmpty, octets[name].allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
            names.append(RawHeader.name(octets[name]))
            start = end + 1
        }
        return names
    }

    private static func identityDomain(
        _ tags: DKIMTagList,
        signer: DomainName
    ) throws(DKIMSyntaxError) -> DomainName {
        guard let tag = tags["i"] else { return signer }
        guard let at = tag.value.lastIndex(of: 0x40),
            let domain = DomainName(String(decoding: tag.value[(at + 1)...].withoutFolding, as: UTF8.self)),
            domain == signer || domain.isSubdomain(of: signer)
        else { throw DKIMSyntaxError("i= is not within d=") }
        return domain
    }

    static func number(_ tags: DKIMTagList, _ name: String) throws(DKIMSyntaxError) -> Int64? {
        guard let tag = tags[name] else { return nil }
        let digits = tag.value
        guard !digits.isEmpty, digits.count <= 76, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw DKIMSyntaxError("invalid \(name)= tag")
        }
        // Far beyond any message and any date, and safe to calculate with.
        let most: Int64 = 1_000_000_000_000
        return min(Int64(String(decoding: digits, as: UTF8.self)) ?? most, most)
    }
}

/// The signature algorithms in use.
package enum DKIMAlgorithm: String, Sendable, Hashable, CaseIterable {
    case rsaSHA256 = "rsa-sha256"
    case ed25519SHA256 = "ed25519-sha256"  // RFC 8463 §3

    /// The `k=` tag of the key record.
    package var keyType: String {
        switch self {
        case .rsaSHA256: "rsa"
        case .ed25519SHA256: "ed25519"
        }
    }
}
