package import MailMove
import MailSyntax

/// Takes the mailboxes of an account of another IMAP server: messages with flags, keywords and dates, and UIDs where the
/// mailbox here is empty.
package struct IMAPImport {
    private let remote: RemoteHost
    private let login: RemoteLogin
    private let connector: RemoteConnector
    private let filter: FolderFilter

    /// Messages of one command; two commands are under way.
    private static let setSize = 50

    package init(_ remote: RemoteHost, login: RemoteLogin, connector: RemoteConnector, filter: FolderFilter) {
        self.remote = remote
        self.login = login
        self.connector = connector
        self.filter = filter
    }

    /// - Parameters:
    ///   - store: the account that the mail goes to.
    ///   - staging: of one task.
    package func run(
        store: any MoveStore, staging: StagingFile, observer: any MoveObserver
    ) async throws {
        let work = ImportWork(store: store, staging: staging, observer: observer)
        try await connector.with(remote) { connection in
            var session = RemoteIMAP(try await connector.wire(connection, remote), remote: remote)
            try await session.open(login, connector: connector)
            let all = try await session.folders()
            let wanted = all.filter { $0.isSelectable && filter.takes($0.path) }
            let usual = UsualNames.uses(of: wanted.map(\.path))
            let told = Set(wanted.compactMap(\.use))
            for folder in wanted {
                let use = folder.use ?? usual[folder.path].flatMap { told.contains($0) ? nil : $0 }
                try await take(folder, use: use, &session, work)
            }
            try await work.store.subscribe(all.filter { $0.isSubscribed && filter.takes($0.path) }.map(\.path))
            await session.logOut()
        }
    }

    private func take(
        _ folder: RemoteFolder, use: String?, _ session: inout RemoteIMAP, _ work: ImportWork
    ) async throws {
        let selection = try await session.select(folder.name, readOnly: true)
        work.observer.began(folder.path, total: selection.exists)
        let source = ItemHash.of(
            "imap", remote.host.lowercased(), "\(remote.port)", login.user, folder.name,
            "\(selection.uidValidity ?? 0)")
        let target = try await FolderImport(
            IncomingFolder(
                path: folder.path, source: source, uidValidity: selection.uidValidity, uidNext: selection.uidNext,
                specialUse: use),
            store: work.store, staging: work.staging, observer: work.observer)
        if selection.exists > 0 {
            let listed = try await session.uids().map(\.uid)
            let missing = listed.filter { !target.isKnown(Int64($0)) }
            for _ in 0..<(listed.count - missing.count) { target.skip() }
            try await fetch(missing, &session, target, work)
        }
        try await target.flush()
    }

    private func fetch(
        _ uids: [UInt32], _ session: inout RemoteIMAP, _ target: FolderImport, _ work: ImportWork
    ) async throws {
        let sets = stride(from: 0, to: uids.count, by: Self.setSize).map {
            Array(uids[$0..<min($0 + Self.setSize, uids.count)])
        }
        var waiting: [String] = []
        // Of all commands under way: a server may work on them at the same time. // RFC 3501 §5.5
        var open: Set<UInt32> = []
        var next = 0
        while next < sets.count || !waiting.isEmpty {
            while waiting.count < 2, next < sets.count {
                waiting.append(try await session.begin(Self.command(sets[next])))
                open.formUnion(sets[next])
                next += 1
            }
            try await receive(&waiting, &open, &session, target)
        }
        if !open.isEmpty {
            work.observer.remark("\(open.count) messages went at the source meanwhile, or were not given")
        }
    }

    private static func command(_ uids: [UInt32]) -> String {
        "UID FETCH \(UIDRuns.text(uids)) (UID FLAGS INTERNALDATE BODY.PEEK[])"
    }

    /// Takes messages until one of the commands ends.
    private func receive(
        _ waiting: inout [String], _ open: inout Set<UInt32>, _ session: inout RemoteIMAP, _ target: FolderImport
    ) async throws {
        while true {
            // Facts may come before the message or after it.
            target.start(MessageFacts())
            let response = try await session.response(streaming: { try target.write($0) })
            for (index, tag) in waiting.enumerated()
            where try session.tagged(response, tag, shown: "FETCH") != nil {
                waiting.remove(at: index)
                return try target.abandon()
            }
            guard let untagged = try session.untagged(response), let (_, name, rest) = untagged.numbered,
                name == "FETCH"
            else {
                try target.abandon()
                continue
            }
            let facts = FetchedFacts(rest.first?.items ?? [])
            // What was not asked for, or comes twice, is not taken: flags that changed, or a server that makes things up.
            guard facts.hasBody, let uid = facts.uid, open.remove(uid) != nil else {
                try target.abandon()
                continue
            }
            if let inline = facts.inlineBody { try target.write(inline) }
            target.amend { Self.amend(&$0, facts, uid) }
            try await target.finish(item: Int64(uid))
        }
    }

    private static func amend(_ message: inout MessageFacts, _ facts: FetchedFacts, _ uid: UInt32) {
        message.uid = uid
        if let (seconds, zone) = facts.date.flatMap({ RemoteDate.read($0) }) {
            message.date = Timestamp(seconds: seconds)
            message.zone = zone
        }
        let system = ["\\seen": 1, "\\answered": 2, "\\flagged": 4, "\\deleted": 8, "\\draft": 16]
        for flag in facts.flags ?? [] {
            if let bit = system[flag.lowercased()] {
                message.flags |= bit
            } else if UIDList.isKeyword(flag) {
                message.keywords.append(flag)
            }
        }
    }
}

/// What an import works with. Used by one task at a time: that of the connection, which its command waits for.
// @unchecked: no lock, because of that.
private final class ImportWork: @unchecked Sendable {
    let store: any MoveStore
    let staging: StagingFile
    let observer: any MoveObserver

    init(store: any MoveStore, staging: StagingFile, observer: any MoveObserver) {
        self.store = store
        self.staging = staging
        self.observer = observer
    }
}

/// Which mailboxes are taken: names with `*` for anything.
package struct FolderFilter: Sendable {
    private let only: [String]
    private let without: [String]

    /// - Parameter only: empty takes all.
    package init(only: [String] = [], without: [String] = []) {
        self.only = only
        self.without = without
    }

    package func takes(_ path: String) -> Bool {
        (only.isEmpty || only.contains { Self.matches(path, $0) }) && !without.contains { Self.matches(path, $0) }
    }

    private static func matches(_ path: String, _ pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 1 else { return path == pattern }
        var rest = path[...]
        for (index, part) in parts.enumerated() {
            if index == 0 {
                guard rest.hasPrefix(part) else { return false }
                rest = rest.dropFirst(part.count)
            } else if index == parts.count - 1 {
                return rest.hasSuffix(part)
            } else {
                guard let found = rest.firstRange(of: part) else { return false }
                rest = rest[found.upperBound...]
            }
        }
        return true
    }
}

/// UIDs as a command names them: `1:5,9`.
enum UIDRuns {
    static func text(_ uids: [UInt32]) -> String {
        var runs: [(UInt32, UInt32)] = []
        for uid in uids {
            if let last = runs.last, last.1 &+ 1 == uid {
                runs[runs.count - 1].1 = uid
            } else {
                runs.append((uid, uid))
            }
        }
        return runs.map { $0.0 == $0.1 ? "\($0.0)" : "\($0.0):\($0.1)" }.joined(separator: ",")
    }
}
