package import MailMessage
package import MailPolicy
import MailSyntax

/// A table that a message's rewriting needs doesn't answer: it is taken, or sent, later.
package struct RewriteUnavailable: Error, Sendable, CustomStringConvertible {
    package let reason: String

    package init(reason: String) {
        self.reason = reason
    }

    package var description: String { "a table doesn't answer: \(reason)" }
}

/// Applies what policy decides about the fields of a header: addresses, and header checks.
package struct HeaderPolicy: Sendable {
    /// Changes of one header that are noted one by one.
    private static let mostSteps = 50

    private let rules: PolicyRules
    private let answer: @Sendable (Lookup) async -> Answer

    package init(_ rules: PolicyRules, answer: @escaping @Sendable (Lookup) async -> Answer) {
        self.rules = rules
        self.answer = answer
    }

    // MARK: Addresses

    /// Canonical addresses and masquerading, and a domain for what has none; when a message is taken in.
    /// - Throws: `RewriteUnavailable`.
    package func canonical(_ header: HeaderBlock, _ trace: inout [TraceStep]) async throws -> HeaderBlock {
        try await rewrite(header, &trace) { place, answers in
            let isSender = place.role == .sender
            let facts =
                switch place.written {
                case .address(let address): HeaderAddressFacts(.address(address), isSender: isSender)
                case .unqualified(let name): HeaderAddressFacts(.unqualified(name), isSender: isSender)
                }
            return Policy.rewriteHeaderAddress(facts, rules: rules, answers)
        }
    }

    /// Generic addresses; on the way out.
    /// - Throws: `RewriteUnavailable`.
    package func outgoing(_ header: HeaderBlock, _ trace: inout [TraceStep]) async throws -> HeaderBlock {
        try await rewrite(header, &trace) { place, answers in
            guard case .address(let address) = place.written else { return .decided(.keep, trace: []) }
            return Policy.rewriteOutgoing(address, rules: rules, answers)
        }
    }

    private struct Key: Hashable {
        let written: HeaderAddressRewriter.Written
        let role: AddressFieldRole
    }

    /// Asks about each address once.
    private func rewrite(
        _ header: HeaderBlock, _ trace: inout [TraceStep],
        _ evaluate: (HeaderAddressRewriter.Place, Answers) -> Evaluation<AddressDecision>
    ) async throws -> HeaderBlock {
        let rewriter = HeaderAddressRewriter(header)
        var known: [Key: EmailAddress?] = [:]
        var replacements: [Int: EmailAddress] = [:]
        var steps: [TraceStep] = []
        for (index, place) in rewriter.places.enumerated() {
            let key = Key(written: place.written, role: place.role)
            if let decided = known[key] {
                if let decided { replacements[index] = decided }
                continue
            }
            let (decision, own) = try await Policy.run({ evaluate(place, $0) }, answer: answer)
            switch decision {
            case .keep: known[key] = .some(nil)
            case .replace(let address):
                known[key] = address
                replacements[index] = address
                steps += own.map { Self.named($0, header.fields[place.field].name) }
            case .unavailable(let reason): throw RewriteUnavailable(reason: reason)
            }
        }
        trace += steps.prefix(Self.mostSteps)
        if steps.count > Self.mostSteps {
            let note = "and \(steps.count - Self.mostSteps) more of the header"
            trace.append(TraceStep(stage: TraceStage.rewrite, rule: "header", note: note))
        }
        return rewriter.replacing(replacements) ?? header
    }

    private static func named(_ step: TraceStep, _ field: String) -> TraceStep {
        var step = step
        step.note = [field, step.note].compactMap { $0 }.joined(separator: ", ")
        return step
    }

    // MARK: Checks

    /// Header checks: the header as it is then, and what becomes of the message.
    package func check(
        _ header: HeaderBlock, at time: HeaderCheckTime, of place: HeaderPlace = .message, _ trace: inout [TraceStep]
    ) async throws -> (header: HeaderBlock, decision: HeaderCheckDecision) {
        let fields = header.fields.indices.map { header.checkedText($0) }
        let (decision, steps) = try await Policy.run(
            { Policy.checkHeader(fields, at: time, of: place, rules: rules, $0) }, answer: answer)
        trace += steps
        var replacements: [Int: [UInt8]] = [:]
        for (index, edit) in decision.edits {
            switch edit {
            case .remove: replacements[index] = []
            case .replace(let text): replacements[index] = HeaderBlock.field(text)
            case .prepend(let text):
                replacements[index] = HeaderBlock.field(text) + header.bytes[header.fields[index].range]
            }
        }
        return (header.replacing(replacements), decision)
    }
}
