import MailIntake
import MailMessage
import MailPolicy
import NIOCore
import SMTPCore

// Header checks of what lies below a message's own header: the headers of its parts and of messages that are attached.
// Read from where the scanner found them, so that a large body is read again only where something in it changes.
extension SMTPConversation {
    /// Steps of one message that are kept.
    private static let mostPartSteps = 50

    /// Checks the headers of the parts, and puts other octets in the place of what is to change.
    ///
    /// - Returns: the refusal, where there is one.
    func checkParts(
        _ message: inout CollectedMessage, _ decision: inout HeaderCheckDecision, _ trace: inout [TraceStep]
    ) async throws -> SMTPReply? {
        let isChecked = context.settings.rules.rewriting.hasPartHeaderChecks
        guard isChecked, !message.index.structure.children.isEmpty else { return nil }
        let start = message.index.headerBlock.count
        var steps: [TraceStep] = []
        defer { trace += steps.abridged(to: Self.mostPartSteps) }
        var edits: [(range: Range<Int>, octets: [UInt8])] = []
        for header in message.index.structure.innerHeaders where header.range.lowerBound >= start {
            let octets = try await message.body(from: header.range.lowerBound - start, atMost: header.range.count)
            let block = HeaderBlock(parsing: octets)
            guard !block.fields.isEmpty else { continue }
            var own: [TraceStep] = []
            let place = header.isMessage ? HeaderPlace.attachedMessage : .part
            let (checked, found) = try await headerPolicy.check(block, at: .receipt, of: place, &own)
            steps += own.map { Self.naming(header, in: $0) }
            decision.add(found)
            if let refusal = found.refusal { return SMTPReply(refusal) }
            guard !found.edits.isEmpty else { continue }
            let offset = header.range.lowerBound - start
            edits.append((offset..<(offset + block.bytes.count), checked.bytes))
        }
        if !edits.isEmpty { try await replace(edits, in: &message) }
        return nil
    }

    private static func naming(_ header: InnerHeader, in step: TraceStep) -> TraceStep {
        var step = step
        let place = header.isMessage ? "in the message in part \(header.part)" : "in part \(header.part)"
        step.note = [step.note, place].compactMap { $0 }.joined(separator: ", ")
        return step
    }

    /// - Parameter edits: of the body, from its start, in order and apart from each other.
    private func replace(
        _ edits: [(range: Range<Int>, octets: [UInt8])], in message: inout CollectedMessage
    ) async throws {
        var collector = newBody()
        await collector.append(ByteBuffer(bytes: message.index.headerBlock))
        var position = 0
        for edit in edits + [(range: Int.max..<Int.max, octets: [])] {
            while position < edit.range.lowerBound {
                let count = min(65_536, edit.range.lowerBound - position)
                let piece = try await message.body(from: position, atMost: count)
                guard !piece.isEmpty else { break }
                await collector.append(ByteBuffer(bytes: piece))
                position += piece.count
            }
            await collector.append(ByteBuffer(bytes: edit.octets))
            position = edit.range.upperBound
        }
        if case .spool(let error) = collector.fault { throw error }
        guard let changed = collector.finish() else {
            throw RewriteUnavailable(reason: "the message can't be put together again")
        }
        message = CollectedMessage(index: changed.index, body: changed.body, repairs: message.repairs)
    }
}

extension HeaderCheckDecision {
    /// Takes over what the check of another header of the message wants done with it.
    fileprivate mutating func add(_ other: HeaderCheckDecision) {
        holds = holds || other.holds
        discards = discards || other.discards
        redirect = other.redirect ?? redirect
        copies += other.copies
    }
}
