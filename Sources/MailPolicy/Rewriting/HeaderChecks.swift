import MailConfig
package import MailSyntax

/// What a table of header checks wants done about a field, as Postfix writes it.
package enum HeaderCheckAction: Sendable, Hashable {
    case none
    case remove(note: String?)
    case replace(String)
    case prepend(String)
    case warn(String)
    case reject(PolicyReply)
    case hold(String)
    case discard(String)
    case redirect(EmailAddress)
    case copy(EmailAddress)

    /// What is wrong with an action, and what to do instead.
    package struct Fault: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// Reads the value of a table.
    ///
    /// - Parameter isSending: the table is asked when mail leaves, when it is too late for some actions.
    package init(_ value: String, isSending: Bool) throws(Fault) {
        let trimmed = value.drop { $0 == " " || $0 == "\t" }
        let word = trimmed.prefix { !$0.isWhitespace }
        let text = String(trimmed[word.endIndex...].drop { $0.isWhitespace })
        let note = text.isEmpty ? nil : text
        switch word.uppercased() {
        case "DUNNO", "OK": self = .none
        case "IGNORE": self = .remove(note: nil)
        case "STRIP": self = .remove(note: note)
        case "REPLACE": self = .replace(try Self.argument(word, note))
        case "PREPEND": self = .prepend(try Self.argument(word, note))
        case "WARN", "INFO": self = .warn(note ?? "content matched")
        case "REJECT", "HOLD", "DISCARD", "REDIRECT", "BCC":
            guard !isSending else {
                throw Fault(description: "\(word) comes too late when mail is sent; write it into header_checks")
            }
            self = try Self.decision(word, note)
        case "FILTER":
            throw Fault(description: "FILTER is not there; name the filter under milters, or make a route for the mail")
        case "PASS":
            throw Fault(description: "PASS is not there; write DUNNO for the fields that are to pass")
        default:
            throw Fault(
                description:
                    "\(word.prefix(40)) is no action of header checks; there are DUNNO, IGNORE, STRIP, REPLACE, "
                    + "PREPEND, WARN, INFO, REJECT, HOLD, REDIRECT, DISCARD and BCC")
        }
    }

    private static func argument(_ word: Substring, _ text: String?) throws(Fault) -> String {
        guard let text else { throw Fault(description: "\(word) needs the text of a field behind it") }
        return text
    }

    private static func decision(_ word: Substring, _ text: String?) throws(Fault) -> HeaderCheckAction {
        switch word.uppercased() {
        case "REJECT": return .reject(reply(text ?? "message content rejected"))
        case "HOLD": return .hold(text ?? "held by a header check")
        case "DISCARD": return .discard(text ?? "discarded by a header check")
        default:
            guard let address = text.flatMap({ EmailAddress($0) }) else {
                throw Fault(description: "\(word) needs one address behind it")
            }
            return word.uppercased() == "BCC" ? .copy(address) : .redirect(address)
        }
    }

    /// `[code] [status] text`, code and status only where they mean a permanent refusal.
    private static func reply(_ text: String) -> PolicyReply {
        var words = text.split(separator: " ", omittingEmptySubsequences: true)[...]
        var code = 550
        if let word = words.first, word.count == 3, let number = Int(word), (500...599).contains(number) {
            code = number
            words = words.dropFirst()
        }
        var status = EnhancedStatusCode(5, 7, 1)
        if let word = words.first, let own = EnhancedStatusCode(parsing: word), own.isPermanentFailure {
            status = own
            words = words.dropFirst()
        }
        let rest = words.joined(separator: " ")
        return PolicyReply(code, status, printable(rest.isEmpty ? "message content rejected" : rest))
    }

    /// A reply is one line: what a pattern took out of a field may be anything.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
    }
}

/// When fields are checked.
package enum HeaderCheckTime: Sendable, Hashable {
    /// When the message is taken in, before anything of it is rewritten.
    case receipt
    /// When it leaves, after everything is rewritten and before it is signed.
    case sending
}

/// Whose header it is that is checked.
package enum HeaderPlace: Sendable, Hashable {
    case message
    case part
    case attachedMessage
}

