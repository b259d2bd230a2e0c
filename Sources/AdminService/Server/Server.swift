import Directory
import Glibc
import Logging
import MailAuth
import MailConfig
import MailPolicy
import MailTables
import NIOPosix
import NetTransport
import SMTPDelivery
import ServiceLifecycle
import Telemetry

/// A whole server: reads the manifest, opens what lasts, binds, gives up its privileges, runs until it is told to stop.
///
/// Order of the start: manifest, lock, data directory given to the server's user, certificates (as root: keys are often
/// readable by root alone), stores (as the server's user), listeners and control socket (as root), privileges given up for good, services. Nothing is accepted
/// before everything has been opened; what fails says so and nothing is half-started.
package enum Server {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: `AdminError` for whatever keeps the server from starting.
    package static func run(configFile: String?) async throws {
        let file = FileBytes.absolute(try ManifestFile.locate(configFile))
        let loaded = try ManifestFile.load(file)
        let manifest = loaded.manifest
        ProcessLimits.restrictFileModes()
        ProcessLimits.ignoreBrokenPipes()
        ProcessLimits.ignoreHangUps()
        let openFiles = ProcessLimits.raiseOpenFiles()
        let backend = LogBackend(manifest.log)
        let logger = backend.logger("server")
        warn(ofOpenFiles: openFiles, manifest, logger)
        for risk in OpenRelayCheck.findings(manifest) {
            logger.warning(
                "this server is an open relay, as relay.accept_risk says",
                metadata: [LogKey.reason: "\(risk.message)", LogKey.remedy: "\(risk.remedy)"])
        }
        for note in loaded.notes { logger.notice("\(note.message)", metadata: [LogKey.configFile: "\(note.file)"]) }
        let lock = try CommandContext.lock(manifest.storage.dataDirectory, role: "martlet server")
        defer { lock.release() }
        let user = try serverUser(manifest, logger)
        if let user { try Privileges.prepareTree(manifest.storage.dataDirectory, for: user) }
        try SendmailFolders.prepare(manifest, for: user)
        try Privileges.assume(user)
        _ = try ServerCertificates.ensureSelfSigned(manifest)
        Privileges.resume(user)
        let tls = try certificates(manifest)
        for remark in remarks(on: tls, manifest) {
            logger.warning(
                "a certificate needs attention",
                metadata: [LogKey.reason: "\(remark)", LogKey.remedy: "renew it, or correct tls.certificates"]
            )
        }
        try Privileges.assume(user)
        try requireSmarthostPassword(manifest)  // as the user who will read it at each login
        let tables = try LookupTables.load(manifest, logger: backend.logger("tables"))
        let srs = try SRSSecrets.codec(manifest)
        let devicePasswords = DevicePasswords(try DevicePasswords.read(manifest))
        let events = try eventFile(manifest)
        let stores = try await Stores.open(manifest, searchIndex: true)
        try DirectoryCheck.requireSound(stores.directory)
        try DevicePasswords.requireOwnNames(manifest, stores.directory.snapshot)
        stores.tables.install(tables)
        stores.srs.install(srs)
        let assembly = try ServerAssembly(
            configFile: file,
            loaded: loaded,
            backend: backend,
            eventFile: events,
            stores: stores,
            tls: tls,
            devicePasswords: devicePasswords,
            storedBans: try await BanStore(database: stores.database).load()
        )
        Privileges.resume(user)
        try await assembly.bind(owner: user)
        if let user { try Privileges.drop(to: user) }
        try await assembly.run()
        try stores.close()
        logger.notice("stopped")
        backend.writer.flush()
    }

    private static func serverUser(_ manifest: Manifest, _ logger: Logger) throws -> ServerUser? {
        guard Privileges.isRoot else {
            if let name = manifest.server.user, name != CommandContext.author {
                logger.notice(
                    "server.user has no effect: only root can become another user",
                    metadata: [
                        LogKey.configSetting: "server.user: \(name)", LogKey.remedy: "start as root, or remove it",
                    ]
                )
            }
            return nil
        }
        guard let name = manifest.server.user else {
            logger.warning(
                "running as root",
                metadata: [LogKey.remedy: "set server.user, so that privileges are given up after binding"]
            )
            return nil
        }
        return try ServerUser(named: name)
    }

    /// What `config check` looks at of the files a manifest names: the certificates and the smarthost's password.
    ///
    /// - Throws: `AdminError` with the setting to correct.
    /// - Returns: what is worth knowing of them.
    static func requireNamedFiles(_ manifest: Manifest) throws -> [String] {
        let tls = manifest.tls.certificates.isEmpty ? nil : try certificates(manifest)
        try requireSmarthostPassword(manifest)
        try requireRoutePasswords(manifest)
        _ = try DevicePasswords.read(manifest)
        _ = try SRSSecrets.codec(manifest)
        let tables = try LookupTables.load(manifest)
        return remarks(on: tls, manifest) + tables.warnings.map(\.description)
    }

    private static func remarks(on tls: TLSStore?, _ manifest: Manifest) -> [String] {
        tls.map { ServerCertificates.remarks(on: $0, manifest) } ?? []
    }

    /// - Throws: `AdminError` when the smarthost's password can't be read by this user.
    static func requireSmarthostPassword(_ manifest: Manifest) throws {
        guard let file = manifest.outbound.smarthost?.passwordFile else { return }
        do {
            _ = try FileBytes.read(file, limit: 64 * 1024)
        } catch {
            let remedy = "correct outbound.smarthost.password_file, or let the server's user read it"
            throw AdminError(.config, "the smarthost's password can't be read: \(error)", remedy: remedy)
        }
    }

    /// - Throws: `AdminError` when the password of a route's login can't be read by this user.
    static func requireRoutePasswords(_ manifest: Manifest) throws {
        for route in manifest.routing.routes {
            for source in route.logins.compactMap(\.password) {
                do {
                    _ = try SecretText.read(source)
                } catch {
                    throw AdminError(
                        .config, "\(route.origin): a password of the route `\(route.name)` can't be read: \(error)",
                        remedy: "correct its password_file or password_env, or let the server's user read it")
                }
            }
        }
    }

    /// A session has a socket, and a command may have a file open beside it.
    private static func warn(ofOpenFiles limit: Int, _ manifest: Manifest, _ logger: Logger) {
        let wanted = (manifest.limits.sessions ?? limit) + manifest.queue.concurrency + 200
        guard limit < wanted else { return }
        logger.warning(
            "fewer files may be open than sessions are allowed",
            metadata: [
                LogKey.count: "\(limit)", LogKey.configSetting: "limits.sessions",
                LogKey.remedy: "raise the process's limit (LimitNOFILE, ulimit -n), or lower limits.sessions",
            ]
        )
    }

    private static func eventFile(_ manifest: Manifest) throws -> LogWriter? {
        guard let path = manifest.log.events else { return nil }
        do {
            return try LogWriter(appendingTo: path)
        } catch {
            throw AdminError(
                .cannotCreate, "the file of log.events can't be written: \(error)",
                remedy: "make its folder, and let the server's user write there")
        }
    }

    private static func certificates(_ manifest: Manifest) throws -> TLSStore? {
        guard !manifest.tls.certificates.isEmpty || manifest.tls.selfSigned else { return nil }
        // The library's error for a file that is not there speaks of its content.
        for certificate in manifest.tls.certificates {
            for path in [certificate.chain, certificate.key] {
                do {
                    _ = try FileBytes.read(path, limit: 16 << 20)
                } catch {
                    let remedy = "correct tls.certificates, or let this user read the file"
                    throw AdminError(.config, "a certificate can't be used: \(error)", remedy: remedy)
                }
            }
        }
        do {
            return try TLSStore(ServerCertificates.files(manifest))
        } catch {
            throw AdminError(.config, "a certificate can't be used: \(error)", remedy: "correct tls.certificates")
        }
    }
}
