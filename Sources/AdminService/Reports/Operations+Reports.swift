import DNSClient
import Directory
import MailAuth
import MailConfig
import MailPolicy
import MailReports
import MailSyntax
import NIOPosix
import OutboundQueue
import SQLEngine

// Reports to other domains.
extension Operations {
    /// What is counted and what waits; with `all` what is done too.
    func reportsPending(all: Bool) async throws -> [ReportSummary] {
        let today = ReportDay(at: SystemClock().now())
        return try await stores.database.read { reader in
            let jobs = try ReportJobs.list(reader, since: ReportDay(number: today.number - 14))
            let planned = Set(jobs.map { "\($0.kind) \($0.day) \($0.domain)" })
            var list = jobs.filter { all || $0.state == .waiting }.map(ReportSummary.init)
            for day in [today.previous, today] {
                for (domain, messages) in try Verdicts.domains(reader, day) {
                    list.append(ReportSummary(counting: .dmarc, day, domain, count: messages))
                }
                for domain in try TLSResults.domains(reader, day: day.number) {
                    let sessions = try TLSResults.results(reader, day: day.number, domain: domain)
                        .reduce(0) { $0 + $1.sessions }
                    list.append(ReportSummary(counting: .tls, day, domain, count: sessions))
                }
            }
            return list.filter { $0.state != "counting" || !planned.contains("\($0.kind) \($0.day) \($0.domain)") }
        }
    }

    /// Sends what waits and fits, due or not; what was sent already isn't sent again.
    func reportsSend(_ selection: ReportSelection) async throws -> [ReportSummary] {
        let kinds = try reportKinds(selection.kinds)
        let domain = try selection.domain.map { try parseDomain($0).ascii }
        let days = try reportDays(selection)
        let resolver = try UnboundResolver(ServerSettings.resolver(manifest.server.dns))
        defer { resolver.stop() }
        let poster = HTTPSReportPoster(group: MultiThreadedEventLoopGroup.singleton, resolver: resolver)
        guard let hostname = DomainName(manifest.server.hostname) else {
            throw AdminError(.config, "server.hostname \"\(manifest.server.hostname)\" is not a host name")
        }
        let rules = rules
        let environment = ServerSettings.reports(
            stores, hostname: hostname, resolver: resolver, poster: poster, manifest: { [manifest] in manifest },
            rules: { rules })
        let sender = ReportSender(environment)
        if selection.isDryRun {
            return try await drafts(sender, kinds, domain, days)
        }
        let planner = ReportPlanner(environment)
        for day in days { try await planner.plan(day) }
        let first = days.min() ?? ReportDay(at: SystemClock().now())
        let jobs = try await stores.database.read { try ReportJobs.list($0, since: first) }
        var list: [ReportSummary] = []
        for job in jobs
        where kinds.contains(job.kind) && days.contains(job.day) && (domain == nil || domain == job.domain) {
            guard job.state == .waiting else {
                list.append(ReportSummary(job))
                continue
            }
            let outcome = try await sender.send(job)
            var summary = ReportSummary(job)
            (summary.state, summary.note, summary.due) = (outcome.result.word, outcome.note, nil)
            list.append(summary)
        }
        return list
    }

    private func drafts(
        _ sender: ReportSender, _ kinds: Set<ReportKind>, _ domain: String?, _ days: [ReportDay]
    ) async throws -> [ReportSummary] {
        var list: [ReportSummary] = []
        for day in days {
            for kind in ReportKind.allCases where kinds.contains(kind) {
                let domains = try await stores.database.read { reader in
                    kind == .dmarc
                        ? try Verdicts.domains(reader, day).map(\.domain)
                        : try TLSResults.domains(reader, day: day.number)
                }
                for found in domains where domain == nil || domain == found {
                    list.append(await draft(sender, kind, day, found))
                }
            }
        }
        return list
    }

    private func draft(
        _ sender: ReportSender, _ kind: ReportKind, _ day: ReportDay, _ domain: String
    ) async -> ReportSummary {
        var summary = ReportSummary(kind: kind.rawValue, day: day.description, domain: domain, state: "draft")
        do {
            guard let letter = try await sender.letter(kind, day, domain: domain) else {
                summary.note = "nobody asks for it"
                return summary
            }
            summary.count = letter.report.count
            summary.destinations = letter.destinations.accepted.map(\.text)
            summary.refused = letter.destinations.refused.map { "\($0.uri): \($0.reason)" }
            summary.document = String(decoding: letter.report.document, as: UTF8.self)
        } catch {
            summary.note = "\(error)"
        }
        return summary
    }

    private func reportKinds(_ words: [String]) throws -> Set<ReportKind> {
        let kinds = try words.map { word in
            guard let kind = ReportKind(rawValue: word) else {
                throw AdminError(.data, "\"\(word)\" is no kind of report", remedy: "there are dmarc and tls")
            }
            return kind
        }
        return kinds.isEmpty ? Set(ReportKind.allCases) : Set(kinds)
    }

    private func reportDays(_ selection: ReportSelection) throws -> [ReportDay] {
        let today = ReportDay(at: SystemClock().now())
        guard let text = selection.day else {
            return selection.isDryRun
                ? [today.previous, today] : [today.previous.previous, today.previous]
        }
        guard let day = ReportDay(text) else {
            throw AdminError(.data, "\"\(text)\" is not a day", remedy: "write it as \(today.previous)")
        }
        guard day < today || selection.isDryRun else {
            throw AdminError(
                .data, "\(day) is not over: its report would not be whole",
                remedy: "look at what it would say with --dry-run")
        }
        return [day]
    }
}

extension ReportSummary {
    fileprivate init(_ job: ReportJob) {
        self.init(kind: job.kind.rawValue, day: job.day.description, domain: job.domain, state: job.state.word)
        if job.state == .waiting { due = InternetTimestamp.utc(job.dueAt) }
        note = job.note.isEmpty ? nil : job.note
    }

    fileprivate init(counting kind: ReportKind, _ day: ReportDay, _ domain: String, count: Int) {
        self.init(kind: kind.rawValue, day: day.description, domain: domain, state: "counting")
        self.count = count
    }
}

extension ReportJob.State {
    fileprivate var word: String {
        switch self {
        case .waiting: "waiting"
        case .sent: "sent"
        case .dropped: "dropped"
        }
    }
}
