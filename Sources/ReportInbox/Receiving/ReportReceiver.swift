import Blobs
package import Directory
package import MailAuth
import MailMessage
package import MailStore
package import MailSyntax
package import SQLEngine
import Synchronization

/// What the receiver tells of.
package enum ReportEvent: Sendable {
    case filed(FiledReport, sender: String, ReportTrust)
    /// A message that says it is a report, and why it is not taken.
    case refused(sender: String, ReportError)
    /// The database or a file failed; it is tried again.
    case failed(any Error)
}

/// Follows deliveries to the accounts that get reports, and takes the reports out of them.
///
/// It works after the commit, on what is stored, one message at a time: delivery never waits for it and never fails by it, and
/// the message stays in its mailbox. How far it came stands in the database, so that after a crash it goes on where it was.
package final class ReportReceiver: Sendable {
    package struct Settings: Sendable, Equatable {
        /// Where reports are sent to; empty: postmaster of each hosted domain.
        package var addresses: [EmailAddress]
        /// Whose Authentication-Results are believed.
        package var host: String

        package init(addresses: [EmailAddress] = [], host: String) {
            self.addresses = addresses
            self.host = host
        }
    }

    private struct Readers {
        var revision: Int64 = -1
        var addresses: [EmailAddress] = []
        var accounts: Set<AccountID> = []
    }

    private struct State {
        var waiting: [EmailID] = []
        var isOverflowing = false
        /// When the database was told last how far it came.
        var notedAt: Timestamp?
    }

    private static let waitingLimit = 10_000
    /// Ids are made before their commits, so what came so long ago is looked at again.
    private static let overlap = Duration.seconds(600)
    private static let pause = Duration.seconds(60)
    private static let notingPause = Duration.seconds(60)

    private let mail: MailStore
    private let directory: Directory
    private let store: ReportStore
    private let clock: any WallClock
    private let settings: @Sendable () -> Settings
    private let tell: @Sendable (ReportEvent) -> Void
    private let readers = Mutex(Readers())
    private let state = Mutex(State())
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private let turn = Turn()
    package let filer: ReportFiler

    package init(
        mail: MailStore, directory: Directory, store: ReportStore, clock: any WallClock = SystemClock(),
        limits: ReportLimits = ReportLimits(), settings: @escaping @Sendable () -> Settings,
        tell: @escaping @Sendable (ReportEvent) -> Void = { _ in }
    ) {
        self.mail = mail
        self.directory = directory
        self.store = store
        self.clock = clock
        self.settings = settings
        self.tell = tell
        filer = ReportFiler(store: store, directory: directory, limits: limits)
        (wake, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Whose mail

    /// The accounts that mail to the addresses of reports ends in.
    private func isReader(_ account: AccountID) -> Bool {
        let snapshot = directory.snapshot
        let addresses = settings().addresses
        return readers.withLock { readers in
            if readers.revision != snapshot.revision || readers.addresses != addresses {
                readers = Readers(
                    revision: snapshot.revision, addresses: addresses,
                    accounts: Self.accounts(addresses, snapshot))
            }
            return readers.accounts.contains(account)
        }
    }

    private static func accounts(_ given: [EmailAddress], _ snapshot: DirectorySnapshot) -> Set<AccountID> {
        let addresses =
            given.isEmpty
            ? snapshot.hostedDomains.map { EmailAddress(localPart: "postmaster", domain: $0.name) } : given
        var accounts: Set<AccountID> = []
        for address in addresses {
            guard case .targets(let local, _, _) = snapshot.resolve(address) else { continue }
            accounts.formUnion(local.map(\.account))
        }
        return accounts
    }

    // MARK: Following

    /// Hears of a delivery; returns at once.
    package func delivered(_ account: AccountID, _ email: EmailID) {
        guard isReader(account) else { return }
        state.withLock { state in
            if state.waiting.count < Self.waitingLimit {
                state.waiting.append(email)
            } else {
                state.isOverflowing = true
            }
        }
        waker.yield()
    }

    /// Catches up with what was missed, then follows, until the task is cancelled.
    package func run() async throws {
        while true {
            do {
                try await turn.take { try await self.store.removeIncomplete() }
                try await catchUp()
                try await drain()
                for await _ in wake { try await drain() }
                return
            } catch let error as CancellationError {
                throw error
            } catch {
                tell(.failed(error))
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    /// Looks at everything that waits.
    package func drain() async throws {
        var latest: EmailID?
        while true {
            let (next, overflowed) = state.withLock { state in
                if state.waiting.isEmpty {
                    defer { state.isOverflowing = false }
                    return (EmailID?.none, state.isOverflowing)
                }
                return (state.waiting.removeFirst(), false)
            }
            guard let next else {
                guard overflowed else { return try await note(latest) }
                try await catchUp()
                continue
            }
            try await look(at: next)
            latest = next
        }
    }

    /// Writes how far it came, now and then: a delivered message costs no write, and what is not noted is looked at once
    /// more after a restart.
    private func note(_ latest: EmailID?) async throws {
        guard let latest else { return }
        let now = clock.now()
        let isDue = state.withLock { state in
            if let noted = state.notedAt, noted <= now, now < noted.adding(Self.notingPause) { return false }
            state.notedAt = now
            return true
        }
        if isDue { try await store.setProgress(latest) }
    }

    /// Looks at what came while nobody looked. The first time of all there is nothing to catch up with: what lay there before
    /// is an operator's to import.
    package func catchUp() async throws {
        guard let newest = try await store.progress() else {
            return try await store.setProgress(EmailID(rawValue: IDGenerator.first(at: clock.now()).rawValue))
        }
        try await catchUp(after: EmailID(rawValue: max(0, newest.rawValue - Self.ids(in: Self.overlap))))
    }

    /// Looks at what came since then, again where it was looked at before.
    package func lookAgain(since time: Timestamp) async throws {
        try await catchUp(after: EmailID(rawValue: IDGenerator.first(at: time).rawValue - 1), again: true)
    }

    private func catchUp(after start: EmailID, again: Bool = false) async throws {
        var after = start
        while true {
            let part = try await mail.emails(after: after, limit: 256)
            guard let last = part.last else { return }
            let host = settings().host
            let candidates = try await mail.emails(part.filter { isReader($0.account) }.map(\.email)) {
                ReportCandidate($0, host: host) != nil
            }
            for email in candidates { try await look(at: email, again: again) }
            after = last.email
            try await store.setProgress(after)
        }
    }

    /// How far ids move in a time.
    private static func ids(in duration: Duration) -> Int64 {
        IDGenerator.first(at: Timestamp(seconds: 1_800_000_000)).rawValue
            - IDGenerator.first(at: Timestamp(seconds: 1_800_000_000).adding(.zero - duration)).rawValue
    }

    // MARK: One message

    private func look(at email: EmailID, again: Bool = false) async throws {
        try await turn.take {
            let outcome: String
            do {
                guard let index = try await self.mail.messageIndex(email),
                    let candidate = ReportCandidate(index, host: self.settings().host)
                else { return }
                if !again, try await self.store.isSeen(email) { return }
                outcome = try await self.file(candidate, email)
            } catch {
                // What the database can't do now it can do later; a message that can't be read stays so.
                if error is DatabaseError || error is CancellationError { throw error }
                self.tell(.failed(error))
                outcome = "unreadable"
            }
            try await self.store.see(email, at: self.clock.now(), outcome)
        }
    }

    /// Takes the reports out of a message that was brought, such as a file of an operator's.
    package func file(message: [UInt8], _ origin: ReportOrigin) async throws -> [Result<FiledReport, ReportError>] {
        var results: [Result<FiledReport, ReportError>] = []
        guard let candidate = ReportCandidate(MessageIndex(scanning: message), host: settings().host) else {
            return [.failure(ReportError(.notAReport, "the message has no attachment that could be a report"))]
        }
        for part in candidate.parts {
            let octets = Array(message[part.range.clamped(to: 0..<message.count)])
            results.append(
                try await file(PartDecoder.decode(octets, transferEncoding: part.transferEncoding), origin))
        }
        return results
    }

    /// Takes one report that was brought.
    package func file(_ content: [UInt8], _ origin: ReportOrigin) async throws -> Result<FiledReport, ReportError> {
        try await turn.take {
            do {
                return .success(try await self.filer.file(content, origin))
            } catch let error as ReportError {
                return .failure(error)
            }
        }
    }

    /// - Returns: a word on what came of it.
    private func file(_ candidate: ReportCandidate, _ email: EmailID) async throws -> String {
        let sender = candidate.sender?.ascii ?? ""
        let origin = ReportOrigin(
            email: email.rawValue, trust: candidate.trust, sender: sender, receivedAt: clock.now())
        var outcome = "no report"
        var refusal: ReportError?
        for part in candidate.parts {
            do {
                let content = try await read(part, of: email)
                let filed = try await filer.file(content, origin, lacksSignature: candidate.lacksSignature)
                tell(.filed(filed, sender: sender, candidate.trust))
                outcome = filed.isKnown ? "known" : "filed"
            } catch let error as ReportError {
                refusal = refusal ?? error
            } catch is MailStoreError {
                return "gone"
            }
        }
        if let refusal, outcome == "no report", candidate.isSaidToBe || refusal.code != .notAReport {
            tell(.refused(sender: sender, refusal))
            outcome = refusal.description
        }
        return outcome
    }

    private func read(_ part: ReportCandidate.Part, of email: EmailID) async throws -> [UInt8] {
        // Base64 with line ends takes less than half as much again.
        guard part.range.count <= filer.limits.packed / 2 * 3 else {
            throw ReportError(.tooLarge, "the attachment is longer than \(filer.limits.packed) octets")
        }
        let octets = try await mail.openMessage(email).read(part.range)
        return PartDecoder.decode(octets, transferEncoding: part.transferEncoding)
    }
}
