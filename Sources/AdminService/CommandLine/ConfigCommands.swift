import MailConfig
import MailSyntax

/// What `martlet config` does; none of it needs a server, and only `check` looks at the data directory, where there is one.
package enum ConfigCommands {
    /// Says that the manifest, the files it names and the directory are good, with what is worth knowing, or throws
    /// everything that is wrong.
    package static func check(_ option: String?) async throws -> String {
        let path = try ManifestFile.locate(option)
        let loaded = try ManifestFile.load(path)
        let manifest = loaded.manifest
        let remarks = try Server.requireNamedFiles(manifest)
        let notes = loaded.notes.map { "\($0)\n" }.joined() + remarks.map { "note: \($0)\n" }.joined()
        let folder = manifest.storage.dataDirectory
        guard FileBytes.exists(Stores.databasePath(in: folder)) else {
            let isHidden = FileBytes.exists(folder) && !FileBytes.mayEnter(folder)
            let why = isHidden ? "was not checked: this user may not read" : "is not there yet in"
            return notes + "\(loaded.file): no errors; the directory of domains and accounts \(why) \(folder)\n"
        }
        let context = CommandContext(loaded: loaded)
        guard case .done(let lines) = try await context.perform(.directoryCheck),
            case .accounts(let accounts) = try await context.perform(.accountList),
            case .aliases(let aliases) = try await context.perform(.aliasList(domain: nil)),
            case .domains(let domains) = try await context.perform(.domainList)
        else { throw AdminError(.software, "the directory's check gave no answer") }
        let taken = Set((accounts.map(\.address) + aliases.map(\.address)).compactMap { EmailAddress($0)?.folded })
        try DevicePasswords.requireOwnNames(manifest) { taken.contains($0.folded) }
        let unmatched = UnmatchedRules.warnings(loaded, accounts: accounts.map(\.address), domains: domains)
        return notes + unmatched.map { "\($0)\n" }.joined() + "\(loaded.file): no errors\n"
            + lines.map { "\($0)\n" }.joined()
    }

    /// Every setting in effect with where it comes from. Secrets are file names, never their content.
    package static func show(_ option: String?, json: Bool) throws -> String {
        let loaded = try ManifestFile.load(try ManifestFile.locate(option))
        return json ? try PrettyJSON.text(ShownSetting.all(loaded)) + "\n" : ManifestText.render(loaded)
    }

    package static func reference() -> String { ConfigReference.render() }
}

/// A setting as `config show --json` prints it.
struct ShownSetting: Codable {
    var path: String
    /// As it would be written on one line; absent when it is not set.
    var value: String?
    var origin: String
    /// `live` or `restart`.
    var apply: String

    static func all(_ loaded: LoadedManifest) -> [ShownSetting] {
        Schema.settings.map { setting in
            ShownSetting(
                path: setting.path,
                value: setting.text(in: loaded.manifest),
                origin: loaded.origin(setting.path).description,
                apply: setting.apply.rawValue
            )
        }
    }
}
