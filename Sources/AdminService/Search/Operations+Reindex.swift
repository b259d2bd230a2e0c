import Directory
import MailStore
import MailSyntax

extension Operations {
    /// Emails of one step; a second of work at most.
    private static let reindexStep = 256

    func reindex(_ request: ReindexRequest) async throws -> ReindexAnswer {
        guard let index = stores.search else {
            throw AdminError(.unavailable, "there is no text index here")
        }
        switch request {
        case .accounts(nil):
            return .accounts(directory.snapshot.accounts.map(\.address.description).sorted())
        case .accounts(let name?):
            return .accounts([try requireAccount(name).address.description])
        case .begin(let name):
            return .begun(total: try await index.beginRebuild(try requireAccount(name).id))
        case .step(let name, let after):
            let step = try await index.rebuild(
                try requireAccount(name).id, after: EmailID(rawValue: after), limit: Self.reindexStep)
            return .stepped(last: step.last?.rawValue, count: step.count)
        }
    }
}

extension CommandContext {
    /// Makes the text index of an account, or of all, anew.
    ///
    /// - Parameter report: gets a line now and then, for a person who waits.
    package func reindex(_ account: String?, report: (String) -> Void) async throws -> AdminResponse {
        var lines: [String] = []
        try await withSession { session in
            for name in try await Self.accounts(account, session) {
                let count = try await Self.reindex(name, session, report: report)
                lines.append("\(name): indexed \(count) \(count == 1 ? "message" : "messages")")
            }
        }
        return .done(lines: lines.isEmpty ? ["there is no account"] : lines)
    }

    private static func ask(_ request: ReindexRequest, _ session: CommandSession) async throws -> ReindexAnswer {
        guard case .reindex(let answer) = try await session.perform(.reindex(request)) else {
            throw AdminError(
                .software, "the server answered something else", remedy: "use the same version on both sides")
        }
        return answer
    }

    private static func accounts(_ account: String?, _ session: CommandSession) async throws -> [String] {
        guard case .accounts(let names) = try await ask(.accounts(account), session) else { return [] }
        return names
    }

    private static func reindex(
        _ name: String, _ session: CommandSession, report: (String) -> Void
    ) async throws -> Int {
        guard case .begun(let total) = try await ask(.begin(account: name), session) else { return 0 }
        var done = 0
        var after: Int64 = 0
        var told = 0
        while case .stepped(let last?, let count) = try await ask(.step(account: name, after: after), session) {
            after = last
            done += count
            guard done - told >= 5000 else { continue }
            told = done
            report("\(name): \(done) of \(max(total, done))\n")
        }
        return done
    }
}
