import MailSyntax
import OutboundQueue
import SQLEngine
import Synchronization

/// Says which reports are to be sent, and when.
package final class ReportPlanner: Sendable {
    /// From the end of a day until it is planned: what was counted in its last minute has been written then.
    static let settling = Duration.seconds(180)
    /// Reports leave spread over this time, so that nobody gets all the world's at midnight. // RFC 8460 §4.1
    static let window = 4 * 3600
    /// Days back that are made up for, where the server did not run.
    static let daysBack = 2
    /// Counts are kept this many days, jobs that many.
    static let keptDays = 4
    static let keptJobDays = 14

    private let environment: ReportSender.Environment
    private let offset: @Sendable () -> Int
    private let planned = Mutex<ReportDay?>(nil)

    /// - Parameter offset: seconds below `window`, another each time.
    package init(
        _ environment: ReportSender.Environment,
        offset: @escaping @Sendable () -> Int = { Int.random(in: 0..<ReportPlanner.window) }
    ) {
        self.environment = environment
        self.offset = offset
    }

    /// Plans the days that are over; each once, then nothing is asked until the next is.
    package func plan() async throws {
        let now = environment.clock.now()
        let last = ReportDay(at: now.adding(.zero - Self.settling)).previous
        guard planned.withLock({ $0 }) != last else { return }
        for back in (0..<Self.daysBack).reversed() {
            try await plan(ReportDay(number: last.number - back))
        }
        try await environment.database.write(.bulk) { writer in
            try Verdicts.purge(writer, before: ReportDay(number: last.number - Self.keptDays))
            try ReportJobs.purge(writer, before: ReportDay(number: last.number - Self.keptJobDays))
        }
        planned.withLock { $0 = last }
    }

    /// Adds the jobs of a day that is over and are not there yet.
    package func plan(_ day: ReportDay) async throws {
        let settings = environment.settings()
        let start = day.next.begin.adding(settings.delay)
        let jobs = try await environment.database.read { reader in
            var jobs: [ReportJob] = []
            if settings.kinds.contains(.dmarc) {
                jobs += try Verdicts.domains(reader, day).map {
                    ReportJob(.dmarc, day, domain: $0.domain, dueAt: start)
                }
            }
            if settings.kinds.contains(.tls) {
                jobs += try TLSResults.domains(reader, day: day.number).map {
                    ReportJob(.tls, day, domain: $0, dueAt: start)
                }
            }
            return jobs
        }
        let spread = jobs.map { job in
            var job = job
            job.dueAt = start.adding(.seconds(offset()))
            return job
        }
        guard !spread.isEmpty else { return }
        try await environment.database.write(.bulk) { try ReportJobs.plan($0, spread) }
    }
}
