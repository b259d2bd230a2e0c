import DNSClient
import DNSCore
import Directory
import MailAuth
import MailConfig
import MailMessage
import MailSyntax
import ReportInbox
import SQLEngine

// Reports of others on our domains.
extension Operations {
    /// Records and lines of one report that are shown.
    private static let mostRows = 100_000
    private static let mostLines = 10_000
    /// What is shown where no time is named.
    private static let days = 30

    func reportsDMARC(_ filter: ReportFilter) async throws -> DMARCOverview {
        let question = try question(filter)
        let store = stores.receivedReports
        let limit = max(1, min(filter.limit, Self.mostLines))
        let groups = try await store.senders(question, limit: limit)
        let (all, passed, sources) = try await store.messages(question)
        let names = filter.resolve ? try await names(of: groups.map(\.source)) : [:]
        return DMARCOverview(
            domain: question.domain, since: Self.day(question.since), until: Self.day(question.until), messages: all,
            passed: passed, failed: all - passed, sources: sources,
            senders: groups.map { DMARCOverview.Sender($0, name: names[$0.source]) },
            reporters: try await store.reporters(.dmarc, question, limit: limit).map(DMARCOverview.Reporter.init))
    }

    func reportsTLS(_ filter: ReportFilter) async throws -> TLSOverview {
        let question = try question(filter)
        let limit = max(1, min(filter.limit, Self.mostLines))
        let groups = try await stores.receivedReports.sessions(question, limit: Self.mostLines)
        let reporters = try await stores.receivedReports.reporters(.tls, question, limit: limit)
        return TLSOverview(
            domain: question.domain, since: Self.day(question.since), until: Self.day(question.until),
            successes: groups.reduce(0) { $0 + $1.passed }, failures: groups.reduce(0) { $0 + $1.failed },
            lines: groups.filter { $0.passed > 0 || $0.failed > 0 || $0.result.isEmpty }.prefix(limit).map {
                TLSOverview.Line($0, day: Self.day($0.day))
            },
            reporters: reporters.map(DMARCOverview.Reporter.init))
    }

    func reportsList(_ filter: ReportFilter) async throws -> [ReceivedReportSummary] {
        let limit = max(1, min(filter.limit, Self.mostLines))
        return try await stores.receivedReports.list(question(filter), limit: limit).map(Self.summary)
    }

    func reportsShow(_ id: Int64) async throws -> ReceivedReportDetail {
        guard let report = try await stores.receivedReports.report(id) else {
            throw AdminError(.noInput, "there is no report \(id)", remedy: "see: martlet reports list")
        }
        var detail = ReceivedReportDetail(
            report: Self.summary(report), email: report.email.nonEmpty, contact: report.contact.nonEmpty,
            policy: report.policy.nonEmpty, errors: report.errors.split(separator: "\n").map(String.init), records: [],
            sessions: [])
        if report.kind == ReportKind.dmarc.rawValue {
            detail.records = try await stores.receivedReports.records(id, limit: Self.mostRows).map {
                ReceivedReportDetail.Record($0)
            }
        } else {
            detail.sessions = try await stores.receivedReports.sessionLines(id, limit: Self.mostRows).map {
                ReceivedReportDetail.Sessions($0)
            }
        }
        return detail
    }

    // MARK: Import

    /// - Parameter content: Base64.
    func reportsImport(_ file: String, _ content: String) async throws -> [ReportImport] {
        guard let bytes = Base64.decode(content) else { throw AdminError(.data, "\(file) did not arrive whole") }
        let receiver = server?.reports ?? stores.reportReceiver(manifest)
        let origin = ReportOrigin(trust: .imported, receivedAt: SystemClock().now())
        let results: [Result<FiledReport, ReportError>]
        if Self.isMessage(bytes) {
            results = try await receiver.file(message: bytes, origin)
        } else {
            results = [try await receiver.file(bytes, origin)]
        }
        return results.map { ReportImport($0, file: file) }
    }

    /// Looks again at mail that is stored.
    func reportsReread(_ since: String) async throws -> AdminResponse {
        let receiver = server?.reports ?? stores.reportReceiver(manifest)
        let before = try await stores.receivedReports.count()
        try await receiver.lookAgain(since: try time(since))
        let added = try await stores.receivedReports.count() - before
        return .done(lines: ["mail since \(since) was read again: \(added) new reports"])
    }

