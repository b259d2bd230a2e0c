import MailConfig
import MailPolicy

/// Whoever performs the requests of a command that has many: a connection to the server, or the stores opened here.
package final class CommandSession {
    private let answer: (AdminRequest) async throws -> AdminResponse

    fileprivate init(_ answer: @escaping (AdminRequest) async throws -> AdminResponse) {
        self.answer = answer
    }

    /// - Throws: `AdminError` of the operation, or of the way to it.
    package func perform(_ request: AdminRequest) async throws -> AdminResponse {
        try await answer(request).orThrow()
    }
}

/// A connection to the server that many requests go over.
private final class ControlLink {
    private let client: ControlClient

    init(_ path: String) throws(ControlClient.Unreachable) {
        // A batch of messages may have to wait for a slow disk.
        client = try ControlClient(path: path, timeout: 600)
    }

    func perform(_ request: AdminRequest) throws -> AdminResponse { try client.perform(request) }
}

extension CommandContext {
    /// Runs a command of many requests: with the server where one runs, with the data directory's lock otherwise.
    package func withSession<Result>(_ body: (CommandSession) async throws -> Result) async throws -> Result {
        do {
            let link = try ControlLink(manifest.controlSocket)
            return try await body(CommandSession { try link.perform($0) })
        } catch let error as ControlClient.Unreachable {
            guard error == .notRunning else { throw unreachable(error) }
        }
        let lock: DataDirectoryLock
        do {
            lock = try Self.lock(manifest.storage.dataDirectory, role: "martlet command")
        } catch let busy as DataDirectoryBusy {
            throw busy.error
        }
        defer { lock.release() }
        ProcessLimits.restrictFileModes()
        let stores = try await Stores.open(manifest)
        let operations = Operations(stores: stores, author: Self.author, rules: PolicyRules(loaded))
        do {
            let result = try await body(CommandSession { await operations.perform($0) })
            try stores.close()
            try giveToServerUser()
            return result
        } catch {
            // The first error is the one to tell.
            try? stores.close()
            try? giveToServerUser()
            throw error
        }
    }
}
