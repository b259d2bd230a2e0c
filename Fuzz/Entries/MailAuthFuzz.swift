import DNSCore
import MailMessage
import MailSyntax

@testable import MailAuth

enum MailAuthFuzz {
    static let entries = [
        FuzzEntry("dkim-signature", signature),
        FuzzEntry("dkim-key", key),
        FuzzEntry("dkim-verifier", verifier),
        FuzzEntry("dkim-canonical", canonical),
        FuzzEntry("arc-chain", arcChain),
        FuzzEntry("auth-results", authResults),
        FuzzEntry("spf-record", spfRecord),
        FuzzEntry("spf-macro", spfMacro),
        FuzzEntry("dmarc-record", dmarcRecord),
        FuzzEntry("dmarc-authors", dmarcAuthors),
        FuzzEntry("mta-sts", mtaSTS),
        FuzzEntry("tlsa", tlsa),
        FuzzEntry("dmarc-report", dmarcReport),
        FuzzEntry("tls-report", tlsReport),
    ]

    static func signature(_ bytes: [UInt8]) {
        guard let signature = try? DKIMSignature(parsing: bytes[...]) else { return }
        precondition(!signature.signedFields.isEmpty && !signature.signature.isEmpty)
        precondition((signature.bodyLimit ?? 0) >= 0, "a negative length")
    }

    /// A record on the first line, then a policy; what is read is written and read as the same.
    static func mtaSTS(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        if let record = MTASTSRecord.find(in: [input.line()]) { precondition(!record.id.isEmpty) }
        guard let policy = try? MTASTSPolicy(parsing: input.remainder()) else { return }
        precondition(policy.maxAge >= 0 && (policy.mode == .none || !policy.hosts.isEmpty))
        precondition((try? MTASTSPolicy(parsing: Array(policy.text.utf8))) == policy, "a policy changed")
        for host in policy.hosts { precondition(policy.lists(host.hasPrefix("*.") ? "x" + host.dropFirst() : host)) }
    }

    /// Records, each a length and so many octets.
    static func tlsa(_ bytes: [UInt8]) {
        var rest = bytes[...]
        var records: [TLSAssociation] = []
        while let length = rest.popFirst() {
            let data = Array(rest.prefix(Int(length)))
            rest = rest.dropFirst(data.count)
            if case .tlsAssociation(let record)? = RecordData.parse(data, type: .tlsa) { records.append(record) }
        }
        let usable = DANERecords.usable(records)
        precondition(usable.allSatisfy { $0.isUsable && !$0.text.isEmpty && $0.summary.utf8.count <= 32 })
        precondition(usable.isEmpty == !records.contains(where: \.isUsable), "no record was left")
    }

    /// Whole and in pieces of any size a report is the same, or refused for the same reason; numbers are in their ranges.
    static func dmarcReport(_ bytes: [UInt8]) {
        let now = Timestamp(seconds: 1_800_000_000)
        func read(_ pieces: [[UInt8]]) -> Result<DMARCReport, ReportError> {
            Result { () throws(ReportError) in
                var reader = DMARCReportReader(now: now)
                var records: [DMARCReport.Record] = []
                for piece in pieces { records += try reader.consume(piece[...]) }
                var report = try reader.finish()
                report.records = records
                precondition(records.count == reader.recordCount, "a record was lost")
                return report
            }
        }
        let whole = read(FuzzCuts.whole(bytes))
        precondition(read(FuzzCuts.random(bytes, seed: bytes.first ?? 0)) == whole, "pieces make another report")
        switch whole {
        case .success(let report):
            precondition(report.metadata.begin <= report.metadata.end && !report.metadata.reportID.isEmpty)
            precondition(DomainName(report.policy.domain) != nil && report.records.allSatisfy { $0.count >= 0 })
        case .failure(let error):
            precondition(error.description.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "words that can't be shown")
        }
    }

