import Blobs
import MailConfig
import MailPolicy
import MailSyntax
import SASLCore
import SMTPServer
import SQLEngine
import Synchronization

@testable import Directory
@testable import MailIntake

/// A domain `example.org` with `alice` (account 1) and `full` (account 2, no room); the password is `secret`.
final class FakeBackend: SMTPBackend {
    struct StorageFailure: Error {}

    private let accepted = Mutex<[Acceptance]>([])
    private let ids = IDGenerator()
    private let failure: (any Error)?

    /// What tables have, by purpose and key; `!` is a table that doesn't answer.
    private let tables: [TablePurpose: [String: String]]

    init(failure: (any Error)? = nil, tables: [TablePurpose: [String: String]] = [:]) {
        self.failure = failure
        self.tables = tables
    }

    var messages: [Acceptance] { accepted.withLock { $0 } }

    /// The content of message `index`, as text.
    func text(_ index: Int) throws -> String {
        let content = messages[index].content
        return String(decoding: try content.read(0..<content.size), as: UTF8.self)
    }

    func answer(_ lookup: Lookup) async -> Answer {
        switch lookup {
        case .recipient(let address):
            guard address.domain?.ascii == "example.org" else { return .recipient(.notHosted) }
            switch address.localPart {
            case "alice", "postmaster":
                return .recipient(.targets(Expansion(local: [ExpandedTarget(account: 1, address: address)])))
            case "away":
                return .recipient(
                    .targets(Expansion(local: [], remote: [EmailAddress("x@far.example")].compactMap { $0 })))
            case "full":
                return .recipient(.targets(Expansion(local: [ExpandedTarget(account: 2, address: address)])))
            default: return .recipient(.unknown)
            }
        case .mayUse(let address, _):
            if address.localPart == "sales" {
                return .sender(.granted("granted to the members of \(address)", origin: "directory revision 7"))
            }
            return .sender(address.localPart == "alice" ? .own : .foreign)
        case .quota(let account, _): return .quota(account == 2 ? .exceeded : .fits)
        case .hosted(let domain): return .flag(domain.ascii == "example.org")
        case .signingKeys(let domain): return .selectors(domain.ascii == "example.org" ? ["rsa1"] : nil)
        case .signingTable: return .signingTable([])
        case .table(let purpose, let key, _):
            let value = tables[purpose]?[key.lowercased()]
            if value == "!" { return .unavailable("away") }
            return .table(value.map { TableAnswer(value: $0, origin: "\(purpose.rawValue):1") })
        case .sent: return .sent(SendCounts())
        case .srs(.forward(let address)):
            return .srs(EmailAddress("SRS0=\(address.localPart)@example.org").map { .address($0) } ?? .none)
        case .srs: return .srs(.none)
        case .waiting: return .octets(0)
        case .firstHostedDomain: return .domain(DomainName("example.org"))
        }
    }

    func authenticate(_ attempt: LoginAttempt) async -> LoginReport {
        guard attempt.password == Secret("secret"), let address = EmailAddress(attempt.login) else {
            return LoginReport(.invalidCredentials, .wrongPassword)
        }
        let account = Account(
            id: AccountID(rawValue: 1),
            address: address,
            name: nil,
            isEnabled: true,
            quota: nil,
            createdAt: Timestamp(seconds: 0)
        )
        return LoginReport(.success(account), .verified)
    }

    /// Every device's password is `secret` too.
    func authenticate(_ attempt: LoginAttempt, device: String, isAllowed: Bool) async -> PasswordVerdict {
        isAllowed && attempt.password == Secret("secret") ? .right : .wrong
    }

    func accept(_ acceptance: Acceptance) async throws -> Accepted {
        if let failure { throw failure }
        accepted.withLock { $0.append(acceptance) }
        return Accepted(id: acceptance.id, filed: acceptance.local, queued: acceptance.remote.count, sentTrouble: nil)
    }

    func accept(_ acceptance: Acceptance, shares: [RecipientShare]) async throws -> AcceptedShares {
        if let failure { throw failure }
        accepted.withLock { $0.append(acceptance) }
        return AcceptedShares(
            failures: shares.map { _ in nil }, local: shares.flatMap(\.local), remote: shares.flatMap(\.remote))
    }

    func makeSpool() throws -> SpoolFile { throw StorageFailure() }
    func reverseName(_ address: IPAddress) async -> String? { "client.example" }
    func knownReverseName(_ address: IPAddress) -> String?? { nil }
    func nextID() -> MailID { ids.next() }
    func now() -> Timestamp { Timestamp(seconds: 1_790_000_000) }
}
