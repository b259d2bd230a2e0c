import Glibc
package import MailConfig

/// What every command starts from: the manifest, and the way to whoever performs its request.
package struct CommandContext: Sendable {
    package let loaded: LoadedManifest

    package var manifest: Manifest { loaded.manifest }

    /// Finds and reads the manifest.
    ///
    /// - Parameter configFile: what `--config` said.
    /// - Throws: `AdminError` listing everything that is wrong with it.
    package init(configFile: String?) throws {
        loaded = try ManifestFile.load(try ManifestFile.locate(configFile))
    }

    package init(loaded: LoadedManifest) {
        self.loaded = loaded
    }

    /// Has a request performed: by the server when one runs, in this process otherwise.
    package func perform(_ request: AdminRequest) async throws -> AdminResponse {
        try await perform([request]).first ?? .done(lines: [])
    }

    /// Has several requests performed, one after the other, until one fails.
    package func perform(_ requests: [AdminRequest]) async throws -> [AdminResponse] {
        do {
            let client = try ControlClient(path: manifest.controlSocket)
            return try requests.map { request in
                try client.perform(request).orThrow()
            }
        } catch ControlClient.Unreachable.notRunning {
            return try await performHere(requests)
        } catch let error as ControlClient.Unreachable {
            throw unreachable(error)
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
        let folder = manifest.storage.dataDirectory
        ProcessLimits.restrictFileModes()
        let lock = try Self.lock(folder, role: "martlet command")
        defer { lock.release() }
        let stores = try await Stores.open(manifest)
        let operations = Operations(stores: stores, author: Self.author)
        var responses: [AdminResponse] = []
        for request in requests {
            do {
                responses.append(try await operations.perform(request).orThrow())
            } catch {
                try? stores.close()  // the first error is the one to tell
                throw error
            }
        }
        try stores.close()
        try giveToServerUser(folder)
        return responses
    }

    /// What root made while the server was stopped must be the server's, or it could not open it.
    private func giveToServerUser(_ folder: String) throws {
        guard Privileges.isRoot, let name = manifest.server.user else { return }
        try Privileges.prepareTree(folder, for: try ServerUser(named: name))
    }

    /// Takes the lock of a data directory, or says who has it.
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
            throw AdminError(
                .temporary,
                "the data directory \(folder) is in use by \(holder)",
                remedy: "a server uses one data directory alone: stop the other one, or wait until its command is done"
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

    private func unreachable(_ error: ControlClient.Unreachable) -> AdminError {
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

extension AdminResponse {
    /// The answer, or the error in it.
    package func orThrow() throws -> AdminResponse {
        if case .failed(let error) = self { throw error }
        return self
    }
}
