package import Directory
package import MailDoctor
package import OAuthClient

/// The answer to an `AdminRequest`.
package enum AdminResponse: Codable, Sendable, Equatable {
    /// It is done; each line says what, for a person.
    case done(lines: [String])
    case failed(AdminError)
    case status(ServerStatus)
    case explanation(Explanation)
    case accounts([AccountSummary])
    case aliases([AliasSummary])
    case domains([DomainSummary])
    case keys(DKIMKeyList)
    case rotation(KeyRotationReport)
    case key(DKIMKeyText)
    case zone(ZoneText)
    case dnsReport(DoctorReport)
    case queue([QueueSummary])
    case queueEntry(QueueDetail)
    case queueSummary([DeferralSummary])
    case queueRules([QueueRuleSummary])
    case message(text: String)
    case traces([MessageTrace])
    case bans([BanSummary])
    case dmarcReports(DMARCOverview)
    case tlsReports(TLSOverview)
    case receivedReports([ReceivedReportSummary])
    case receivedReport(ReceivedReportDetail)
    case reportImports([ReportImport])
    case selfTest(SelfTestTicket)
    case loginPrompt(LoginPrompt)
    case routes([RouteSummary])
    /// Nobody has logged in yet; `slowDown`: ask less often from now on.
    case loginPending(slowDown: Bool)
    case routeTest(RouteTestReport)
    case reports([ReportSummary])
    case moving(MovingAnswer)
    case reindex(ReindexAnswer)
    case fetchJobs([FetchJobSummary])
    case mailboxes(MailboxAnswer)
}

/// A client or network that is kept out.
package struct BanSummary: Codable, Sendable, Equatable {
    package var network: String
    package var since: String
    /// nil: until it is removed.
    package var until: String?
    package var reason: String
    /// How many times in a row.
    package var count: Int
    /// By an operator.
    package var isManual: Bool
}

/// A running server in a few words.
package struct ServerStatus: Codable, Sendable, Equatable {
    package var version: String
    package var hostname: String
    package var processID: Int
    package var uptimeSeconds: Int
    package var listeners: [ListenerStatus]

    package init(
        version: String,
        hostname: String,
        processID: Int,
        uptimeSeconds: Int,
        listeners: [ListenerStatus]
    ) {
        self.version = version
        self.hostname = hostname
        self.processID = processID
        self.uptimeSeconds = uptimeSeconds
        self.listeners = listeners
    }
}

/// A listening socket as it is bound.
package struct ListenerStatus: Codable, Sendable, Equatable {
    /// The name of the listener, such as `submission`.
    package var name: String
    /// What is spoken: `mx`, `submission`, `submissions`, `imap`, `imaps`, `pop3`, `pop3s`, `lmtp`, `device`.
    package var kind: String
    /// An IP address, or the path of a socket.
    package var address: String
    /// 0 for a socket.
    package var port: Int

    package init(name: String, kind: String, address: String, port: Int) {
        self.name = name
        self.kind = kind
        self.address = address
        self.port = port
    }

    /// `address:port`, with brackets around an IPv6 address.
    package var endpoint: String {
        if address.hasPrefix("/") { return address }
        return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}

package struct AccountSummary: Codable, Sendable, Equatable {
    package var address: String
    package var name: String?
    package var enabled: Bool
    /// Octets; nil is unlimited.
    package var quota: Int?
    /// Octets in use.
    package var used: Int
    package var messages: Int
    /// What it may send as beside its own addresses, by name; not what it may as a member of an alias.
    package var senders: [String]
}

package struct AliasSummary: Codable, Sendable, Equatable {
    package var address: String
    package var targets: [String]
    /// Who may send as it though others get its mail: `members`, accounts.
    package var senders: [String]
}

package struct DomainSummary: Codable, Sendable, Equatable {
    package var name: String
    package var kind: DomainKind
    /// The name in Unicode, when it differs.
    package var unicode: String?
    package var accounts: Int
    package var aliases: Int
    package var selectors: [String]
}

package struct DKIMKeySummary: Codable, Sendable, Equatable {
    package var domain: String
    package var selector: String
    /// `rsa-sha256` or `ed25519-sha256`.
    package var algorithm: String
    /// The owner name of the record, with a final dot.
    package var recordName: String
    /// The record's text, not split.
    package var recordText: String
    /// Whether new mail is signed with it.
    package var active: Bool
    package var state: DKIMKeyState = .active
    /// When it came into that state.
    package var since: String?
    /// Until when the record of a replaced key is to stay.
    package var wantedUntil: String?
    /// What the DNS last said of a key that waits for its record, or whose record may go, and when.
    package var seen: String?
    package var seenAt: String?
    /// `database`, or the line of OpenDKIM's key table: `/etc/opendkim/KeyTable:3`.
    package var origin = database
    /// The key's file, where the key table names one.
    package var file: String?
    /// Whose mail it signs, as the lines of the signing table say; nil for keys of the database.
    package var senders: [String]?
    /// It signs nothing, because the signing table has a line for everyone.
    package var isIdle: Bool?
    /// Why the file can't be used; where the key is `active` all the same, with what was read before.
    package var problem: String?

    static let database = "database"
}

/// Keys, and what is wrong with others that belong to them.
package struct DKIMKeyList: Codable, Sendable, Equatable {
    package var keys: [DKIMKeySummary]
    /// Of OpenDKIM's tables and the files that they name.
    package var problems: [AdminError] = []
}

/// A key with its private half, for whoever asked for it.
package struct DKIMKeyText: Codable, Sendable, Equatable, CustomStringConvertible {
    package var key: DKIMKeySummary
    /// PEM.
    package var privateKey: String

    package var description: String { "\(key.recordName) •••" }
}

/// A part of a zone file, ready to paste.
package struct ZoneText: Codable, Sendable, Equatable {
    package var records: [ZoneRecord]
    package var text: String
    /// Why records of keys are missing.
    package var problems: [AdminError]

    package init(records: [ZoneRecord], text: String, problems: [AdminError] = []) {
        self.records = records
        self.text = text
        self.problems = problems
    }
}

/// One resource record with what it is for.
package struct ZoneRecord: Codable, Sendable, Equatable {
    /// The owner name, with a final dot.
    package var name: String
    package var type: String
    /// The data in zone-file form.
    package var data: String
    package var comment: String
    /// False for what can be left out.
    package var required: Bool
}

/// What a self-test works with; it ends with `selfTestEnd` or by itself after a few minutes.
package struct SelfTestTicket: Codable, Sendable, Equatable {
    package var ticket: String
    package var hostname: String
    package var sender: String
    package var senderPassword: String
    package var second: String
    package var secondPassword: String
    /// A recipient whose domain leads to the sink and nowhere else.
    package var remoteRecipient: String
    package var listeners: [ListenerStatus]
    /// Those that sign for the sender.
    package var keys: [DKIMKeySummary]
    /// What was found of the keys that OpenDKIM's tables name.
    package var tableKeys: [SelfTestResult]
    /// The fingerprint (SHA-256, hexadecimal) of the certificate that the server shows for its own name, when known.
    package var certificates: [String]
}

extension AdminResponse {
    /// What is wrong with what the answer is about: it is said on standard error, and the command fails.
    package var problems: [AdminError] {
        switch self {
        case .keys(let list): list.problems
        case .zone(let zone): zone.problems
        default: []
        }
    }
}
