package import MailSyntax

/// Reads an aggregate report's XML from pieces, in memory that doesn't grow with the number of its records.
///
/// RFC 7489's form, with and without its namespace, and RFC 9990's: names are compared, in the namespace of the root element
/// or in none. What is not known is passed over, what is optional may be missing, and order counts for nothing. Numbers,
/// dates and addresses that make no sense refuse the report: half of a report is none.
package struct DMARCReportReader {
    /// Seconds that a report may be about.
    static let maximumSpan: Int64 = 32 * 86400
    /// Messages that one record may count.
    static let maximumCount = 1_000_000_000_000
    /// Nobody reported before DMARC was there: 2011-01-01.
    static let earliest = Timestamp(seconds: 1_293_840_000)
    static let maximumErrors = 20

    /// Where in the document the reader is.
    enum Scope {
        case document
        case feedback
        case metadata
        case range
        case policy
        case record
        case row
        case evaluated
        case reason
        case identifiers
        case results
        case dkim
        case spf
        case field(String)
        case ignored
    }

    let limits: ReportLimits
    private let now: Timestamp
    private var xml: XMLPullReader
    private var scopes = [Scope.document]
    private var rootPrefix = ""
    var head = Head()
    var record = RecordParts()
    private var complete: [DMARCReport.Record] = []
    /// Records so far.
    package private(set) var recordCount = 0
    /// Messages in them.
    package private(set) var messageCount = 0

    /// - Parameter now: dates after it, by more than two days, are refused.
    package init(limits: ReportLimits = ReportLimits(), now: Timestamp) {
        self.limits = limits
        self.now = now
        xml = XMLPullReader(limits: limits)
    }

    /// Reads a piece.
    /// - Returns: the records that it completes.
    package mutating func consume(_ piece: ArraySlice<UInt8>) throws(ReportError) -> [DMARCReport.Record] {
        var reader = xml
        try reader.consume(piece) { event throws(ReportError) in try handle(event) }
        xml = reader
        defer { complete = [] }
        return complete
    }

    /// The document is over.
    /// - Returns: the report without its records.
    package mutating func finish() throws(ReportError) -> DMARCReport {
        var reader = xml
        try reader.finish { event throws(ReportError) in try handle(event) }
        guard complete.isEmpty else { throw ReportError(.malformed, "the XML ends inside a record") }
        return try head.report(now: now)
    }

    /// A report that is at hand as a whole.
    package static func read(
        _ document: [UInt8], limits: ReportLimits = ReportLimits(), now: Timestamp
    ) throws(ReportError) -> DMARCReport {
        var reader = DMARCReportReader(limits: limits, now: now)
        let records = try reader.consume(document[...])
        var report = try reader.finish()
        report.records = records
        return report
    }

    // MARK: Events

    private mutating func handle(_ event: XMLPullReader.Event) throws(ReportError) {
        switch event {
        case .started(let prefix, let name, let attributes):
            scopes.append(try scope(prefix, name, attributes))
        case .ended(let text, let isCut):
            guard let scope = scopes.popLast(), let parent = scopes.last else { return }
            switch scope {
            case .field(let name): try put(Field(name: name, text: text, isCut: isCut), parent)
            case .record: try endRecord()
            case .dkim: try record.endDKIM(limits)
            case .spf: try record.endSPF(limits)
            case .reason: try record.endReason(limits)
            default: break
            }
        }
    }

    private mutating func scope(
        _ prefix: String, _ name: String, _ attributes: [XMLPullReader.Attribute]
    ) throws(ReportError) -> Scope {
        guard let scope = scopes.last else { return .ignored }
        if case .document = scope {
            guard name == "feedback" else {
                throw ReportError(.notAReport, "the XML is a \(ReportError.quoted(name)), not a DMARC report")
            }
            rootPrefix = prefix
            return .feedback
        }
        // Extensions are in namespaces of their own.
        guard prefix.isEmpty || prefix == rootPrefix else { return .ignored }
        switch (scope, name) {
        case (.feedback, "report_metadata"): return .metadata
        case (.feedback, "policy_published"): return .policy
        case (.feedback, "record"):
            record = RecordParts()
            return .record
        case (.metadata, "date_range"): return .range
        case (.feedback, "version"), (.metadata, _), (.range, _), (.policy, _): return .field(name)
        case (.record, "row"): return .row
        case (.record, "identifiers"), (.record, "identities"): return .identifiers
        case (.record, "auth_results"): return .results
        case (.row, "policy_evaluated"): return .evaluated
        case (.evaluated, "reason"):
            record.reason = RecordParts.Named()
            return .reason
        case (.results, "dkim"):
            record.named = RecordParts.Named()
            return .dkim
        case (.results, "spf"):
            record.named = RecordParts.Named()
            return .spf
        case (.row, _), (.evaluated, _), (.reason, _), (.identifiers, _), (.dkim, _), (.spf, _): return .field(name)
        default: return .ignored
        }
    }

    private mutating func endRecord() throws(ReportError) {
        guard recordCount < limits.rows else {
            throw ReportError(.tooLarge, "the report has more than \(limits.rows) records")
        }
        recordCount += 1
        let done: DMARCReport.Record
        do {
            done = try record.record()
        } catch {
            throw ReportError(error.code, "record \(recordCount): \(error.description)")
        }
        let (sum, isOver) = messageCount.addingReportingOverflow(done.count)
        guard !isOver else { throw ReportError(.invalid, "the records count more messages than there are numbers") }
        messageCount = sum
        complete.append(done)
    }
}