/// What the checks of a whole header come to.
package struct HeaderCheckDecision: Sendable, Hashable {
    package enum Edit: Sendable, Hashable {
        case remove
        case replace(String)
        /// A field that goes above it.
        case prepend(String)
    }

    /// By index of the field.
    package var edits: [Int: Edit] = [:]
    /// The first refusal; 451 where a table didn't answer.
    package var refusal: PolicyReply?
    package var holds = false
    package var discards = false
    /// Gets the message in place of all recipients.
    package var redirect: EmailAddress?
    package var copies: [EmailAddress] = []

    package init() {}
}

extension Policy {
    /// Checks the fields of a header, each by itself; the first table that has something for a field decides about it.
    ///
    /// - Parameter fields: name, colon and value as they stand, folded lines parted by a line feed alone.
    package static func checkHeader(
        _ fields: [String], at time: HeaderCheckTime, of place: HeaderPlace = .message, rules: PolicyRules,
        _ answers: Answers
    ) -> Evaluation<HeaderCheckDecision> {
        let purposes = fields.map { purpose(of: $0, time, place, rules.rewriting.settings) }
        var context = EvaluationContext(answers)
        let finds = zip(fields, purposes).map { context.find(key: $0, in: $1) }
        guard context.wanted.isEmpty else { return context.asking() }
        var decision = HeaderCheckDecision()
        for (index, (find, purpose)) in zip(finds, purposes).enumerated() where decision.refusal == nil {
            switch find {
            case .asking: return context.asking()
            case .notFound: break
            case .unavailable(let reason):
                context.step(TraceStage.rewrite, purpose.rawValue, before: fields[index], note: "deferred: \(reason)")
                decision.refusal = .unavailable
            case .found(let answer, _):
                apply(answer, to: index, fields[index], purpose, &decision, &context)
            }
        }
        return context.decided(decision)
    }

    /// The tables that are asked about a field, which are Postfix's.
    private static func purpose(
        of field: String, _ time: HeaderCheckTime, _ place: HeaderPlace, _ settings: Manifest.Rewrite
    ) -> TablePurpose {
        guard time == .receipt else { return .sendingHeaderChecks }
        if settings.mimeHeaderChecks != nil, place == .part || isOfMIME(field) { return .mimeHeaderChecks }
        let isNested = place == .attachedMessage && !isOfMIME(field)
        return settings.nestedHeaderChecks != nil && isNested ? .nestedHeaderChecks : .headerChecks
    }

    private static let fieldsOfMIME: Set<String> = [
        "content-description", "content-disposition", "content-id", "content-transfer-encoding", "content-type",
        "mime-version",
    ]

    private static func isOfMIME(_ field: String) -> Bool {
        let name = field.prefix(40).prefix { $0 != ":" && $0 != " " && $0 != "\t" }
        return fieldsOfMIME.contains(name.lowercased())
    }

    private static func apply(
        _ answer: TableAnswer, to index: Int, _ field: String, _ purpose: TablePurpose,
        _ decision: inout HeaderCheckDecision, _ context: inout EvaluationContext
    ) {
        let before = String(field.prefix(200))
        func note(_ note: String?, after: String? = nil) {
            context.step(
                TraceStage.rewrite, purpose.rawValue, origin: answer.origin, before: before, after: after, note: note)
        }
        let action: HeaderCheckAction
        do {
            action = try HeaderCheckAction(answer.value, isSending: purpose == .sendingHeaderChecks)
        } catch {
            note("passed over: \(error)")
            return
        }
        switch action {
        case .none: break
        case .remove(let text):
            decision.edits[index] = .remove
            note(text.map { "removed: \($0)" } ?? "removed")
        case .replace(let text):
            decision.edits[index] = .replace(text)
            note("replaced", after: text)
        case .prepend(let text):
            decision.edits[index] = .prepend(text)
            note("a field above it", after: text)
        case .warn(let text): note("warning: \(text)")
        case .reject(let reply):
            decision.refusal = reply
            note("refused: \(reply.code) \(reply.enhanced) \(reply.text)")
        case .hold(let text):
            decision.holds = true
            note("held: \(text)")
        case .discard(let text):
            decision.discards = true
            note("discarded: \(text)")
        case .redirect(let address):
            decision.redirect = address
            note("redirected", after: "\(address)")
        case .copy(let address):
            decision.copies.append(address)
            note("copy", after: "\(address)")
        }
    }
}
