import Glibc
package import MailConfig
import MailPolicy

/// What every command starts from: the manifest, and the way to whoever performs its request.
package struct CommandContext: Sendable {
    package let loaded: LoadedManifest
    /// How long a command waits for another one.
    private let patience: Duration

    package var manifest: Manifest { loaded.manifest }

    /// Finds and reads the manifest.
    ///
    /// - Parameter configFile: what `--config` said.
    /// - Throws: `AdminError` listing everything that is wrong with it.
    package init(configFile: String?) throws {
        self.init(loaded: try ManifestFile.load(try ManifestFile.locate(configFile)))
    }

    package init(loaded: LoadedManifest, patience: Duration = .seconds(10)) {
        self.loaded = loaded
        self.patience = patience
    }

    /// Has a request performed: by the server when one runs, in this process otherwise.
    package func perform(_ request: AdminRequest) async throws -> AdminResponse {
        try await perform([request]).first ?? .done(lines: [])
    }

    /// Has several requests performed, one after the other, until one fails.
    package func perform(_ requests: [AdminRequest]) async throws -> [AdminResponse] {
        let deadline = ContinuousClock.now + patience
        while true {
            do {
                let client = try ControlClient(path: manifest.controlSocket)
                return try requests.map { try client.perform($0).orThrow() }
            } catch let error as ControlClient.Unreachable {
                guard error == .notRunning, !requests.contains(where: \.needsServer) else { throw unreachable(error) }
            }
            do {
                let lock = try Self.lock(manifest.storage.dataDirectory, role: "martlet command")
                defer { lock.release() }
                return try await performHere(requests)
            } catch let busy as DataDirectoryBusy {
                // Another command will be done in a moment, and a server that starts will answer.
                guard ContinuousClock.now < deadline else { throw busy.error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Asks the running server; an error when there is none.
    package func performOnServer(_ request: AdminRequest) throws -> AdminResponse {
        do {
            return try ControlClient(path: manifest.controlSocket).perform(request).orThrow()
        } catch let error as ControlClient.Unreachable {
            throw unreachable(error)
        }
    }

    private func performHere(_ requests: [AdminRequest]) async throws -> [AdminResponse] {
        ProcessLimits.restrictFileModes()
        let stores = try await Stores.open(manifest)
        let operations = Operations(stores: stores, author: Self.author, rules: PolicyRules(loaded))
        var responses: [AdminResponse] = []
        for request in requests {
            do {
                responses.append(try await operations.perform(request).orThrow())
            } catch {
                // The first error is the one to tell.
                try? stores.close()
                try? giveToServerUser()
                throw error
            }
        }
        try stores.close()
        try giveToServerUser()
        return responses
    }

    /// What root made while the server was stopped must be the server's, or it could not open it.
    func giveToServerUser() throws {
        guard Privileges.isRoot, let name = manifest.server.user else { return }
        try Privileges.prepareTree(manifest.storage.dataDirectory, for: try ServerUser(named: name))
    }

    /// Takes the lock of a data directory.
    ///
    /// - Throws: `DataDirectoryBusy` saying who has it, or `AdminError`.
    package static func lock(_ folder: String, role: String) throws -> DataDirectoryLock {
        guard FileBytes.exists(folder) else {
            throw AdminError(
                .noInput,
                "the data directory \(folder) does not exist",
                remedy: "make it with: martlet quickstart ADDRESS, or correct storage.data_directory"
            )
        }
        do {
            return try DataDirectoryLock(directory: folder, role: role)
        } catch let held as DataDirectoryLock.Held {
            let holder = held.holder.isEmpty ? "another process" : held.holder
            throw DataDirectoryBusy(
                error: AdminError(
                    .temporary,
                    "the data directory \(folder) is in use by \(holder)",
                    remedy:
                        "a server uses one data directory alone: stop the other one, or wait until its command is done"
                )
            )
        } catch let error as SystemError {
            let remedy =
                switch error.code {
                case EROFS: "mount the file system writable; the kernel's log says why it is not"
                case ENOSPC, EDQUOT: "make room on the disk"
                default: "run this as root or as the server's user (server.user)"
                }
            let status: ExitStatus = error.code == EACCES || error.code == EPERM ? .noPermission : .ioError
            throw AdminError(status, error.description, remedy: remedy)
        }
    }

    func unreachable(_ error: ControlClient.Unreachable) -> AdminError {
        switch error {
        case .notRunning:
            AdminError(
                .unavailable,
                "no server answers on \(manifest.controlSocket)",
                remedy: "start it with: martlet serve --config \(loaded.file)"
            )
        case .forbidden:
            AdminError(
                .noPermission,
                "this user may not use the control socket \(manifest.controlSocket)",
                remedy: "run this as root or as the server's user (server.user)"
            )
        case .failed(let failure): AdminError(.unavailable, failure.description)
        }
    }

    /// Who stands in the directory's revisions.
    static var author: String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getpwuid_r(getuid(), &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else { return "uid \(getuid())" }
        return String(cString: name)
    }
}

/// Somebody else has the lock of the data directory.
package struct DataDirectoryBusy: Error {
    package let error: AdminError
}

extension AdminResponse {
    /// The answer, or the error in it.
    package func orThrow() throws -> AdminResponse {
        if case .failed(let error) = self { throw error }
        return self
    }
}
