import Glibc
package import MailConfig

/// Where the manifest is, and its text.
package enum ManifestFile {
    /// Where a manifest is looked for when nothing says where: the system's, one here, one of this user.
    static var usualPlaces: [String] {
        ["/etc/martlet/martlet.yaml", "martlet.yaml"] + (home.map { ["\($0)/.local/share/martlet/martlet.yaml"] } ?? [])
    }

    package static var environment: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let pair = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if let name = pair.first, let value = pair.dropFirst().first { variables[String(name)] = String(value) }
            next += 1
        }
        return variables
    }

    /// The manifest's path: the option, `MARTLET_CONFIG`, or the first of the usual places that exists.
    package static func locate(_ option: String?) throws -> String {
        if let option { return option }
        if let named = environment["MARTLET_CONFIG"], !named.isEmpty { return named }
        if let found = usualPlaces.first(where: FileBytes.exists) {
            try requireOwn(found)
            return found
        }
        throw AdminError(
            .noInput,
            "there is no manifest at \(usualPlaces.joined(separator: ", "))",
            remedy: "name it with --config FILE or MARTLET_CONFIG, or make one: martlet quickstart ADDRESS"
        )
    }

    /// Refuses to let root find a manifest that somebody else put in its way: it names the folder that root gives away and
    /// the user whom root gives it to.
    static func requireOwn(_ path: String) throws {
        var info = stat()
        guard Privileges.isRoot, stat(path, &info) == 0, info.st_uid != 0 else { return }
        throw AdminError(
            .noPermission, "the manifest \(path) was found, and is not root's",
            remedy: "name it with --config, or give it to root")
    }

    /// Reads and checks a manifest, with the environment's overrides.
    package static func load(_ path: String) throws -> LoadedManifest {
        try parse(try text(of: path), path: path)
    }

    /// Checks the text of the manifest that is, or is to be, at `path`, with the environment's overrides.
    package static func parse(_ text: String, path: String) throws -> LoadedManifest {
        switch ManifestLoader.load(text: text, file: FileBytes.absolute(path), environment: environment) {
        case .success(let loaded): return loaded
        case .failure(let errors): throw AdminError(.config, errors.description)
        }
    }

    private static func text(of path: String) throws -> String {
        let bytes = try FileBytes.read(path, limit: 4 << 20)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw AdminError(.config, "\(path) is not UTF-8 text", remedy: "save it as UTF-8")
        }
        return text
    }

    static var home: String? { environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } }
}
