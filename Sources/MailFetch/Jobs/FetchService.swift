import Logging
import MailSyntax
import NetTransport
import SQLEngine
import ServiceLifecycle
import Synchronization
import Telemetry

/// Runs the jobs: on their schedule, or while they wait for news on a connection of their own.
package struct FetchService: Service {
    package let environment: FetchEnvironment
    private let wakers = FetchWakers()
    private let running = RunningJobs()
    private let waker: AsyncStream<Void>.Continuation
    private let wakes: AsyncStream<Void>

    /// Jobs at a time.
    private static let limit = 64
    private static let tick = Duration.seconds(1)
    /// After that the list is read again in any case.
    private static let longestWait = Duration.seconds(60)
    /// RFC 2177 §3: servers may log out who is silent for half an hour.
    private static let longestIdle = Duration.seconds(25 * 60)

    package init(environment: FetchEnvironment) {
        self.environment = environment
        (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The list of jobs has changed.
    package func changed() {
        waker.yield()
        wakers.wakeAll()
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    while !Task.isCancelled {
                        try? await Task.sleep(for: Self.tick)
                        if environment.clock.now() >= running.nextDue { waker.yield() }
                    }
                }
                waker.yield()
                for await _ in wakes { await startDue(&group) }
                group.cancelAll()
            }
        }
    }

    private func startDue(_ group: inout DiscardingTaskGroup) async {
        do {
            let now = environment.clock.now()
            var next = now.adding(Self.longestWait)
            for job in try await environment.store.jobs() where !job.isPaused {
                guard job.nextRun <= now else {
                    next = min(next, job.nextRun)
                    continue
                }
                guard running.begin(job.id, limit: Self.limit) else { continue }
                group.addTask {
                    await perform(job)
                    running.end(job.id)
                    waker.yield()
                }
            }
            running.nextDue = next
        } catch is CancellationError {
            return
        } catch {
            environment.logger.error(
                "the list of mail to fetch can't be read",
                metadata: [LogKey.error: "\(error)", LogKey.remedy: "it is tried again by itself"])
        }
    }

    private func perform(_ job: FetchJob) async {
        do {
            let login = try await environment.login(job)
            do {
                try await run(job, login)
            } catch let failure as RemoteFailure where failure.kind == .login && login.isToken {
                // A token may be withdrawn before its time: once more with a new one.
                await environment.refused(job, login, failure.text)
                try await run(job, try await environment.login(job))
            }
        } catch {
            guard !Task.isCancelled, !(error is CancellationError) else { return }
            await failed(job, Self.failure(error))
        }
    }

    private func run(_ job: FetchJob, _ login: RemoteLogin) async throws {
        switch job.way {
        case .pop3: try await pop3(job, login)
        case .imap: try await imap(job, login)
        }
    }

    private static func failure(_ error: any Error) -> RemoteFailure {
        (error as? FetchObstacle)?.failure ?? (error as? RemoteFailure)
            ?? RemoteFailure(.local, "the message can't be kept: \(PeerText.clean("\(error)", limit: 200))")
    }

    private func pop3(_ job: FetchJob, _ login: RemoteLogin) async throws {
        let run = FetchRun(job: job, environment: environment)
        let (count, remark, obstacle) = try await environment.connector.with(job.remote) { connection in
            let client = connection.info.remote
            let wire = try await environment.connector.wire(connection, job.remote)
            var mailbox = POP3Mailbox(session: RemotePOP3(wire, remote: job.remote))
            try await mailbox.session.open(login, connector: environment.connector)
            do {
                let (count, remark) = try await run.take(try await mailbox.list(), from: &mailbox, client: client)
                // What was marked goes with QUIT only. // RFC 1939 §6
                try await mailbox.session.quit()
                return (count, remark, FetchObstacle?.none)
            } catch let obstacle as FetchObstacle {
                try await mailbox.session.quit()
                return (obstacle.count, nil, obstacle)
            }
        }
        if let obstacle { throw obstacle }
        await succeeded(job, count, remark)
    }

    private func imap(_ job: FetchJob, _ login: RemoteLogin) async throws {
        try await environment.connector.with(job.remote) { connection in
            let client = connection.info.remote
            let wire = try await environment.connector.wire(connection, job.remote)
            wakers.set(job.id) { connection.wake() }
            defer { wakers.set(job.id, nil) }
            var session = RemoteIMAP(wire, remote: job.remote)
            try await session.open(login, connector: environment.connector)
            let selection = try await session.select(job.folder, readOnly: job.keeps)
            guard let validity = selection.uidValidity else {
                throw RemoteFailure(.malformed, "\(job.remote.shown) tells no UIDVALIDITY of \(job.folder)")
            }
            var mailbox = IMAPMailbox(session: session, uidValidity: validity)
            var current = job
            while true {
                let run = FetchRun(job: current, environment: environment)
                let (count, remark) = try await run.take(try await mailbox.list(), from: &mailbox, client: client)
                await succeeded(current, count, remark)
                guard job.idles, mailbox.session.capabilities.contains("IDLE") else { break }
                try await mailbox.idle(min(Self.longestIdle, max(job.interval, .seconds(60))))
                // What an operator has changed meanwhile
                guard let now = try await environment.store.job(job.name), now.id == job.id, !now.isPaused else {
                    break
                }
                current = now
            }
            await mailbox.session.logOut()
        }
    }

    private func succeeded(_ job: FetchJob, _ count: Int, _ remark: RemoteFailure?) async {
        let now = environment.clock.now()
        let next = FetchSchedule.next(after: now, interval: job.interval, failures: 0, jitter: 0)
        do {
            try await environment.store.succeeded(job, remark, at: now, next: next)
        } catch {
            environment.logger.warning("a run can't be noted", metadata: [LogKey.error: "\(error)"])
        }
        guard count > 0 else { return }
        environment.logger.info(
            "mail was fetched",
            metadata: [
                LogKey.operation: "\(job.name)", LogKey.host: "\(job.remote.shown)", LogKey.login: "\(job.login)",
                LogKey.count: "\(count)",
            ])
    }

    private func failed(_ job: FetchJob, _ failure: RemoteFailure) async {
        let now = environment.clock.now()
        let next = FetchSchedule.next(
            after: now, interval: job.interval, failures: job.failures + 1, jitter: Double.random(in: 0..<1))
        environment.logger.warning(
            "mail could not be fetched",
            metadata: [
                LogKey.operation: "\(job.name)", LogKey.host: "\(job.remote.shown)", LogKey.login: "\(job.login)",
                LogKey.reason: "\(failure.text)", LogKey.remedy: "\(failure.remedy)",
            ])
        do {
            try await environment.store.failed(job, failure, at: now, next: next)
        } catch {
            environment.logger.warning("a run can't be noted", metadata: [LogKey.error: "\(error)"])
        }
    }
}

/// Jobs that are at work.
private final class RunningJobs: Sendable {
    private let ids = Mutex<Set<Int64>>([])
    private let due = Mutex(Timestamp(microseconds: 0))

    /// When the next job is due.
    var nextDue: Timestamp {
        get { due.withLock { $0 } }
        set { due.withLock { $0 = newValue } }
    }

    /// False for one that runs already, and where there are too many.
    func begin(_ id: Int64, limit: Int) -> Bool {
        ids.withLock { $0.count < limit && $0.insert(id).inserted }
    }

    func end(_ id: Int64) {
        _ = ids.withLock { $0.remove(id) }
    }
}
