/// One thing that is wrong with the configuration (or, as a note, worth saying), with the place and the way out.
package struct ConfigDiagnostic: Error, Sendable, Hashable, CustomStringConvertible {
    /// The manifest's path as it was given, or `environment NAME`.
    package var file: String
    /// From 1; nil when there is no line (the environment).
    package var line: Int?
    /// From 1, counted in Unicode scalars; nil when there is no line.
    package var column: Int?
    /// What is wrong, with the setting's path in back-quotes. Never holds a secret.
    package var message: String
    /// What to do about it.
    package var remedy: String

    package init(file: String, line: Int?, column: Int?, message: String, remedy: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.remedy = remedy
    }

    init(_ place: ConfigPlace, _ message: String, remedy: String) {
        self.init(file: place.file, line: place.line, column: place.column, message: message, remedy: remedy)
    }

    /// `martlet.yaml:4:3: message` and, on a second line, the remedy.
    package var description: String {
        var place = file
        if let line { place += ":\(line)" }
        if let column { place += ":\(column)" }
        return "\(place): \(message)\n    remedy: \(remedy)"
    }
}

/// Everything that is wrong, in the order of the file and the environment after it.
package struct ManifestErrors: Error, Sendable, CustomStringConvertible {
    package let diagnostics: [ConfigDiagnostic]

    package init(_ diagnostics: [ConfigDiagnostic]) {
        self.diagnostics = diagnostics
    }

    package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}

/// Where the value of a setting comes from.
package enum ValueOrigin: Sendable, Hashable, CustomStringConvertible {
    case standard
    case file(String, line: Int, column: Int)
    case environment(name: String)

    /// `default`, `martlet.yaml:12` or `environment MARTLET_SERVER_NODE`.
    package var description: String {
        switch self {
        case .standard: "default"
        case .file(let file, let line, _): "\(file):\(line)"
        case .environment(let name): "environment \(name)"
        }
    }
}
