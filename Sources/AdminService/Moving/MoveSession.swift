import MailMove

/// The store of one account, asked through a command's session.
struct MoveSession: MoveStore {
    let session: CommandSession
    /// The account's address.
    let account: String

    private func ask(_ request: MovingRequest) async throws -> MovingAnswer {
        guard case .moving(let answer) = try await session.perform(.moving(request)) else {
            throw AdminError(
                .protocolError, "the server does not answer as expected",
                remedy: "use the martlet command of the server's own version")
        }
        return answer
    }

    private static let unexpected = AdminError(.protocolError, "the server answers something else than was asked")

    func begin(_ folder: IncomingFolder) async throws -> IncomingPlace {
        guard case .place(let place) = try await ask(.begin(account: account, folder)) else { throw Self.unexpected }
        return place
    }

    func knownItems(_ place: IncomingPlace, after: Int64, limit: Int) async throws -> [Int64] {
        guard case .known(let items) = try await ask(.known(place, after: after, limit: limit)) else {
            throw Self.unexpected
        }
        return items
    }

    func add(_ batch: StagedBatch) async throws -> MoveCount {
        guard case .count(let count) = try await ask(.add(account: account, batch)) else { throw Self.unexpected }
        return count
    }

    func subscribe(_ paths: [String]) async throws {
        _ = try await ask(.subscribe(account: account, paths: paths))
    }

    func folders() async throws -> [OutgoingFolder] {
        guard case .folders(let folders) = try await ask(.folders(account: account)) else { throw Self.unexpected }
        return folders
    }

    func messages(of folder: OutgoingFolder, after uid: UInt32, limit: Int) async throws -> [OutgoingEntry] {
        guard
            case .messages(let entries) = try await ask(
                .messages(mailbox: folder.mailbox, after: uid, limit: limit))
        else { throw Self.unexpected }
        return entries
    }
}
