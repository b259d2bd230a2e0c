package import Blobs
package import DNSCore
package import Directory
package import MailAuth
package import MailIntake
package import MailPolicy
package import MailStore
package import MailSyntax
package import MailTables
package import NetTransport
package import SQLEngine

/// What a session asks of the rest of the server.
package protocol SMTPBackend: Sendable {
    /// Answers a question of a policy decision.
    func answer(_ lookup: Lookup) async -> Answer
    func authenticate(_ attempt: LoginAttempt) async -> LoginReport
    /// Judges logins that don't send a password; nil: there are none.
    var authenticator: Authenticator? { get }
    /// The same for a device of the manifest.
    ///
    /// - Parameter isAllowed: false: whatever the password, it is wrong.
    func authenticate(_ attempt: LoginAttempt, device: String, isAllowed: Bool) async -> PasswordVerdict
    /// Keeps a message; durable when it returns.
    func accept(_ acceptance: Acceptance) async throws -> Accepted
    /// Keeps a message for each of its recipients by itself; what was kept is durable when it returns.
    func accept(_ acceptance: Acceptance, shares: [RecipientShare]) async throws -> AcceptedShares
    /// A temporary for a large body.
    func makeSpool() throws -> SpoolFile
    /// The client's confirmed reverse name, nil when there is none.
    func reverseName(_ address: IPAddress) async -> String?
    /// The same when it is known already: `.some(nil)` is known to be none.
    func knownReverseName(_ address: IPAddress) -> String??
    /// An account that somebody who is trusted says has logged in; nil when there is none that may.
    func login(_ address: EmailAddress) -> LoginFacts?
    /// Asked by the checks of strangers' mail; nil: none is checked.
    var resolver: (any DNSResolver)? { get }
    /// Whether the client's address has a name that has the address.
    func reverseResult(_ address: IPAddress) async -> ReverseResult
    /// Is told of messages whose author's domain wants to hear of them; nil: nobody is.
    var observer: (@Sendable (DMARCObservation) -> Void)? { get }
    func isBanned(_ address: IPAddress) -> Bool
    /// Counts an abuse towards a ban.
    func report(_ offence: Offence, by address: IPAddress)
    func nextID() -> MailID
    func now() -> Timestamp
}

extension SMTPBackend {
    package var authenticator: Authenticator? { nil }
    package func login(_ address: EmailAddress) -> LoginFacts? { nil }
    package var resolver: (any DNSResolver)? { nil }
    package func reverseResult(_ address: IPAddress) async -> ReverseResult { .temporaryError("not asked") }
    package var observer: (@Sendable (DMARCObservation) -> Void)? { nil }
    package func isBanned(_ address: IPAddress) -> Bool { false }
    package func report(_ offence: Offence, by address: IPAddress) {}
}

/// The real thing: directory, mail store, intake, resolver.
package struct MailServerBackend: SMTPBackend {
    private let answers: PolicyAnswers
    private let directory: Directory
    private let intake: MailIntake
    private let logins: Authenticator
    /// By the name of the device.
    private let devicePasswords: @Sendable () -> [String: DevicePassword]
    package let resolver: (any DNSResolver)?
    private let reverseNames: ReverseNames
    private let bans: BanTable?
    private let ids: IDGenerator
    private let observing: @Sendable () -> (@Sendable (DMARCObservation) -> Void)?
    private let clock: any WallClock

    /// - Parameter observing: who is told of checked messages now.
    package init(
        directory: Directory,
        store: MailStore,
        intake: MailIntake,
        authenticator: Authenticator,
        resolver: any DNSResolver,
        tables: TableStore = TableStore(),
        srs: SRSKeys = SRSKeys(),
        bans: BanTable? = nil,
        ids: IDGenerator,
        devicePasswords: @escaping @Sendable () -> [String: DevicePassword] = { [:] },
        observing: @escaping @Sendable () -> (@Sendable (DMARCObservation) -> Void)? = { nil },
        clock: any WallClock = SystemClock()
    ) {
        self.devicePasswords = devicePasswords
        self.directory = directory
        answers = PolicyAnswers(
            directory: directory, store: store, intake: intake, tables: tables, srs: srs, clock: clock)
        self.intake = intake
        logins = authenticator
        self.resolver = resolver
        reverseNames = ReverseNames(resolver: resolver)
        self.bans = bans
        self.ids = ids
        self.observing = observing
        self.clock = clock
    }

    package func answer(_ lookup: Lookup) async -> Answer { await answers.answer(lookup) }

    package var authenticator: Authenticator? { logins }
    package func authenticate(_ attempt: LoginAttempt) async -> LoginReport { await logins.judge(attempt) }

    package func authenticate(
        _ attempt: LoginAttempt, device: String, isAllowed: Bool
    ) async -> PasswordVerdict {
        guard let password = devicePasswords()[device] else { return .unavailable("no password of \(device) was read") }
        return await logins.judge(attempt, device: password, isAllowed: isAllowed)
    }

    package func accept(_ acceptance: Acceptance) async throws -> Accepted { try await intake.accept(acceptance) }
    package func accept(_ acceptance: Acceptance, shares: [RecipientShare]) async throws -> AcceptedShares {
        try await intake.accept(acceptance, shares: shares)
    }
    package func makeSpool() throws -> SpoolFile { try intake.makeSpool() }
    package func reverseName(_ address: IPAddress) async -> String? { await reverseNames.lookUp(address) }
    package func knownReverseName(_ address: IPAddress) -> String?? { reverseNames.known(address) }
    package func reverseResult(_ address: IPAddress) async -> ReverseResult { await reverseNames.result(address) }
    package func login(_ address: EmailAddress) -> LoginFacts? {
        guard let account = directory.snapshot.account(address), account.isEnabled else { return nil }
        return LoginFacts(account: account.id.rawValue, address: account.address)
    }
    package var observer: (@Sendable (DMARCObservation) -> Void)? { observing() }
    package func isBanned(_ address: IPAddress) -> Bool { bans?.bans(address) ?? false }
    package func report(_ offence: Offence, by address: IPAddress) { bans?.report(offence, by: address) }
    package func nextID() -> MailID { ids.next() }
    package func now() -> Timestamp { clock.now() }
}
