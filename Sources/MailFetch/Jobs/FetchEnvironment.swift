package import Logging
package import MailIntake
package import MailStore
package import MailSyntax
package import SQLEngine
import Synchronization
package import Telemetry

/// What fetching works with.
package struct FetchEnvironment: Sendable {
    let database: any Database
    let store: FetchStore
    let mail: MailStore
    let intake: MailIntake
    let ids: IDGenerator
    let connector: RemoteConnector
    let hostname: DomainName
    /// Password or token of a job; throws `RemoteFailure`.
    let login: @Sendable (FetchJob) async throws -> RemoteLogin
    /// Told where a server refuses a token, and what it said; ``login`` should not give the same one again.
    let refused: @Sendable (FetchJob, RemoteLogin, String) async -> Void
    /// Octets of a message that is taken.
    let messageSize: @Sendable () -> Int?
    let events: any MailEventSink
    let logger: Logger
    let clock: any WallClock

    package init(
        database: any Database, mail: MailStore, intake: MailIntake, ids: IDGenerator, connector: RemoteConnector,
        hostname: DomainName, login: @escaping @Sendable (FetchJob) async throws -> RemoteLogin,
        refused: @escaping @Sendable (FetchJob, RemoteLogin, String) async -> Void,
        messageSize: @escaping @Sendable () -> Int?, events: any MailEventSink, logger: Logger,
        clock: any WallClock = SystemClock()
    ) {
        self.database = database
        store = FetchStore(database: database)
        self.mail = mail
        self.intake = intake
        self.ids = ids
        self.connector = connector
        self.hostname = hostname
        self.login = login
        self.refused = refused
        self.messageSize = messageSize
        self.events = events
        self.logger = logger
        self.clock = clock
    }
}

/// Ends the waiting of jobs that wait for news.
final class FetchWakers: Sendable {
    private let wakers = Mutex<[Int64: @Sendable () -> Void]>([:])

    func set(_ job: Int64, _ wake: (@Sendable () -> Void)?) {
        wakers.withLock { $0[job] = wake }
    }

    func wakeAll() {
        for wake in wakers.withLock({ Array($0.values) }) { wake() }
    }
}
