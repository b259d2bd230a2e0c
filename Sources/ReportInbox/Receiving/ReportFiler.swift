import Archives
import Directory
import MailAuth
import MailSyntax

/// A report that was taken.
package struct FiledReport: Sendable, Hashable {
    /// Its number here; nil where it is known.
    package var id: Int64?
    package var kind: ReportKind
    package var organization: String
    package var reportID: String
    package var domain: String
    /// Records, or policies and failures.
    package var rows: Int
    /// Messages, or sessions.
    package var passed: Int
    package var failed: Int
    /// It was there before; nothing was changed.
    package var isKnown: Bool
}

/// Unpacks, reads and stores one report after the other.
///
/// A DMARC report is read twice: once to see that all of it is sound, and once more to store its records as they are read, so
/// that memory holds a piece of it and never the whole.
package struct ReportFiler: Sendable {
    let store: ReportStore
    let directory: Directory
    let limits: ReportLimits

    /// Stores what a file or an attachment holds.
    ///
    /// - Parameters:
    ///   - content: gzip, zip, XML or JSON.
    ///   - lacksSignature: refuses a TLS report, as the RFC wants it of mail without a signature of its sender.
    /// - Throws: `ReportError` with what is wrong; `DatabaseError`.
    @concurrent
    package func file(
        _ content: [UInt8], _ origin: ReportOrigin, lacksSignature: Bool = false
    ) async throws -> FiledReport {
        guard content.count <= limits.packed else {
            throw ReportError(.tooLarge, "it is longer than \(limits.packed) octets")
        }
        let pieces = try Pieces(content, limits)
        guard let start = pieces.first.first(where: { $0 > 0x20 }) else {
            throw ReportError(.notAReport, "there is nothing in it")
        }
        switch start {
        case UInt8(ascii: "{"):
            // RFC 8460 §3: reports that lack a signature of the reporting domain are ignored.
            guard !lacksSignature else {
                throw ReportError(.invalid, "the mail of the TLS report has no valid signature of its sender")
            }
            return try await fileTLS(pieces, origin)
        case UInt8(ascii: "<"), 0xEF, 0xFE, 0xFF: return try await fileDMARC(pieces, content, origin)
        default: throw ReportError(.notAReport, "it holds neither XML nor JSON")
        }
    }

    /// An archive's content, its first piece at hand.
    private struct Pieces {
        let unpacker: Unpacker
        let first: [UInt8]

        init(_ content: [UInt8], _ limits: ReportLimits) throws(ReportError) {
            do {
                unpacker = try Unpacker(
                    content,
                    limits: ArchiveLimits(output: limits.unpacked, ratio: limits.ratio, ratioFree: limits.ratioFree))
                first = try unpacker.next() ?? []
            } catch {
                throw ReportError(error)
            }
        }

        func forEach(_ body: ([UInt8]) async throws -> Void) async throws {
            try await body(first)
            while true {
                let piece: [UInt8]?
                do {
                    piece = try unpacker.next()
                } catch {
                    throw ReportError(error)
                }
                guard let piece else { return }
                try Task.checkCancellation()
                // A large report takes seconds: whoever else has work on this thread gets at it between pieces.
                await Task.yield()
                try await body(piece)
            }
        }
    }

    // MARK: DMARC

    private func fileDMARC(_ pieces: Pieces, _ content: [UInt8], _ origin: ReportOrigin) async throws -> FiledReport {
        var reader = DMARCReportReader(limits: limits, now: origin.receivedAt)
        var passed = 0
        try await pieces.forEach { piece in
            for record in try reader.consume(piece[...]) where record.evaluated.passes { passed += record.count }
        }
        let report = try reader.finish()
        try requireOurs(report.policy.domain)
        var filed = FiledReport(
            kind: .dmarc, organization: report.metadata.organization, reportID: report.metadata.reportID,
            domain: report.policy.domain, rows: reader.recordCount, passed: passed,
            failed: reader.messageCount - passed, isKnown: false)
        guard let id = try await store.begin(ReportStore.Head(report), origin) else {
            filed.isKnown = true
            return filed
        }
        var again = DMARCReportReader(limits: limits, now: origin.receivedAt)
        var waiting: [DMARCReport.Record] = []
        var stored = 0
        try await Pieces(content, limits).forEach { piece in
            waiting += try again.consume(piece[...])
            while waiting.count >= ReportStore.batch {
                try await store.add(Array(waiting.prefix(ReportStore.batch)), to: id, first: stored + 1)
                waiting.removeFirst(ReportStore.batch)
                stored += ReportStore.batch
            }
        }
        try await store.add(waiting, to: id, first: stored + 1)
        filed.id = id
        try await store.finish(id, rows: filed.rows, passed: filed.passed, failed: filed.failed)
        return filed
    }

    // MARK: TLS

    private func fileTLS(_ pieces: Pieces, _ origin: ReportOrigin) async throws -> FiledReport {
        var document: [UInt8] = []
        try await pieces.forEach { piece in
            document += piece
            guard document.count <= limits.json else {
                throw ReportError(.tooLarge, "the JSON is longer than \(limits.json) octets")
            }
        }
        let reading = try TLSReportReader.read(document, limits: limits, now: origin.receivedAt)
        document = []
        for policy in reading.report.policies { try requireOurs(policy.policy.domain) }
        let domain = reading.report.policies.first?.policy.domain.lowercased() ?? ""
        let summaries = reading.report.policies.map(\.summary)
        var filed = FiledReport(
            kind: .tls, organization: reading.report.organization ?? reading.report.contact ?? "unknown",
            reportID: reading.report.reportID, domain: domain, rows: 0,
            passed: summaries.reduce(0) { $0 + $1.successes }, failed: summaries.reduce(0) { $0 + $1.failures },
            isKnown: false)
        var head = ReportStore.Head(
            kind: .tls, domain: domain, organization: filed.organization, reportID: filed.reportID,
            begin: reading.begin, end: reading.end)
        head.contact = reading.report.contact ?? ""
        guard let id = try await store.begin(head, origin) else {
            filed.isKnown = true
            return filed
        }
        filed.rows = try await store.add(reading.report.policies, to: id)
        filed.id = id
        try await store.finish(id, rows: filed.rows, passed: filed.passed, failed: filed.failed)
        return filed
    }

    /// A report on a domain that is not here was not asked for.
    private func requireOurs(_ text: String) throws(ReportError) {
        var name = DomainName(text)
        let snapshot = directory.snapshot
        while let domain = name {
            if snapshot.domain(domain) != nil { return }
            name = domain.parent
        }
        throw ReportError(.invalid, "it is on \(text), which is not a domain of this server")
    }
}

extension ReportError {
    init(_ error: ArchiveError) {
        self.init(error.code == .tooLarge ? .tooLarge : .brokenArchive, error.description)
    }
}

extension ReportStore.Head {
    init(_ report: DMARCReport) {
        self.init(
            kind: .dmarc, domain: report.policy.domain, organization: report.metadata.organization,
            reportID: report.metadata.reportID, begin: report.metadata.begin, end: report.metadata.end)
        email = report.metadata.email
        contact = report.metadata.extraContact ?? ""
        errors = report.metadata.errors
        let tags: [(String, String?)] = [
            ("p", report.policy.policy), ("sp", report.policy.subdomainPolicy),
            ("np", report.policy.nonexistentPolicy), ("adkim", report.policy.dkimAlignment),
            ("aspf", report.policy.spfAlignment), ("t", report.policy.testing),
            ("pct", report.policy.percent.map(String.init)),
        ]
        policy = tags.compactMap { tag, value in value.flatMap { $0.isEmpty ? nil : "\(tag)=\($0)" } }
            .joined(separator: "; ")
    }
}
