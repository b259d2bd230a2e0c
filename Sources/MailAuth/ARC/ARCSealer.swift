package import MailSyntax

/// Seals messages that are passed on: adds one ARC set. // RFC 8617 §5.1
///
/// The message must be given as it leaves, after every change and every DKIM signature. CPU-heavy with RSA.
package struct ARCSealer: Sendable {
    package let domain: DomainName
    package let key: DKIMSigner.Key

    package init(domain: DomainName, key: DKIMSigner.Key) {
        self.domain = domain
        self.key = key
    }

    /// A hasher for the body of a message that will be sealed.
    package var bodyHasher: DKIMBodyHasher { DKIMBodyHasher(.relaxed) }

    /// What came of sealing.
    package enum Outcome: Sendable, Hashable {
        /// The three fields to put on top of the header, each ending in CRLF: seal, message signature, results.
        case sealed([UInt8], instance: Int, status: ARCChain.Status)
        case omitted(Omission)

        /// Empty where nothing was sealed.
        package var fields: [UInt8] {
            if case .sealed(let fields, _, _) = self { fields } else { [] }
        }
    }

    /// Why a message gets no set.
    package enum Omission: String, Sendable, Hashable {
        case noAuthor = "the header has no From"
        // RFC 8617 §5.1 (2)
        case failedBefore = "somebody has sealed the chain as failed"
        case full = "the chain has fifty sets"
        /// Who seals vouches for the chain. To seal it as failed would break what may be whole.
        case unchecked = "nobody has checked the chain that it has"
    }

    /// Makes the set that comes next.
    ///
    /// - Parameters:
    ///   - header: the header block, with or without the empty line that ends it.
    ///   - bodyHash: what ``bodyHasher`` gave for the body.
    ///   - results: what was found when the message came in, as ``AuthenticationResults/payload`` writes it.
    ///   - status: what was found of the chain that the message brought; nil where nobody looked.
    package func seal(
        header: [UInt8],
        bodyHash: [UInt8],
        results: String,
        status: ARCChain.Status?,
        at time: Timestamp
    ) throws(DKIMKeyError) -> Outcome {
        let raw = RawHeader(header)
        guard raw.count(of: "from") > 0 else { return .omitted(.noAuthor) }
        let newest = Self.newest(raw)
        guard !newest.hasFailed else { return .omitted(.failedBefore) }
        guard newest.instance < ARCInstance.maximum else { return .omitted(.full) }
        let found: ARCChain.Status
        switch status {
        case .fail: found = .fail
        case _ where newest.instance == 0: found = .none
        case .pass: found = .pass
        default: return .omitted(.unchecked)
        }
        let instance = newest.instance + 1
        let arcResults = Array("ARC-Authentication-Results: i=\(instance); \(results)\r\n".utf8)
        let signature = try messageSignature(raw, instance: instance, bodyHash: bodyHash, at: time)
        var sealed: [UInt8] = []
        // RFC 8617 §5.1.2: the seal of a failed chain covers its own set alone.
        if found != .fail { sealed = Self.covered(raw) }
        sealed += DKIMCanonicalization.relaxed.header(arcResults[...])
        sealed += DKIMCanonicalization.relaxed.header(signature[...])
        var own = "ARC-Seal: i=\(instance); a=\(key.key.algorithm.rawValue); cv=\(found.rawValue);\r\n"
        own += " d=\(domain.ascii); s=\(key.selector); t=\(time.seconds);\r\n b="
        let fields = try signed(own, after: sealed) + signature + arcResults
        return .sealed(fields, instance: instance, status: found)
    }

    /// The highest instance that the header has, 0 for none, and whether its seal says that the chain has failed.
    private static func newest(_ header: RawHeader) -> (instance: Int, hasFailed: Bool) {
        var highest = 0
        var newestFailed = false
        for place in header.indices(of: "arc-seal") {
            guard let tags = DKIMTagList(header.fields[place].value), let instance = try? ARCInstance.read(tags) else {
                continue
            }
            guard instance >= highest else { continue }
            // RFC 8617 §5.1 (2): also when two fields claim the same place.
            newestFailed = (instance == highest && newestFailed) || tags.text("cv")?.lowercased() == "fail"
            highest = instance
        }
        for place in header.indices(of: "arc-message-signature") {
            guard let tags = DKIMTagList(header.fields[place].value), let instance = try? ARCInstance.read(tags) else {
                continue
            }
            highest = max(highest, instance)
        }
        for place in header.indices(of: "arc-authentication-results") {
            highest = max(highest, ARCInstance.leading(header.fields[place].value)?.instance ?? 0)
        }
        return (highest, newestFailed)
    }

    /// The sets before this one, in order. // RFC 8617 §5.1.1
    private static func covered(_ header: RawHeader) -> [UInt8] {
        var sets: [Int: [Int: RawHeader.Field]] = [:]
        for place in header.indices(of: "arc-authentication-results") {
            guard let found = ARCInstance.leading(header.fields[place].value) else { continue }
            sets[found.instance, default: [:]][0] = header.fields[place]
        }
        for (order, name) in [(1, "arc-message-signature"), (2, "arc-seal")] {
            for place in header.indices(of: name) {
                guard let tags = DKIMTagList(header.fields[place].value), let instance = try? ARCInstance.read(tags)
                else { continue }
                sets[instance, default: [:]][order] = header.fields[place]
            }
        }
        var data: [UInt8] = []
        for instance in sets.keys.sorted() {
            for order in 0...2 {
                guard let field = sets[instance]?[order] else { continue }
                data += DKIMCanonicalization.relaxed.header(field.bytes)
            }
        }
        return data
    }

    private func messageSignature(
        _ header: RawHeader,
        instance: Int,
        bodyHash: [UInt8],
        at time: Timestamp
    ) throws(DKIMKeyError) -> [UInt8] {
        // RFC 8617 §4.1.2: DKIM signatures should be covered; Authentication-Results and ARC fields must not be.
        let names = SignedFields.usual.names(in: header, alsoSigned: ["DKIM-Signature"])
        let covered = DKIMCanonicalization.relaxed.headers(header.selection(names.map { $0.lowercased() }))
        var own = "ARC-Message-Signature: i=\(instance); a=\(key.key.algorithm.rawValue); c=relaxed/relaxed;\r\n"
        own += " d=\(domain.ascii); s=\(key.selector); t=\(time.seconds);\r\n"
        own += " h=\(DKIMSigner.folded(names: names, column: 3));\r\n"
        own += " bh=\(Base64.encode(bodyHash));\r\n b="
        return try signed(own, after: covered)
    }

    /// The field with its signature over what it covers and itself.
    private func signed(_ unsigned: String, after covered: [UInt8]) throws(DKIMKeyError) -> [UInt8] {
        let own = DKIMCanonicalization.relaxed.header(Array(unsigned.utf8)[...]).dropLast(2)
        let signature = try key.key.signature(of: covered + own)
        return Array(unsigned.utf8) + DKIMSigner.folded(Base64.encode(signature)).utf8 + Octet.lineBreak
    }
}