    static func tlsReport(_ bytes: [UInt8]) {
        guard let reading = try? TLSReportReader.read(bytes, now: Timestamp(seconds: 1_800_000_000)) else { return }
        precondition(reading.begin <= reading.end && !reading.report.policies.isEmpty)
        for result in reading.report.policies {
            precondition(result.summary.successes >= 0 && result.summary.failures >= 0)
            precondition(result.failures.allSatisfy { $0.sessions >= 0 })
        }
    }

    static func key(_ bytes: [UInt8]) {
        _ = DKIMKeyRecord(parsing: bytes)
        _ = DKIMKeyRecord.zoneFileStrings(String(decoding: bytes, as: UTF8.self))
    }

    /// A key record on the first line, then a message.
    static func verifier(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let record = input.line()
        let message = input.remainder()
        let end = endOfHeader(message)
        var verifier = DKIMVerifier(header: Array(message[..<end]))
        let body = Array(message[end...])
        let half = body.count / 2
        verifier.update(Array(body[..<half]))
        verifier.update(Array(body[half...]))
        verifier.finishBody()
        let names = verifier.keyNames
        let answers = Dictionary(uniqueKeysWithValues: names.map { ($0, DKIMKeyLookup.records([record])) })
        let results = verifier.results(answers: answers, now: Timestamp(seconds: 1_700_000_000))
        precondition(results.count <= DKIMRules().maximumSignatures, "too many signatures were looked at")
    }

    /// A key record on the first line, then a message.
    static func arcChain(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let record = input.line()
        let message = input.remainder()
        let header = Array(message[..<endOfHeader(message)])
        var verifier = DKIMVerifier(header: header, withARC: true)
        verifier.update(Array(message[header.count...]))
        verifier.finishBody()
        let answers = Dictionary(uniqueKeysWithValues: verifier.keyNames.map { ($0, DKIMKeyLookup.records([record])) })
        let chain = verifier.arcChain(answers: answers, now: Timestamp(seconds: 1_700_000_000))
        precondition(chain.links.count <= 50, "a chain that is too long")
        precondition(chain.links.map(\.instance) == Array(1..<(chain.links.count + 1)), "a chain with gaps")
        precondition(chain.status != .pass || !chain.links.isEmpty, "nothing passed")
    }

    /// The value of a field; then the same as a header that is searched for forgeries.
    static func authResults(_ bytes: [UInt8]) {
        if let results = AuthenticationResults(parsing: bytes[...]) {
            let field = results.field()
            let name = "Authentication-Results:".utf8.count
            guard let again = AuthenticationResults(parsing: field[name...]) else {
                preconditionFailure("what is written is not read")
            }
            precondition(again.entries.map(\.method) == results.entries.map(\.method), "other methods are read")
            precondition(again.field() == field, "what is read is written in another way")
        }
        let header = Array("Authentication-Results: ".utf8) + bytes
        let (left, removed) = AuthenticationResults.removingForged(["mx.example.org"], from: header)
        precondition((removed == 0) == (left.count == header.count), "removed without a trace")
        precondition(AuthenticationResults.removingForged(["mx.example.org"], from: left).removed == 0, "one stayed")
    }

    private static func endOfHeader(_ message: [UInt8]) -> Int {
        var previous = 0
        for (index, octet) in message.enumerated() where octet == 10 {
            if index - previous <= 1 { return index + 1 }
            previous = index + 1
        }
        return message.count
    }

    private static func body(_ pieces: [[UInt8]], _ canonicalization: DKIMCanonicalization) -> [UInt8] {
        var canonicalizer = BodyCanonicalizer(canonicalization)
        var output: [UInt8] = []
        for piece in pieces { canonicalizer.update(piece, to: &output) }
        canonicalizer.finish(to: &output)
        return output
    }

