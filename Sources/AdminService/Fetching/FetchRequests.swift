/// What an operator asks of the mail that is fetched from elsewhere.
package enum FetchRequest: Codable, Sendable, Equatable {
    case add(FetchJobDefinition)
    case list
    case remove(name: String)
    /// `again`: what was fetched before comes once more. `skipping`: what is there counts as fetched.
    case run(name: String, again: Bool, skipping: Bool)
    case pause(name: String, paused: Bool)
}

/// A job as an operator describes it.
package struct FetchJobDefinition: Codable, Sendable, Equatable {
    package var name: String
    /// Whose mail it becomes.
    package var account: String
    package var mailbox: String
    /// `imap` or `pop3`.
    package var way: String
    package var host: String
    /// nil: that of the protocol.
    package var port: Int?
    /// `tls`, `starttls` or `none`.
    package var security: String
    package var insecure: Bool
    package var authorities: String?
    package var user: String
    package var passwordFile: String?
    /// The route whose OAuth2 login is used instead of a password.
    package var oauth2Route: String?
    package var folder: String
    package var keep: Bool
    /// Seconds.
    package var every: Int
    package var idle: Bool
    /// What is there already stays there.
    package var onlyNew: Bool

    package init(
        name: String, account: String, mailbox: String, way: String, host: String, port: Int?, security: String,
        insecure: Bool, authorities: String?, user: String, passwordFile: String?, oauth2Route: String?,
        folder: String, keep: Bool, every: Int, idle: Bool, onlyNew: Bool
    ) {
        self.name = name
        self.account = account
        self.mailbox = mailbox
        self.way = way
        self.host = host
        self.port = port
        self.security = security
        self.insecure = insecure
        self.authorities = authorities
        self.user = user
        self.passwordFile = passwordFile
        self.oauth2Route = oauth2Route
        self.folder = folder
        self.keep = keep
        self.every = every
        self.idle = idle
        self.onlyNew = onlyNew
    }
}

/// A job and how it fares.
package struct FetchJobSummary: Codable, Sendable, Equatable {
    package var name: String
    package var account: String
    package var mailbox: String
    package var from: String
    package var user: String
    package var security: String
    package var keep: Bool
    package var idle: Bool
    package var everySeconds: Int
    /// `ok`, `failing`, `paused`, `new`.
    package var state: String
    package var lastRun: String?
    package var lastSuccess: String?
    package var nextRun: String?
    package var messages: Int
    package var octets: Int
    package var failures: Int
    package var error: String?
    package var remedy: String?

    static func text(_ list: [FetchJobSummary]) -> String {
        guard !list.isEmpty else { return "No mail is fetched from elsewhere.\n" }
        var table = TextTable(["NAME", "FROM", "TO", "STATE", "LAST RUN", "NEXT RUN", "MESSAGES"])
        for job in list {
            table.add([
                job.name, "\(job.user) at \(job.from)", "\(job.account) \(job.mailbox)", job.state,
                job.lastRun ?? "never", job.nextRun ?? "", "\(job.messages)",
            ])
        }
        var text = table.text
        for job in list {
            guard let error = job.error else { continue }
            text += "\n\(job.name): \(TextTable.clean(error))\n"
            if let remedy = job.remedy { text += "  \(TextTable.clean(remedy))\n" }
        }
        return text
    }
}
