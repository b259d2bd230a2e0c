import Directory
import Glibc
package import MailConfig
import MailSyntax
import NetTransport
import SQLEngine

/// Makes a working mail server out of an address: manifest, data directory, domain, keys, certificate, account.
///
/// It asks nothing. What exists is kept and named, so that it can be run again, also while the server runs.
package struct Quickstart: Sendable {
    package struct Options: Sendable {
        package var address: String
        package var hostname: String?
        package var configFile: String?
        package var dataDirectory: String?
        package var listenAddress: String?
        package var portOffset: Int?
        package var passwordFile: String?

        package init(address: String) {
            self.address = address
        }
    }

    /// What was made and kept, and what the operator needs next.
    package struct Outcome: Sendable {
        package var steps: [String]
        package var address: String
        /// Set when it was made up now; shown once.
        package var generatedPassword: String?
        package var loaded: LoadedManifest
        package var zone: ZoneText
    }

    private let options: Options
    private let address: EmailAddress
    private let domain: DomainName

    /// - Throws: `AdminError` when an option can't be right.
    package init(_ options: Options) throws {
        guard let address = EmailAddress(options.address), let domain = address.domain, !domain.isNumeric else {
            throw AdminError(
                .usage,
                "\"\(options.address)\" is not an e-mail address",
                remedy: "give the address of the first account: martlet quickstart you@example.org"
            )
        }
        self.options = options
        self.address = address
        self.domain = domain
    }

    package func run() async throws -> Outcome {
        ProcessLimits.restrictFileModes()
        // What can be wrong with an option is found before anything is made.
        let source = options.passwordFile.map { PasswordSource.file($0) } ?? .generate
        let password = try source.read()
        var steps: [String] = []
        let loaded = try prepareManifest(&steps)
        try prepareCertificate(loaded.manifest, &steps)
        let context = CommandContext(loaded: loaded)
        let isNew = try await prepareDirectory(context, password: password.password, &steps)
        guard case .zone(let zone) = try await context.perform(.dnsRecords(domain: domain.ascii, addresses: [])) else {
            throw AdminError(.protocolError, "the server's answer holds no DNS records")
        }
        return Outcome(
            steps: steps,
            address: address.description,
            generatedPassword: isNew && password.isGenerated ? password.password : nil,
            loaded: loaded,
            zone: zone
        )
    }

    // MARK: Manifest and data directory

    private func prepareManifest(_ steps: inout [String]) throws -> LoadedManifest {
        let path = FileBytes.absolute(configPath)
        if FileBytes.exists(path) {
            let loaded = try ManifestFile.load(path)
            steps.append("kept the manifest \(path)" + (try differences(loaded.manifest)))
            try makeDataDirectory(loaded.manifest, &steps)
            return loaded
        }
        let hostname = try chosenHostname()
        let listen = try chosenListenAddress()
        let offset = options.portOffset ?? 0
        guard (0...ManifestTemplate.largestPortOffset).contains(offset) else {
            throw AdminError(
                .usage,
                "the port offset \(offset) is not between 0 and \(ManifestTemplate.largestPortOffset)"
            )
        }
        let text = ManifestTemplate.render(
            hostname: hostname.ascii,
            dataDirectory: FileBytes.absolute(dataPath),
            listenAddress: listen,
            portOffset: offset,
            user: Self.serverUser
        )
        // Read before it is written, and the folder made first: whatever can't be leaves no manifest behind that the next
        // try would keep.
        let loaded = try ManifestFile.parse(text, path: path)
        try makeDataDirectory(loaded.manifest, &steps)
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try FileBytes.makeDirectory(String(path[..<slash]), mode: 0o755)
        }
        // Readable by the server's user; it holds no secrets, only the names of files that do.
        try FileBytes.write(text, to: path, mode: 0o644)
        chmod(path, 0o644)
        steps.append("wrote the manifest \(path)")
        return loaded
    }

    private func makeDataDirectory(_ manifest: Manifest, _ steps: inout [String]) throws {
        let folder = manifest.storage.dataDirectory
        if FileBytes.kind(of: folder) == S_IFDIR {
            if FileBytes.exists(Stores.databasePath(in: folder)) { steps.append("kept the data directory \(folder)") }
            return
        }
        try FileBytes.makeDirectory(folder, mode: 0o700)
        steps.append("made the data directory \(folder)")
    }

    private var configPath: String {
        if let file = options.configFile { return file }
        if let named = ManifestFile.environment["MARTLET_CONFIG"], !named.isEmpty { return named }
        if options.dataDirectory == nil, Privileges.isRoot { return "/etc/martlet/martlet.yaml" }
        return dataPath + "/martlet.yaml"
    }

    private var dataPath: String {
        if let folder = options.dataDirectory { return folder }
        if Privileges.isRoot { return Manifest().storage.dataDirectory }
        return ManifestFile.home.map { "\($0)/.local/share/martlet" } ?? "martlet-data"
    }

    /// A user of that name, made by the package or the operator, is the one to become; it throws where there is none.
    private static var serverUser: String? {
        Privileges.isRoot && (try? ServerUser(named: "martlet")) != nil ? "martlet" : nil
    }

    private func chosenHostname() throws -> DomainName {
        if let text = options.hostname {
            guard let name = DomainName(text), name.labels.count > 1, !name.isNumeric else {
                throw AdminError(.usage, "\"\(text)\" is not the full name of a host", remedy: "such as mail.\(domain)")
            }
            return name
        }
        var buffer = [CChar](repeating: 0, count: 256)
        if gethostname(&buffer, buffer.count - 1) == 0,
            let own = DomainName(
                String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)),
            own.isSubdomain(of: domain)
        {
            return own
        }
        guard let usual = DomainName("mail.\(domain)") else {
            throw AdminError(
                .usage, "mail.\(domain) is too long for a host name", remedy: "name the host: --hostname NAME")
        }
        return usual
    }

    private func chosenListenAddress() throws -> String {
        guard let text = options.listenAddress, text != "*", text != Listener.anyAddress else {
            return Listener.anyAddress
        }
        guard let address = IPAddress(text) else {
            throw AdminError(.usage, "\"\(text)\" is not an IP address", remedy: "such as 127.0.0.1, or any for all")
        }
        return address.description
    }

    /// Options that a kept manifest does not follow.
    /// - Throws: for one that is wrong in itself.
    private func differences(_ manifest: Manifest) throws -> String {
        var ignored: [String] = []
        if let name = options.hostname, DomainName(name)?.ascii != manifest.server.hostname {
            ignored.append("--hostname")
        }
        if let folder = options.dataDirectory, FileBytes.absolute(folder) != manifest.storage.dataDirectory {
            ignored.append("--data")
        }
        if options.listenAddress != nil {
            let address = try chosenListenAddress()
            if manifest.listeners.contains(where: { $0.address != address }) { ignored.append("--listen") }
        }
        if let offset = options.portOffset,
            manifest.listeners.contains(where: { $0.port != $0.kind.standardPort + offset })
        {
            ignored.append("--port-offset")
        }
        guard !ignored.isEmpty else { return "" }
        return
            "; it says otherwise than \(ignored.joined(separator: ", ")): edit it, or remove it to have it written anew"
    }

    // MARK: Certificate

    private func prepareCertificate(_ manifest: Manifest, _ steps: inout [String]) throws {
        switch try ServerCertificates.ensureSelfSigned(manifest) {
        case .notNeeded: break
        case .kept(let path): steps.append("kept the self-signed certificate \(path)")
        case .made(let path):
            steps.append("made a self-signed certificate for \(manifest.server.hostname): \(path)")
        }
    }

    // MARK: Directory

    /// Returns whether the account was made now, with the password.
    private func prepareDirectory(
        _ context: CommandContext, password: String, _ steps: inout [String]
    ) async throws -> Bool {
        guard case .domains(let domains) = try await context.perform(.domainList),
            case .accounts(let accounts) = try await context.perform(.accountList)
        else { throw AdminError(.protocolError, "the server's answer is not a list") }
        if let known = domains.first(where: { $0.name == domain.ascii }) {
            guard known.kind == .hosted else { throw AdminError(translating: DirectoryError.sendOnly(domain)) }
            steps.append("kept the domain \(domain) with the DKIM keys \(known.selectors.joined(separator: ", "))")
            if known.selectors.isEmpty {
                let request = AdminRequest.dkimAdd(domain: domain.ascii, selector: nil, algorithms: [])
                steps += try await context.perform(request).lines
            }
        } else {
            let request = AdminRequest.domainAdd(domain: domain.ascii, postmaster: address.description)
            steps += try await context.perform(request).lines.filter { !$0.contains(": martlet ") }
        }
        if accounts.contains(where: { EmailAddress($0.address)?.folded == address.folded }) {
            steps.append("kept the account \(address) and its password")
            return false
        }
        let request = AdminRequest.accountAdd(
            address: address.description, password: password, name: nil, quota: nil)
        steps += try await context.perform(request).lines
        return true
    }
}

extension AdminResponse {
    /// What was done, in words.
    package var lines: [String] {
        if case .done(let lines) = self { return lines }
        return []
    }
}
