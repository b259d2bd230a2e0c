package import DNSCore
import MailAuth
import MailMessage
package import MailSyntax

/// What `martlet check message` finds: every verdict on a message, with its reason.
package struct MessageCheck: Encodable, Sendable {
    /// The session that a message is checked as if it had come by.
    package struct Session: Sendable {
        package var client: IPAddress?
        package var helo: String?
        package var sender: ReversePath?

        package init(client: IPAddress? = nil, helo: String? = nil, sender: ReversePath? = nil) {
            self.client = client
            self.helo = helo
            self.sender = sender
        }
    }

    package struct Signature: Encodable, Sendable {
        var result: String
        var reason: String?
        var domain: String?
        var selector: String?
        var algorithm: String?
        var identity: String?
        var keyBits: Int?
        var isTesting: Bool
        var isKeySecure: Bool
        var signedFields: [String]
        var unsignedBodyOctets: Int
    }

    package struct SPF: Encodable, Sendable {
        var identity: String
        var domain: String?
        var result: String
        var reason: String?
        var explanation: String?
        var mechanism: String?
        var lookups: Int
    }

    package struct Chain: Encodable, Sendable {
        package struct Link: Encodable, Sendable {
            var instance: Int
            var domain: String
            var selector: String
            var chainBefore: String
            /// What the sealer found, such as `spf=pass`.
            var found: [String]
        }

        package var result: String
        var reason: String?
        package var isTemporary: Bool
        var oldestPass: Int?
        var links: [Link]
    }

    package struct DMARC: Encodable, Sendable {
        var result: String
        var reason: String?
        var author: String?
        var policyDomain: String?
        /// What the record asks for, such as `p=reject`.
        var policy: String?
        /// What its owner wants done with this message.
        var wanted: String
        /// What passes and is the author's, such as `dkim=example.org`.
        var aligned: [String]
        var remarks: [String]
    }

    /// The addresses in From.
    var from: [String]
    /// nil without a session: DMARC may go by SPF, which needs one, unless a signature is enough.
    var dmarc: DMARC?
    var dkim: [Signature]
    /// Signatures that the bound left out.
    var ignoredSignatures: Int
    var spf: [SPF]
    package var arc: Chain
    /// The field that a server would put on top of the message.
    var authenticationResults: String

    /// Something passed that names a domain.
    package var passes: Bool {
        dmarc?.result == "pass" || dkim.contains { $0.result == "pass" } || spf.contains { $0.result == "pass" }
    }
    /// Another try may say more.
    package var isTemporary: Bool {
        arc.isTemporary || dmarc?.result == "temperror" || dkim.contains { $0.result == "temperror" }
            || spf.contains { $0.result == "temperror" }
    }

    /// Checks a message.
    /// - Parameters:
    ///   - path: its file, or `-` for standard input.
    ///   - receiver: the name that the results are given in.
    /// - Throws: `AdminError` when the file can't be read.
    package static func run(
        _ path: String,
        session: Session = Session(),
        receiver: String,
        resolver: any DNSResolver,
        now: Timestamp
    ) async throws -> MessageCheck {
        var verifier = DKIMVerifier(header: [], withARC: true)
        var header: [UInt8] = []
        try MessageFile(path: path).read {
            header = $0
            verifier = DKIMVerifier(header: $0, withARC: true)
        } body: {
            verifier.update($0)
        }
        verifier.finishBody()
        let answers = await DKIMKeyLookup.ask(verifier.keyNames, of: resolver)
        let signatures = verifier.results(answers: answers, now: now)
        let chain = verifier.arcChain(answers: answers, now: now)
        let spf = await checkSPF(session, receiver: receiver, resolver: resolver, now: now)
        let authors = HeaderBlock(parsing: header)
        let dmarc = await judge(DMARCAuthors(authors), spf, signatures, resolver: resolver)
        var results = AuthenticationResults(authservID: receiver, entries: spf.map(AuthenticationResults.Entry.spf))
        results.entries += AuthenticationResults.Entry.dkim(signatures)
        if let dmarc { results.entries.append(.dmarc(dmarc)) }
        if chain.status != .none { results.entries.append(.arc(chain, client: session.client)) }
        return MessageCheck(
            from: authors.all("From").flatMap { AddressListParser.parse($0.rawValue, limit: 20) }
                .compactMap(Self.text),
            dmarc: dmarc.map(DMARC.init),
            dkim: signatures.map(Signature.init),
            ignoredSignatures: verifier.ignoredSignatures,
            spf: spf.map(SPF.init),
            arc: Chain(chain),
            authenticationResults: String(decoding: results.field(), as: UTF8.self))
    }

    /// nil where it can't be said: no signature is enough, and there is no session that SPF could be checked for.
    private static func judge(
        _ authors: DMARCAuthors,
        _ spf: [SPFResult],
        _ signatures: [VerifiedDKIMSignature],
        resolver: any DNSResolver
    ) async -> DMARCEvaluation? {
        // Of the session, MAIL FROM counts; where that is null, HELO. // RFC 7208 §2.4
        let sender = spf.last.flatMap(DMARCIdentifier.init)
        let identifiers = [sender].compactMap(\.self) + signatures.compactMap(DMARCIdentifier.init)
        let found = await DMARCEvaluator.evaluate(authors, identifiers, resolver: resolver)
        if spf.isEmpty, case .fail = found.result { return nil }
        return found
    }

    /// nil for the marks of a group.
    private static func text(_ address: EnvelopeAddress) -> String? {
        guard let mailbox = address.mailbox, let host = address.host else { return nil }
        return String(decoding: mailbox + [0x40] + host, as: UTF8.self)
    }

    private static func checkSPF(
        _ session: Session,
        receiver: String,
        resolver: any DNSResolver,
        now: Timestamp
    ) async -> [SPFResult] {
        guard let client = session.client else { return [] }
        var found: [SPFResult] = []
        if let helo = session.helo {
            found.append(
                await SPFChecker.checkHELO(client: client, helo: helo, resolver: resolver, receiver: receiver, now: now)
            )
        }
        if let sender = session.sender, sender != .null {
            found.append(
                await SPFChecker.check(
                    client: client, helo: session.helo ?? "unknown", sender: sender, resolver: resolver,
                    receiver: receiver, now: now))
        }
        return found
    }
}

