package import Directory
package import MailSyntax

/// Mail of another account that comes here again and again.
package struct FetchJob: Sendable, Equatable {
    package enum Way: String, Sendable, Codable {
        case imap
        case pop3
    }

    package var id: Int64 = 0
    package var name: String
    package var account: AccountID
    /// Where it goes: levels separated by `/`.
    package var mailbox: String
    package var way: Way
    package var remote: RemoteHost
    package var login: String
    /// The file whose first line is the password.
    package var secretFile: String?
    /// The route whose OAuth2 login is used instead.
    package var tokenRoute: String?
    /// The mailbox there; IMAP only.
    package var folder: String
    /// What was fetched stays there.
    package var keeps: Bool
    /// Between two runs.
    package var interval: Duration
    /// Waits for news on an open connection. RFC 2177
    package var idles: Bool
    package var isPaused = false
    /// The next run takes what is there for fetched.
    package var skips = false
    package var lastRun: Timestamp?
    package var lastSuccess: Timestamp?
    package var nextRun = Timestamp(microseconds: 0)
    package var failures = 0
    package var error: String?
    package var remedy: String?
    package var messages = 0
    package var octets: Int64 = 0

    package init(
        name: String, account: AccountID, mailbox: String, way: Way, remote: RemoteHost, login: String,
        secretFile: String?, tokenRoute: String?, folder: String, keeps: Bool, interval: Duration, idles: Bool,
        skips: Bool = false
    ) {
        self.name = name
        self.account = account
        self.mailbox = mailbox
        self.way = way
        self.remote = remote
        self.login = login
        self.secretFile = secretFile
        self.tokenRoute = tokenRoute
        self.folder = folder
        self.keeps = keeps
        self.interval = interval
        self.idles = idles
        self.skips = skips
    }
}

/// When a job runs again.
package enum FetchSchedule {
    private static let longest = Duration.seconds(3600)

    /// After a success the interval; after failures twice as long each time, up to an hour or the interval.
    ///
    /// - Parameter jitter: 0 up to 1, so that jobs do not go in step.
    package static func next(after now: Timestamp, interval: Duration, failures: Int, jitter: Double) -> Timestamp {
        guard failures > 0 else { return now.adding(interval) }
        let base = Duration.seconds(30) * (1 << min(failures - 1, 10))
        let wait = max(min(base, max(longest, interval)), min(interval, longest))
        return now.adding(wait + wait * (jitter * 0.1))
    }
}
