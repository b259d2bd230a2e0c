package import Directory
package import MailAuth
package import MailIntake
package import MailPolicy
package import MailStore
import MailSyntax
package import MailTables
package import SQLEngine

/// Answers the questions of decisions: from the directory as it stands, the accounts' quotas, the tables in force and the
/// keys of the Sender Rewriting Scheme. Whoever decides about mail asks here, so that all decide alike.
package struct PolicyAnswers: Sendable {
    private let snapshot: @Sendable () -> DirectorySnapshot
    /// Whether so many octets fit.
    private let hasRoom: @Sendable (AccountID, Int) async throws -> Bool
    private let tables: TableStore
    private let srs: SRSKeys
    private let clock: any WallClock
    /// What a sender has sent.
    private let sent: @Sendable (String) async throws -> SendCounts
    /// How much of a login's waits for its time.
    private let waiting: @Sendable (String) async throws -> Int

    package init(
        directory: Directory, store: MailStore, intake: MailIntake, tables: TableStore, srs: SRSKeys = SRSKeys(),
        clock: any WallClock = SystemClock()
    ) {
        self.init(
            snapshot: { directory.snapshot },
            hasRoom: { try await store.hasRoom($0, for: $1) },
            tables: tables,
            srs: srs,
            clock: clock,
            sent: { try await intake.sendCounts($0) },
            waiting: { try await intake.waitingOctets(of: $0) }
        )
    }

    package init(
        snapshot: @escaping @Sendable () -> DirectorySnapshot,
        hasRoom: @escaping @Sendable (AccountID, Int) async throws -> Bool,
        tables: TableStore,
        srs: SRSKeys = SRSKeys(),
        clock: any WallClock = SystemClock(),
        sent: @escaping @Sendable (String) async throws -> SendCounts,
        waiting: @escaping @Sendable (String) async throws -> Int = { _ in 0 }
    ) {
        self.waiting = waiting
        self.srs = srs
        self.clock = clock
        self.sent = sent
        self.snapshot = snapshot
        self.hasRoom = hasRoom
        self.tables = tables
    }

    package func answer(_ lookup: Lookup) async -> Answer {
        let snapshot = snapshot()
        switch lookup {
        case .recipient(let address):
            return .recipient(Self.resolve(address, in: snapshot))
        case .mayUse(let address, let login):
            switch snapshot.ownership(of: address, by: AccountID(rawValue: login)) {
            case .own: return .sender(.own)
            case .granted(let rule): return .sender(.granted(rule, origin: Self.origin(snapshot)))
            case .foreign: return .sender(.foreign)
            }
        case .quota(let account, let size):
            do {
                return .quota(try await hasRoom(AccountID(rawValue: account), size) ? .fits : .exceeded)
            } catch {
                return .unavailable("\(error)")
            }
        case .hosted(let domain):
            return .flag(snapshot.isHosted(domain))
        case .signingKeys(let domain):
            return .selectors(snapshot.signingSelectors(domain))
        case .signingTable(let author):
            return .signingTable(tables.signing?.tables.matches(author) ?? [])
        case .firstHostedDomain:
            return .domain(snapshot.hostedDomains.first { _ in true }?.name)
        case .table(let purpose, let key, let isWhole):
            return await tables.answer(purpose, key: key, isWhole: isWhole)
        case .sent(let sender):
            do {
                return .sent(try await sent(sender))
            } catch {
                return .unavailable("\(error)")
            }
        case .srs(let request):
            return .srs(answer(request))
        case .waiting(let login):
            do {
                return .octets(try await waiting(login))
            } catch {
                return .unavailable("\(error)")
            }
        }
    }

    private func answer(_ request: SRSRequest) -> SRSAnswer {
        switch request {
        case .forward(let sender):
            return srs.forward(sender, at: clock.now()).map { .address($0) } ?? .none
        case .reverse(let address):
            switch srs.reverse(address, at: clock.now()) {
            case .address(let sender): return .address(sender)
            case .none: return .none
            case .forged: return .forged
            case .expired: return .expired
            }
        }
    }

    private static func origin(_ snapshot: DirectorySnapshot) -> String { "directory revision \(snapshot.revision)" }

    private static func resolve(_ address: EmailAddress, in snapshot: DirectorySnapshot) -> RecipientAnswer {
        switch snapshot.resolve(address) {
        case .notHosted: .notHosted
        case .unknown: .unknown
        case .disabled: .disabled
        case .targets(let local, let remote, let steps):
            .targets(
                Expansion(
                    local: local.map {
                        ExpandedTarget(account: $0.account.rawValue, address: $0.address, tag: $0.tag)
                    },
                    remote: remote,
                    steps: steps.map { ExpansionStep(rule: $0.rule, before: $0.before, after: $0.after) },
                    origin: origin(snapshot)
                )
            )
        }
    }
}