extension MessageCheck.DMARC {
    fileprivate init(_ found: DMARCEvaluation) {
        result = found.result.keyword
        reason = found.result.reason
        author = found.author?.ascii
        policyDomain = found.policyDomain?.ascii
        policy = found.policy.map { "\(found.policyTag)=\($0.rawValue)" }
        wanted = found.wanted.rawValue
        aligned = found.aligned.map { "\($0.method.rawValue)=\($0.domain.ascii)" }
        remarks = found.remarks
    }
}

extension MessageCheck.Signature {
    fileprivate init(_ verified: VerifiedDKIMSignature) {
        result = verified.result.keyword
        reason = verified.result.reason
        domain = verified.signature?.domain.ascii ?? verified.claim.domain
        selector = verified.signature?.selector ?? verified.claim.selector
        algorithm = verified.claim.algorithm
        identity = verified.claim.identity
        keyBits = verified.keyBits
        isTesting = verified.isTesting
        isKeySecure = verified.isKeySecure
        signedFields = verified.signature?.signedFields ?? []
        unsignedBodyOctets = verified.unsignedBodyOctets
    }
}

extension MessageCheck.SPF {
    fileprivate init(_ found: SPFResult) {
        identity = found.identity.rawValue
        domain = found.domain?.ascii
        result = found.keyword
        reason = found.reason
        explanation = found.explanation
        mechanism = found.mechanism
        lookups = found.lookups
    }
}

extension MessageCheck.Chain {
    fileprivate init(_ chain: ARCChain) {
        result = chain.keyword
        reason = chain.reason
        isTemporary = chain.isTemporary
        oldestPass = chain.oldestPass
        links = chain.links.map { link in
            Link(
                instance: link.instance, domain: link.sealDomain.ascii, selector: link.sealSelector,
                chainBefore: link.status.rawValue,
                found: link.results?.entries.map { "\($0.method)=\($0.result)" } ?? [])
        }
    }
}