    static func canonical(_ bytes: [UInt8]) {
        for canonicalization in DKIMCanonicalization.allCases {
            let whole = body(FuzzCuts.whole(bytes), canonicalization)
            precondition(body(FuzzCuts.single(bytes), canonicalization) == whole, "octet by octet differs")
            precondition(body([whole], canonicalization) == whole, "the canonical form is not its own")
            // An empty line ends the header: no field has one.
            guard !bytes.contains([13, 10, 13, 10]) else { continue }
            let field = canonicalization.header(bytes[...])
            precondition(canonicalization.header(field[...]) == field, "the canonical field is not its own")
        }
    }

    // MARK: DMARC

    static func dmarcRecord(_ bytes: [UInt8]) {
        guard let record = DMARCRecord(parsing: bytes) else { return }
        precondition(bytes.count <= DMARCRecord.longest && record.remarks.count <= DMARCRecord.mostRemarks)
        let words = record.remarks + record.aggregateURIs + record.failureURIs
        precondition(words.allSatisfy { $0.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 9 } }, "odd words")
        precondition(!record.failureOptions.isEmpty, "no option is left")
    }

    static func dmarcAuthors(_ bytes: [UInt8]) {
        let authors = DMARCAuthors(HeaderBlock(parsing: bytes))
        precondition(authors.domains.count <= DMARCAuthors.mostDomains, "too many domains")
        precondition(Set(authors.domains).count == authors.domains.count, "a domain twice")
        for domain in authors.domains {
            let targets = DMARCTreeWalk.targets(of: domain)
            precondition(targets.count <= DMARCTreeWalk.maximumQueries && targets.first == domain, "a long walk")
        }
    }

    // MARK: SPF

    static func spfRecord(_ bytes: [UInt8]) {
        do {
            let record = try SPFRecord(parsing: bytes)
            precondition(SPFRecord.isSPF(bytes) && bytes.allSatisfy { $0 < 0x80 }, "no record was read as one")
            for directive in record.directives {
                precondition(directive.offset < bytes.count && !directive.text.isEmpty, "a directive out of the record")
                guard case .network(let octets, let length) = directive.mechanism else { continue }
                precondition((0...octets.count * 8).contains(length), "a prefix longer than its address")
            }
            precondition(record.lookups <= record.directives.count + 1, "more lookups than terms")
        } catch {
            let words = "\(error)"
            precondition(error.offset <= bytes.count, "an error outside of the record")
            precondition(words.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "an error that can't be shown")
        }
    }

    /// A choice, the sender and the greeting on lines of their own, then the text with macros.
    static func spfMacro(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let choice = input.byte()
        let address: [UInt8] = choice & 2 == 0 ? [192, 0, 2, 3] : [0x20, 1] + [UInt8](repeating: 0xAB, count: 14)
        guard let client = IPAddress(bytes: address) else { return }
        let place: SPFMacroString.Place = choice & 1 == 0 ? .record : .explanation
        var context = SPFContext(client: client, helo: "", receiver: "mx.example.net", now: Timestamp(seconds: 0))
        context.localPart = input.line()
        context.helo = input.line()
        context.senderDomain = Array("example.org".utf8)
        let text = input.remainder()
        guard let macros = try? SPFMacroString(parsing: text[...], in: place) else { return }
        let values = SPFMacroValues(context: context, domain: context.senderDomain)
        let whole = macros.suffix(values, limit: .max)
        precondition(macros.prefix(values, limit: .max) == whole, "from the left and from the right differ")
        precondition(macros.prefix(values, limit: 100) == Array(whole.prefix(100)), "the beginning is another")
        let end = macros.suffix(values, limit: SPFName.expansionLimit)
        precondition(whole.suffix(end.count).elementsEqual(end), "the end is another")
        let name = SPFName(expanded: end)
        precondition(name == SPFName(expanded: whole), "a name depends on what is cut off")
        guard let name else { return }
        precondition(name.octets.count <= 253 && name.labels <= 127, "a name that is too long")
        precondition(name.text.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a name that can't be asked for")
    }
}
