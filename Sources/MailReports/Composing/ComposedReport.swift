package import Archives
import FoundationEssentials
package import MailAuth
import MailMessage
package import MailSyntax
package import OutboundQueue

/// A report as it is sent.
package struct ComposedReport: Sendable {
    package let kind: ReportKind
    package let day: ReportDay
    /// Whom it is about.
    package let domain: String
    package let author: ReportAuthor
    /// The same for the same host, domain and day: who gets a report twice can tell.
    package let reportID: String
    /// XML or JSON.
    package let document: [UInt8]
    package let compressed: [UInt8]
    /// Messages, or sessions.
    package let count: Int

    /// - Parameter hostname: this host's.
    private init(
        _ kind: ReportKind, _ day: ReportDay, domain: String, author: ReportAuthor, reportID: String,
        document: [UInt8], count: Int
    ) throws(GzipEncoder.Failure) {
        self.kind = kind
        self.day = day
        self.domain = domain
        self.author = author
        self.reportID = reportID
        self.document = document
        self.count = count
        compressed = try GzipEncoder.compress(document)
    }

    private static func reportID(_ day: ReportDay, _ domain: String, _ settings: ReportSettings) -> String {
        "\(day.begin.seconds).\(domain)@\(settings.hostname.ascii)"
    }

    /// - Parameter records: at least one.
    package init(
        dmarc records: [DMARCReport.Record], _ policy: ObservedPolicy, _ day: ReportDay, domain: String,
        author: ReportAuthor, settings: ReportSettings
    ) throws(GzipEncoder.Failure) {
        let id = Self.reportID(day, domain, settings)
        let report = DMARCReport(
            metadata: DMARCReport.Metadata(
                organization: author.organization, email: author.contact.description, reportID: id, begin: day.begin,
                end: day.end, errors: policy.errors, generator: settings.generator),
            policy: policy.published, records: records)
        try self.init(
            .dmarc, day, domain: domain, author: author, reportID: id, document: report.xml,
            count: records.reduce(0) { $0 + $1.count })
    }

    /// - Parameter results: at least one.
    package init(
        tls results: [CountedTLSResult], _ day: ReportDay, domain: String, author: ReportAuthor,
        settings: ReportSettings
    ) throws {
        let id = Self.reportID(day, domain, settings)
        let report = TLSReport(
            organization: author.organization,
            range: TLSReport.Range(
                start: InternetTimestamp.utc(day.begin), end: InternetTimestamp.utc(day.end)),
            contact: author.contact.description, reportID: id,
            policies: Self.policies(results, domain: domain))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        try self.init(
            .tls, day, domain: domain, author: author, reportID: id, document: Array(try encoder.encode(report)),
            count: results.reduce(0) { $0 + $1.sessions })
    }

    /// One entry a policy, in the order of the results.
    private static func policies(_ results: [CountedTLSResult], domain: String) -> [TLSReport.PolicyResult] {
        var places: [TLSReport.Policy: Int] = [:]
        var entries: [TLSReport.PolicyResult] = []
        for counted in results {
            let result = counted.result
            let policy = TLSReport.Policy(
                type: result.policyType, text: result.policy, domain: domain, hosts: result.hosts)
            let place = places[policy] ?? entries.count
            if place == entries.count {
                places[policy] = place
                entries.append(
                    TLSReport.PolicyResult(policy: policy, summary: TLSReport.Summary(successes: 0, failures: 0)))
            }
            if let type = result.failure {
                entries[place].summary.failures += counted.sessions
                var failure = TLSReport.Failure(type: type, sessions: counted.sessions)
                failure.sendingAddress = result.sendingAddress
                failure.host = result.host
                failure.receivingAddress = result.receivingAddress
                failure.reason = result.reason
                entries[place].failures.append(failure)
            } else {
                entries[place].summary.successes += counted.sessions
            }
        }
        return entries
    }

    // MARK: As mail

    /// RFC 7489 §7.2.1.1, RFC 8460 §5.1
    package var filename: String {
        let ending = kind == .dmarc ? "xml.gz" : "json.gz"
        return "\(author.submitter.ascii)!\(domain)!\(day.begin.seconds)!\(day.end.seconds).\(ending)"
    }

    package var mediaType: String { kind == .dmarc ? "application/gzip" : "application/tlsrpt+gzip" }

    /// Octets of the report once it is encoded for mail, line ends included.
    package var transportedSize: Int {
        let encoded = (compressed.count + 2) / 3 * 4
        return encoded + (encoded + 75) / 76 * 2
    }

    /// RFC 7489 §7.2.1.1, RFC 8460 §5.3
    package func message(to recipients: [EmailAddress], id: MailID, date: Timestamp) -> [UInt8] {
        var builder = MessageBuilder(boundarySeed: id.description)
        builder.addRaw("Date", InternetDate.format(date))
        builder.add("From", address: author.from)
        builder.addRaw("To", recipients.map(\.description).joined(separator: ", "))
        builder.addRaw(
            "Subject", "Report Domain: \(domain) Submitter: \(author.submitter.ascii) Report-ID: <\(reportID)>")
        builder.addRaw("Message-ID", "<\(id.description)@\(author.from.hostText)>")
        builder.addRaw("Auto-Submitted", "auto-generated")  // RFC 3834 §5
        var parameters: [(name: String, value: String)] = []
        if kind == .tls {
            builder.addRaw("TLS-Report-Domain", domain)
            builder.addRaw("TLS-Report-Submitter", author.submitter.ascii)
            // What the report is about must not keep it from arriving. // RFC 8460 §3, RFC 8689 §5
            builder.addRaw("TLS-Required", "No")
            parameters = [("report-type", "\"tlsrpt\"")]
        }
        builder.body = .multipart(
            subtype: kind == .tls ? "report" : "mixed", parameters: parameters,
            parts: [.text(explanation), .data(compressed, type: mediaType, filename: filename)])
        return builder.render()
    }

    private var explanation: String {
        let what =
            kind == .dmarc
            ? "what became of mail that names \(domain) as its author's domain (DMARC aggregate report)"
            : "how sessions with the mail servers of \(domain) fared with respect to TLS (SMTP TLS report)"
        return """
            This is a report of \(author.organization) on \(day) (UTC): \(what).

            It is sent because the domain asks for it in the DNS. The attached file is for programs.
            Questions: \(author.contact)

            """
    }
}
