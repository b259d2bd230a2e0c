/// A place in a source of configuration.
struct ConfigPlace: Sendable, Hashable {
    var file: String
    var line: Int?
    var column: Int?
}

/// A YAML node, or what an environment variable stands for, without any type yet.
struct ConfigNode: Sendable, Hashable {
    enum Content: Sendable, Hashable {
        case scalar(String)
        /// Nothing written after the colon, or `null`.
        case empty
        case list([ConfigNode])
        case map([ConfigPair])
    }

    var content: Content
    var place: ConfigPlace

    /// How the kind of content is called in messages.
    var kindName: String {
        switch content {
        case .scalar: "a single value"
        case .empty: "nothing"
        case .list: "a list"
        case .map: "a section"
        }
    }
}

/// A key with its value.
struct ConfigPair: Sendable, Hashable {
    var key: String
    var keyPlace: ConfigPlace
    var value: ConfigNode
}

/// A value on its way out: into `config show`, the reference and the environment's form.
package indirect enum RenderedValue: Sendable, Hashable {
    case scalar(String)
    case list([RenderedValue])
    case map([Field])

    package struct Field: Sendable, Hashable {
        package var key: String
        package var value: RenderedValue
    }

    /// One line, as for a table or an environment variable.
    var inline: String {
        switch self {
        case .scalar(let text): text
        case .list(let items): items.isEmpty ? "none" : items.map(\.inline).joined(separator: ",")
        case .map(let fields): fields.map { "\($0.key)=\($0.value.inline)" }.joined(separator: ";")
        }
    }
}

/// What reading a source collects.
struct ConfigReading {
    /// The folder of the manifest, without a final slash; relative paths start here. Empty: the current folder.
    var folder: String
    /// The setting that is being read, for messages.
    var path = ""
    var diagnostics: [ConfigDiagnostic] = []

    mutating func report(_ place: ConfigPlace, _ message: String, remedy: String) {
        diagnostics.append(ConfigDiagnostic(place, message, remedy: remedy))
    }

    /// Reports what is wrong with the value of the setting being read.
    mutating func reportValue(_ node: ConfigNode, _ message: String, remedy: String) {
        report(node.place, "`\(path)` \(message)", remedy: remedy)
    }

    func resolve(_ file: String) -> String {
        if file.hasPrefix("/") || folder.isEmpty { return file }
        let tail = file.hasPrefix("./") ? String(file.dropFirst(2)) : file
        return folder == "/" ? "/\(tail)" : "\(folder)/\(tail)"
    }
}