    /// Neither an archive nor XML nor JSON: a header.
    private static func isMessage(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first(where: { $0 > 0x20 }) else { return false }
        let isLetter = (0x41...0x5A).contains(first) || (0x61...0x7A).contains(first)
        return isLetter && !bytes.starts(with: [0x50, 0x4B, 3, 4]) && !bytes.starts(with: [0x50, 0x4B, 5, 6])
    }

    // MARK: What operators type

    private func question(_ filter: ReportFilter) throws -> ReportQuestion {
        let now = SystemClock().now()
        let domain = try filter.domain.map { try parseDomain($0).ascii }
        let source = try filter.source.map { text in
            guard let address = IPAddress(text) else {
                throw AdminError(.data, "\"\(text)\" is not an IP address", remedy: "write it as 192.0.2.1")
            }
            return address.description
        }
        return ReportQuestion(
            domain: domain,
            since: try filter.since.map(time) ?? now.adding(.seconds(-Self.days * 86400)),
            until: try filter.until.map(time) ?? now.adding(.seconds(86400)), source: source,
            isFailing: filter.failing)
    }

    /// A day, an instant, or so long ago.
    private func time(_ text: String) throws -> Timestamp {
        if let unit = text.last, let number = Int64(text.dropLast()), number >= 0, number <= 100_000 {
            let seconds: [Character: Int64] = ["d": 86400, "h": 3600, "w": 7 * 86400]
            if let length = seconds[unit] { return SystemClock().now().adding(.seconds(-number * length)) }
        }
        if let time = EventTimeText.parse(text.contains("T") ? text : "\(text)T00:00Z") { return time }
        throw AdminError(
            .data, "\"\(text)\" is not a time", remedy: "write a day as 2026-11-20, or a time back from now as 7d")
    }

    static func day(_ time: Timestamp) -> String { String(InternetTimestamp.utc(time).prefix(10)) }

    /// The confirmed names of addresses, as far as they are known within a few seconds.
    private func names(of sources: [String]) async throws -> [String: String] {
        let found = try await DoctorResolver.open(nil, manifest.server.dns)
        defer { found.resolver.stop() }
        let resolver = PatientResolver(base: found.resolver, end: .now + .seconds(20))
        var names: [String: String] = [:]
        var seen: Set<String> = []
        let addresses = sources.filter { seen.insert($0).inserted }.prefix(200).compactMap { IPAddress($0) }
        await withTaskGroup(of: (IPAddress, DomainName?).self) { group in
            var rest = addresses[...]
            for address in rest.prefix(8) {
                group.addTask { (address, await ReverseCheck.check(address, resolver: resolver).name) }
            }
            rest = rest.dropFirst(8)
            while let (address, name) = await group.next() {
                if let name { names[address.description] = name.ascii }
                guard let next = rest.popFirst() else { continue }
                group.addTask { (next, await ReverseCheck.check(next, resolver: resolver).name) }
            }
        }
        return names
    }

    private static func summary(_ listing: ReportListing) -> ReceivedReportSummary {
        ReceivedReportSummary(
            id: listing.id, kind: listing.kind, domain: listing.domain, organization: listing.organization,
            reportID: listing.reportID, begin: time(listing.begin), end: time(listing.end), rows: listing.rows,
            passed: listing.passed, failed: listing.failed, receivedAt: time(listing.receivedAt),
            trust: listing.trust.word, sender: listing.sender.nonEmpty)
    }
}

extension Stores {
    /// Reports of others.
    var receivedReports: ReportStore { ReportStore(database: database) }

    /// What takes reports where no server runs.
    func reportReceiver(_ manifest: Manifest) -> ReportReceiver {
        let settings = ServerSettings.reportReceiver(manifest)
        return ReportReceiver(mail: mail, directory: directory, store: receivedReports, settings: { settings })
    }
}

extension ServerSettings {
    static func reportReceiver(_ manifest: Manifest) -> ReportReceiver.Settings {
        ReportReceiver.Settings(addresses: manifest.reports.addresses, host: manifest.server.hostname)
    }
}
