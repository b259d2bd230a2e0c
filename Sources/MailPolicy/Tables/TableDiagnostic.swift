/// Something in a table that can't be taken as it is written.
package struct TableDiagnostic: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Severity: Sendable, Hashable {
        /// Said, and the table is used.
        case warning
        /// The table as it stands is not used.
        case error
    }

    package var severity: Severity
    /// The table's file, or the manifest.
    package var file: String
    /// From 1; nil where it concerns the whole.
    package var line: Int?
    /// Never holds a value: those of some tables are passwords.
    package var message: String
    package var remedy: String

    package init(
        _ severity: Severity = .error, file: String, line: Int? = nil, _ message: String, remedy: String
    ) {
        self.severity = severity
        self.file = file
        self.line = line
        self.message = message
        self.remedy = remedy
    }

    /// `/etc/martlet/virtual:4`
    package var place: String { line.map { "\(file):\($0)" } ?? file }

    /// `/etc/martlet/virtual:4: message` and, on a second line, the remedy.
    package var description: String { "\(place): \(message)\n    remedy: \(remedy)" }
}

/// Why a table has no answer for now.
package struct TableFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// What a line lacks, before it is known where the line stands.
struct RuleProblem: Error {
    var message: String
    var remedy: String
}
