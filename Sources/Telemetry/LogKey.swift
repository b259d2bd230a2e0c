/// The names of log metadata, dotted from the general to the particular.
///
/// They are plain strings so that they can stand as keys of `Logger.Metadata`; nothing else is ever used as a key.
package enum LogKey {
    /// The subsystem that speaks, such as `smtp` or `queue`.
    package static let component = "component"

    // Connections and sessions
    package static let listener = "net.listener"
    package static let connection = "net.connection"
    package static let remoteAddress = "net.remote.address"
    package static let remotePort = "net.remote.port"
    package static let localAddress = "net.local.address"
    package static let localPort = "net.local.port"
    package static let tlsVersion = "tls.version"
    package static let tlsCipher = "tls.cipher"
    package static let tlsName = "tls.name"
    package static let tlsFile = "tls.file"
    package static let smtpSession = "smtp.session"
    package static let smtpCommand = "smtp.command"
    package static let smtpReply = "smtp.reply"
    package static let smtpHelo = "smtp.helo"
    package static let imapSession = "imap.session"
    package static let imapCommand = "imap.command"
    package static let imapMailbox = "imap.mailbox"
    package static let imapID = "imap.id"
    package static let imapClient = "imap.client"
    package static let pop3Session = "pop3.session"
    package static let pop3Command = "pop3.command"

    // Mail
    package static let mailID = "mail.id"
    package static let mailFrom = "mail.from"
    package static let mailTo = "mail.to"
    package static let mailSize = "mail.size"
    package static let mailRecipients = "mail.recipients"
    package static let mailOrigin = "mail.origin"

    // Accounts
    package static let login = "auth.login"
    package static let mechanism = "auth.mechanism"
    package static let outcome = "auth.outcome"
    package static let account = "account.address"
    package static let accountID = "account.id"

    // The queue and the way out
    package static let queueID = "queue.id"
    package static let queueAttempts = "queue.attempts"
    package static let queueNextAttempt = "queue.next"
    package static let queueCount = "queue.count"
    package static let destination = "delivery.destination"
    package static let host = "delivery.host"
    package static let route = "delivery.route"
    package static let milter = "milter.name"
    package static let dkimDomain = "dkim.domain"
    package static let dkimSelector = "dkim.selector"

    // Names and stores
    package static let dnsName = "dns.name"
    package static let dnsType = "dns.type"
    package static let databaseFile = "store.database"
    package static let blob = "store.blob"
    package static let mailbox = "store.mailbox"
    package static let path = "store.path"

    // Reports of others
    package static let reportKind = "report.kind"
    package static let reportID = "report.id"
    package static let reportDomain = "report.domain"
    package static let reportOrganization = "report.organization"
    package static let reportSender = "report.sender"
    package static let reportTrust = "report.trust"

    // The process
    package static let configFile = "config.file"
    package static let configSetting = "config.setting"
    package static let revision = "config.revision"
    package static let version = "server.version"
    package static let hostname = "server.hostname"
    package static let processID = "server.pid"
    package static let signal = "server.signal"
    package static let listeners = "server.listeners"
    package static let operation = "admin.operation"

    // Outcomes of anything
    package static let error = "error"
    package static let errorID = "error.id"
    package static let reason = "reason"
    package static let remedy = "remedy"
    package static let duration = "duration.ms"
    package static let count = "count"
}
