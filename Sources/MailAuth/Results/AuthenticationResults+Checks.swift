package import MailSyntax

extension AuthenticationResults.Entry {
    /// What to report of the signatures of a message; one entry that says `none` without any.
    /// // RFC 8601 §2.7.1, RFC 6008 §4
    package static func dkim(_ signatures: [VerifiedDKIMSignature]) -> [AuthenticationResults.Entry] {
        guard !signatures.isEmpty else { return [AuthenticationResults.Entry("dkim", "none")] }
        return signatures.map { $0.entry }
    }

    /// What to report of a chain. // RFC 8617 §10.2
    /// - Parameter client: the address that the message came from.
    package static func arc(_ chain: ARCChain, client: IPAddress? = nil) -> AuthenticationResults.Entry {
        typealias Property = AuthenticationResults.Property
        var entry = AuthenticationResults.Entry("arc", chain.keyword, reason: chain.reason)
        if chain.status == .pass, let newest = chain.links.last {
            entry.comment = "i=\(newest.instance) sealed by \(newest.sealDomain.ascii)"
            if let oldest = chain.oldestPass { entry.properties.append(Property("header", "oldest-pass", "\(oldest)")) }
        }
        if chain.status != .none, let client {
            entry.properties.append(Property("smtp", "remote-ip", client.description))
        }
        return entry
    }
}

extension VerifiedDKIMSignature {
    /// The reportable properties of one signature.
    fileprivate var entry: AuthenticationResults.Entry {
        typealias Property = AuthenticationResults.Property
        var properties: [Property] = []
        func add(_ name: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            properties.append(Property("header", name, value))
        }
        add("d", signature?.domain.ascii ?? claim.domain)
        add("i", claim.identity)
        add("s", signature?.selector ?? claim.selector)
        add("a", signature?.algorithm.rawValue ?? claim.algorithm)
        add("b", claim.signatureStart)
        let bits = keyBits.map { "\($0)-bit key" }
        let notes = [bits, isTesting ? "test mode" : nil, partial].compactMap(\.self)
        return AuthenticationResults.Entry(
            "dkim", result.keyword, comment: notes.isEmpty ? nil : notes.joined(separator: ", "),
            reason: result.reason, properties: properties)
    }

    private var partial: String? {
        unsignedBodyOctets > 0 && result == .pass ? "\(unsignedBodyOctets) octets of the body unsigned" : nil
    }
}
