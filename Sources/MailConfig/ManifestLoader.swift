/// A manifest with what is known of where it came from.
package struct LoadedManifest: Sendable {
    package var manifest: Manifest
    /// The path of the file, as it was given.
    package var file: String
    /// By setting path; what isn't here has its default.
    package var origins: [String: ValueOrigin]
    /// Not wrong, but worth saying once at start.
    package var notes: [ConfigDiagnostic]

    /// Where the value of a setting comes from.
    package func origin(_ path: String) -> ValueOrigin { origins[path] ?? .standard }
}

/// File and environment in, a manifest or everything that is wrong out. Reads no file and no environment itself.
package enum ManifestLoader {
    /// - Parameters:
    ///   - text: the YAML; empty when there is no file.
    ///   - file: its path as the operator knows it: in messages, and the start of relative paths.
    ///   - environment: all variables; those that don't begin with `MARTLET_` are ignored.
    package static func load(
        text: String, file: String, environment: [String: String] = [:]
    ) -> Result<LoadedManifest, ManifestErrors> {
        var walk = ManifestWalk(file: file)
        var source = YAMLSource(file: file)
        if let root = source.read(text) {
            walk.section(root, path: "")
        }
        walk.reading.diagnostics += source.diagnostics
        let variables = EnvironmentSource.read(environment)
        walk.reading.diagnostics += variables.diagnostics
        walk.apply(variables)
        let isReadable = !source.diagnostics.contains { $0.message.hasPrefix("not valid YAML") }
        if isReadable { walk.requireAll() }
        var loaded = LoadedManifest(
            manifest: walk.manifest, file: file, origins: walk.origins, notes: variables.notes
        )
        if walk.reading.diagnostics.isEmpty {
            walk.reading.diagnostics = ManifestValidator.check(loaded)
            loaded.notes += RoutingCheck(loaded).warnings()
        }
        // The file from top to bottom, the environment after it.
        walk.reading.diagnostics.sort { ($0.line ?? Int.max, $0.column ?? 0) < ($1.line ?? Int.max, $1.column ?? 0) }
        return walk.reading.diagnostics.isEmpty ? .success(loaded) : .failure(ManifestErrors(walk.reading.diagnostics))
    }
}

/// The walk over a YAML tree along the schema.
private struct ManifestWalk {
    var manifest = Manifest()
    var origins: [String: ValueOrigin] = [:]
    var reading: ConfigReading
    private let file: String
    /// Where each section of the file begins.
    private var sections: [String: ConfigPlace] = [:]
    /// Settings that were written, rightly or not, or that a report already speaks of: they aren't missing.
    private var covered: Set<String> = []

    init(file: String) {
        self.file = file
        let folder = file.lastIndex(of: "/").map { String(file[..<$0]) }
        reading = ConfigReading(folder: folder.map { $0.isEmpty ? "/" : $0 } ?? "")
    }

    mutating func section(_ node: ConfigNode, path: String) {
        switch node.content {
        case .empty:
            return
        case .scalar, .list:
            let name = path.isEmpty ? "the manifest" : "`\(path)`"
            let key = Schema.keys(in: path).first ?? "name"
            covered.formUnion(Schema.settings.map(\.path).filter { $0.hasPrefix("\(path).") })
            reading.report(
                node.place, "\(name) is \(node.kindName), not a section", remedy: "write `\(key): …` below it")
        case .map(let pairs):
            for pair in pairs { entry(pair, section: path) }
        }
    }

    private mutating func entry(_ pair: ConfigPair, section: String) {
        let path = section.isEmpty ? pair.key : "\(section).\(pair.key)"
        if let setting = Schema.byPath[path] {
            covered.insert(path)
            var place = pair.value.place
            if pair.value.content == .empty { place = pair.keyPlace }
            let node = ConfigNode(content: pair.value.content, place: place)
            if setting.read(node, &reading, &manifest) {
                let key = pair.keyPlace
                origins[path] = .file(file, line: key.line ?? 1, column: key.column ?? 1)
            }
        } else if Schema.isSection(path) {
            sections[path] = pair.keyPlace
            self.section(pair.value, path: path)
        } else {
            unknown(pair, section: section)
        }
    }

    private mutating func unknown(_ pair: ConfigPair, section: String) {
        let here = section.isEmpty ? "at the top level" : "in `\(section)`"
        let message = "unknown setting `\(pair.key)` \(here)"
        reading.report(pair.keyPlace, message, remedy: unknownRemedy(pair.key, section: section))
    }

    private mutating func unknownRemedy(_ key: String, section: String) -> String {
        if section.isEmpty, let command = Self.directoryHalf[key] {
            return "it is kept in the database, not in this file: use `\(command)`"
        }
        let siblings = Schema.keys(in: section)
        if let near = Suggestion.nearest(to: key, among: siblings) {
            covered.insert(section.isEmpty ? near : "\(section).\(near)")
            return "did you mean `\(near)`?"
        }
        let near = Suggestion.nearest(to: key, among: Schema.settings.map(\.key))
        if let setting = Schema.settings.first(where: { $0.key == key || $0.key == near }) {
            covered.insert(setting.path)
            return "did you mean `\(setting.path)`? It belongs in the section `\(setting.section)`"
        }
        return "remove it, or write one of \(siblings.map { "`\($0)`" }.joined(separator: ", "))"
    }

    private static let directoryHalf = [
        "domains": "martlet domain add", "accounts": "martlet account add", "users": "martlet account add",
        "aliases": "martlet alias add", "passwords": "martlet account passwd",
    ]

    mutating func apply(_ variables: EnvironmentSource) {
        for variable in variables.values {
            covered.insert(variable.setting.path)
            if variable.setting.read(variable.node, &reading, &manifest) {
                origins[variable.setting.path] = .environment(name: variable.setting.environmentName)
            }
        }
    }

    mutating func requireAll() {
        for setting in Schema.settings where setting.isRequired && !covered.contains(setting.path) {
            let place = sections[setting.section] ?? ConfigPlace(file: file, line: 1, column: 1)
            let remedy =
                "write `\(setting.key): mail.example.org` in the section `\(setting.section)`, "
                + "or set \(setting.environmentName)"
            reading.report(place, "`\(setting.path)` is missing", remedy: remedy)
        }
    }
}
