import Directory
import Logging
import MailStore
import MailSyntax
import NetTransport
import POP3Core
import SASLCore
import Telemetry

extension POP3Session {
    /// USER and PASS.
    mutating func logIn(_ login: POP3Login) async -> POP3Action {
        guard let user = String(validating: login.user, as: UTF8.self) else { return refuse() }
        return await check(SASLCredentials(login: user, password: Secret(login.password)), mechanism: "USER")
    }

    /// What the TLS connection is known by; nil where it doesn't matter.
    private var channelBinding: ChannelBinding? { options.logins.binding(endPoint: tls?.endPoint) }

    /// TLS is on: some mechanisms depend on it.
    mutating func offerMechanisms() {
        machine.mechanisms = options.logins.mechanisms(isSecure: tls != nil, binding: channelBinding).map(\.rawValue)
    }

    /// AUTH and its continuation lines.
    mutating func advance(_ step: POP3Exchange) async -> POP3Action {
        let line: SASLLine?
        switch step {
        case .start(let name, let initialResponse):
            guard let mechanism = SASLMechanism(name: name) else { return machine.exchangeFailed("unknown mechanism") }
            exchange = LoginExchange(
                mechanism, authenticator: server.authenticator, client: connection.info.remote, binding: channelBinding)
            line = initialResponse.map { SASLLine(initialResponse: $0) }
        case .line(let octets): line = SASLLine(continuation: octets)
        case .lineTooLong: line = .malformed
        }
        guard var server = exchange else { return machine.exchangeFailed("no exchange") }
        let mechanism = server.mechanism.rawValue
        exchange = nil
        let result: LoginExchange.Step
        switch (step, line) {
        case (.start, nil): result = await server.start(initialResponse: nil)
        case (.start, .response(let message)): result = await server.start(initialResponse: message)
        case (_, .response(let message)): result = await server.respond(message)
        // RFC 5034 §4
        case (_, .cancel): return machine.exchangeFailed("authentication cancelled")
        case (_, .malformed), (_, nil): return machine.exchangeFailed("not base64")
        }
        switch result {
        case .challenge(let challenge):
            exchange = server
            return machine.challenge(SASLLine.encode(challenge))
        case .credentials(let credentials): return await check(credentials, mechanism: mechanism)
        case .judged(let report, let login): return await conclude(report, login: login, mechanism: mechanism)
        case .failed(.authorizationDenied): return refuse()
        case .failed(.channelBinding), .failed(.downgrade), .failed(.unsupportedChannelBinding):
            return refuse("the channel binding does not fit")
        case .failed(let failure): return machine.exchangeFailed(failure.description)
        }
    }

    private mutating func check(_ credentials: SASLCredentials, mechanism: String) async -> POP3Action {
        let attempt = LoginAttempt(credentials: credentials, protocol: .pop3, client: connection.info.remote)
        let report = await server.authenticator.judge(attempt)
        return await conclude(report, login: credentials.login, mechanism: mechanism)
    }

    private mutating func conclude(_ report: LoginReport, login: String, mechanism: String) async -> POP3Action {
        let action: POP3Action
        let outcome: MailEvent.Login.Outcome
        switch report.outcome {
        case .success(let account):
            outcome = .success
            action = await enter(account)
        case .invalidCredentials:
            outcome = .failure(reason: "invalid-credentials")
            action = refuse()
        case .disabled:
            outcome = .failure(reason: "disabled")
            action = refuse("the account is disabled")
        case .throttled:
            outcome = .failure(reason: "throttled")
            action = machine.loginUnavailable("too many failed logins, try again later")
        case .temporaryFailure(let text):
            outcome = .failure(reason: "temporary")
            action = machine.loginUnavailable(text)
        }
        server.events.record(
            .login(
                MailEvent.Login(
                    outcome: outcome,
                    service: LoginProtocol.pop3.rawValue,
                    peer: peer,
                    user: login,
                    mechanism: mechanism
                )
            )
        )
        return action
    }

    private mutating func refuse(_ text: String = "invalid login or password") -> POP3Action {
        isAnswerHeldBack = true
        return machine.loginRefused(text)
    }

    /// Opens the maildrop unless the account has to wait for it.
    // RFC 2449 §8.1: only who knows the password learns that the maildrop is in use
    private mutating func enter(_ account: Account) async -> POP3Action {
        let admission = server.maildrops.enter(
            account.id, isExclusive: options.isExclusive, delay: options.loginDelay, now: server.now())
        switch admission {
        case .inUse: return machine.maildropInUse()
        case .tooSoon: return machine.loggedInTooSoon()
        case .admitted:
            entered = account.id
            let action = await open(account)
            if !machine.isInTransaction {
                server.maildrops.leave(account.id)
                entered = nil
            }
            return action
        }
    }

    /// Takes the snapshot of INBOX that the session works on.
    private mutating func open(_ account: Account) async -> POP3Action {
        do {
            let store = server.store
            guard let inbox = try await store.mailbox(account.id, path: "INBOX") else {
                throw MailStoreError.noSuchMailbox
            }
            var entries: [POP3Maildrop.Entry] = []
            entries.reserveCapacity(inbox.messages)
            var next: UInt32? = 1
            while let first = next {
                let rows = try await store.pop3Entries(inbox.id, from: UID(rawValue: first), limit: Self.page)
                entries += rows.map {
                    .init(uid: $0.uid.rawValue, octets: $0.size, givenID: $0.uniqueID?.text)
                }
                let last = rows.last?.uid.rawValue ?? UInt32.max
                next = rows.count == Self.page && last < UInt32.max ? last + 1 : nil
            }
            self.account = account
            mailbox = inbox.id
            try? await connection.send([.totalDeadline(nil), .deadline(options.idleTimeout)])
            return machine.loginAccepted(POP3Maildrop(uidValidity: inbox.uidValidity.rawValue, entries: entries))
        } catch {
            server.logger.error("INBOX cannot be opened", metadata: metadata(error))
            return machine.loginUnavailable("the mailbox cannot be opened now")
        }
    }

    /// Rows asked of the store at a time.
    private static let page = 1_000
}
