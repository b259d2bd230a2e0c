/// One step of a decision: which rule, where it was written, and what it changed.
///
/// The same steps answer `martlet explain`, are stored with each message, and stand in the log.
package struct TraceStep: Sendable, Codable, Equatable {
    /// One of `TraceStage`'s names.
    package var stage: String
    /// `relay`, `alias`, `sender-login`, `smarthost` …
    package var rule: String
    /// Where the rule was written: `martlet.yaml:12`, `directory revision 7`, `built in`.
    package var origin: String
    package var before: String?
    package var after: String?
    package var note: String?

    package init(
        stage: String, rule: String, origin: String = TraceStep.builtIn, before: String? = nil, after: String? = nil,
        note: String? = nil
    ) {
        self.stage = stage
        self.rule = rule
        self.origin = origin
        self.before = before
        self.after = after
        self.note = note
    }

    /// The origin of rules that nobody wrote.
    package static let builtIn = "built in"

    /// One line without control characters, whatever the peer sent:
    /// `expansion/alias: info@example.org → a@example.org, b@example.org [directory revision 7]`.
    package var text: String {
        var line = "\(stage)/\(rule):"
        if let before { line += " \(before)" }
        if let after { line += before == nil ? " \(after)" : " → \(after)" }
        if let note { line += before == nil && after == nil ? " \(note)" : " (\(note))" }
        line += " [\(origin)]"
        return String(String.UnicodeScalarView(line.unicodeScalars.map { $0.properties.isPrintable ? $0 : "?" }))
    }
}

extension Unicode.Scalar.Properties {
    fileprivate var isPrintable: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
        default: true
        }
    }
}

/// The names of the stages, in the order a message meets them.
package enum TraceStage {
    package static let admission = "admission"
    package static let rewrite = "rewrite"
    package static let expansion = "expansion"
    package static let routing = "routing"
    package static let credentials = "credentials"
    package static let authentication = "authentication"
    package static let milter = "milter"
    package static let signing = "signing"
    package static let sealing = "sealing"
    package static let tls = "tls"

    /// Those that a way out is found by.
    package static let ofTheWayOut: Set<String> = [routing, credentials, tls]
    package static let delivery = "delivery"
}

extension Sequence<TraceStep> {
    /// A line a step.
    package var text: String { map(\.text).joined(separator: "\n") }
}
