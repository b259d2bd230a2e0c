import Blobs
package import DNSCore
package import Directory
package import MailAuth
package import MailIntake
import MailMessage
package import MailPolicy
package import MailSyntax
import OutboundQueue
package import SQLEngine

/// Composes reports and sends them.
package struct ReportSender: Sendable {
    /// Says what an address means here, with aliases.
    package typealias Judge = @Sendable (EmailAddress) async throws -> RecipientDecision

    /// What a sender uses.
    package struct Environment: Sendable {
        package var database: any Database
        package var intake: MailIntake
        package var ids: IDGenerator
        package var resolver: any DNSResolver
        /// Takes what goes over HTTPS; nil: nothing does.
        package var poster: (any ReportPoster)?
        package var directory: @Sendable () -> DirectorySnapshot
        package var judge: Judge
        package var settings: @Sendable () -> ReportSettings
        package var clock: any WallClock = SystemClock()

        package init(
            database: any Database, intake: MailIntake, ids: IDGenerator, resolver: any DNSResolver,
            poster: (any ReportPoster)?, directory: @escaping @Sendable () -> DirectorySnapshot,
            judge: @escaping Judge, settings: @escaping @Sendable () -> ReportSettings
        ) {
            self.database = database
            self.intake = intake
            self.ids = ids
            self.resolver = resolver
            self.poster = poster
            self.directory = directory
            self.judge = judge
            self.settings = settings
        }
    }

    /// A report with the places that it goes to.
    package struct Letter: Sendable {
        package var report: ComposedReport
        package var destinations: ReportDestinations
    }

    let environment: Environment

    package init(_ environment: Environment) {
        self.environment = environment
    }

    // MARK: Composing

    package var author: ReportAuthor {
        let directory = environment.directory()
        return ReportAuthor(environment.settings()) { !directory.signingKeys($0).isEmpty }
    }

    /// The report on a domain and day; nil where there is nothing to tell, or nobody who asks.
    /// - Throws: `DNSFailure` for a temporary one, `DatabaseError`.
    package func letter(_ kind: ReportKind, _ day: ReportDay, domain: String) async throws -> Letter? {
        switch kind {
        case .dmarc: try await dmarcLetter(day, domain)
        case .tls: try await tlsLetter(day, domain)
        }
    }

    private func dmarcLetter(_ day: ReportDay, _ domain: String) async throws -> Letter? {
        let (policy, records) = try await environment.database.read { reader in
            (
                try Verdicts.policy(reader, day, domain: domain), try Verdicts.records(reader, day, domain: domain)
            )
        }
        guard let policy, !records.isEmpty else { return nil }
        let report = try ComposedReport(
            dmarc: records, policy, day, domain: domain, author: author, settings: environment.settings())
        let destinations = await ReportDestinations(policy, resolver: environment.resolver)
        return fitting(Letter(report: report, destinations: destinations))
    }

    private func tlsLetter(_ day: ReportDay, _ domain: String) async throws -> Letter? {
        let results = try await environment.database.read { reader in
            try TLSResults.results(reader, day: day.number, domain: domain)
        }
        guard !results.isEmpty,
            let record = try await TLSRPTRecord.find(domain, resolver: environment.resolver)
        else { return nil }
        let report = try ComposedReport(
            tls: results, day, domain: domain, author: author, settings: environment.settings())
        return fitting(Letter(report: report, destinations: ReportDestinations(record)))
    }

    /// Without the places that it is too large for. // RFC 7489 §7.2.1
    private func fitting(_ given: Letter) -> Letter {
        var letter = given
        let maximum = environment.settings().maximumSize
        let size = letter.report.transportedSize
        letter.destinations.accepted.removeAll { destination in
            var limit = maximum
            if case .mail(_, let theirs?) = destination { limit = min(limit, theirs) }
            guard size > limit else { return false }
            letter.destinations.refused.append(
                RefusedDestination(destination.text, "the report has \(size) octets, more than \(limit)"))
            return true
        }
        return letter
    }

    // MARK: Sending

    /// Sends what a job is about, and ends it in the same write that queues the mail: after a crash it is either both or
    /// neither.
    ///
    /// A report that goes over HTTPS is not in our hands: it may come twice, with the same name, where a crash is between
    /// the answer and the write.
    package func send(_ job: ReportJob) async throws -> ReportOutcome {
        guard environment.settings().kinds.contains(job.kind) else {
            return try await end(job, .dropped, "reports.\(job.kind.rawValue) is off")
        }
        let letter: Letter
        do {
            guard let found = try await self.letter(job.kind, job.day, domain: job.domain) else {
                return try await end(job, .dropped, "nobody asks for it")
            }
            letter = found
        } catch let failure as DNSFailure {
            return try await putOff(job, "the DNS: \(failure)")
        }
        return try await send(letter, job)
    }

    private func send(_ letter: Letter, _ job: ReportJob) async throws -> ReportOutcome {
        let refused = letter.destinations.refused
        if job.attempts < 3, let open = refused.first(where: \.isTemporary) {
            return try await putOff(job, "\(open.uri): \(open.reason)")
        }
        guard !letter.destinations.accepted.isEmpty else {
            return try await end(job, .dropped, refused.map { "\($0.uri): \($0.reason)" }.joined(separator: "; "))
        }
        var told: [String] = []
        var failures = refused.map { "\($0.uri): \($0.reason)" }
        var addresses: [EmailAddress] = []
        for destination in letter.destinations.accepted {
            switch destination {
            case .mail(let address, _): addresses.append(address)
            case .https(let url):
                do throws(ReportPostError) {
                    guard let poster = environment.poster else { throw ReportPostError("nothing is posted") }
                    try await poster.post(letter.report.compressed, type: letter.report.mediaType, to: url)
                    told.append(url)
                } catch {
                    failures.append("\(url): \(error)")
                }
            }
        }
        return try await finish(letter.report, job, addresses, told, failures)
    }

    /// Queues the mail.
    private func finish(
        _ report: ComposedReport, _ job: ReportJob, _ addresses: [EmailAddress], _ posted: [String],
        _ failed: [String]
    ) async throws -> ReportOutcome {
        var told = posted
        var failures = failed
        var part: CommitPart?
        if !addresses.isEmpty {
            if let signer = report.author.signer {
                part = try await mail(report, addresses, signer, &told, &failures)
            } else {
                failures.append("there is no key for \(report.author.from.hostText): reports must be signed")
            }
        }
        let why = failures.isEmpty ? "" : "; not to " + failures.joined(separator: ", not to ")
        guard !told.isEmpty else { return try await putOff(job, failures.joined(separator: "; ")) }
        let note = "\(report.count) counted, to \(told.joined(separator: ", "))\(why)"
        let announce: (@Sendable () -> Void)?
        do {
            announce = try await environment.database.write(files: part?.files ?? []) { [part] writer in
                guard try ReportJobs.end(writer, job, .sent, note) else { throw ReportAlreadyEnded() }
                return try part?.write(writer)
            }
        } catch is ReportAlreadyEnded {
            return ReportOutcome(job: job, result: .sent, note: "somebody else was faster")
        }
        announce?()
        return ReportOutcome(job: job, result: .sent, note: note)
    }

    /// The message to all addresses that somebody reads.
    ///
    /// Its reverse-path is null: nobody here waits for what becomes of it, and a bounce would be one more message a day
    /// for a record that its owner has forgotten.
    private func mail(
        _ report: ComposedReport, _ addresses: [EmailAddress], _ signer: DomainName, _ told: inout [String],
        _ failures: inout [String]
    ) async throws -> CommitPart? {
        var local: [LocalDelivery] = []
        var remote: [NewQueueRecipient] = []
        for address in addresses {
            switch try await environment.judge(address) {
            case .accept(let admitted):
                local += admitted.local.map {
                    LocalDelivery(account: AccountID(rawValue: $0.account), recipient: address, tag: $0.tag)
                }
                remote += admitted.remote.map { NewQueueRecipient(address: $0) }
                told.append("mailto:\(address)")
            case .reject(let reply): failures.append("\(address): \(reply.text)")
            }
        }
        guard !(local.isEmpty && remote.isEmpty) else { return nil }
        let id = environment.ids.next()
        let bytes = report.message(to: addresses, id: id, date: environment.clock.now())
        var scanner = MessageScanner()
        scanner.consume(bytes)
        var acceptance = Acceptance(
            id: id, reversePath: .null, content: .bytes(bytes), index: scanner.finish(), local: local,
            remote: remote, origin: .internal, smtpUTF8: addresses.contains(where: \.needsSMTPUTF8),
            signFor: EmailAddress(localPart: report.author.from.localPart, domain: signer))
        acceptance.lane = .bulk
        // What the report is about must not keep it from arriving. // RFC 8460 §3
        if report.kind == .tls { acceptance.tlsDemand = .optional }
        return try await environment.intake.part(accepting: acceptance) { _ in }
    }

    // MARK: Not sending

    /// RFC 8460 §5.5: for a day, each time twice as long after the last.
    func putOff(_ job: ReportJob, _ reason: String) async throws -> ReportOutcome {
        let wait = 900 << Int64(min(job.attempts, 5))
        guard job.attempts < 7 else { return try await end(job, .dropped, reason) }
        let next = environment.clock.now().adding(.seconds(wait))
        try await environment.database.write { try ReportJobs.postpone($0, job, until: next, reason) }
        return ReportOutcome(job: job, result: .waiting, note: reason)
    }

    private func end(_ job: ReportJob, _ state: ReportJob.State, _ note: String) async throws -> ReportOutcome {
        _ = try await environment.database.write { try ReportJobs.end($0, job, state, note) }
        return ReportOutcome(job: job, result: state, note: note)
    }
}

/// What became of a job.
package struct ReportOutcome: Sendable, Hashable {
    package var job: ReportJob
    /// `waiting`: it is tried again.
    package var result: ReportJob.State
    package var note: String
}

/// Somebody else was faster; nothing was queued.
private struct ReportAlreadyEnded: Error {}
