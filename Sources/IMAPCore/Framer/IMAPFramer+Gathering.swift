import NIOCore

extension IMAPFramer {
    // MARK: Lines

    /// Moves octets up to and including the next line feed into `gathered`.
    ///
    /// - Returns: the line without CRLF, once it is whole. Too long a line changes the state to `.discarding`.
    mutating func gatherLine(
        limit: Int, problem: IMAPFramingProblem, _ buffer: inout ByteBuffer
    ) -> ArraySlice<UInt8>? {
        let view = buffer.readableBytesView
        let lineFeed = view.firstIndex(of: 0x0A)
        let available = lineFeed.map { $0 - view.startIndex + 1 } ?? view.count
        guard gathered.count - lineStart + available <= limit + 2 else {
            let outcome: Discard.Outcome =
                state == .appendTail
                ? .appendEnd(Array(gathered.prefix(256)) + [UInt8(ascii: "?")])
                : .refused(prefix: refusalPrefix(view.prefix(256)), problem)
            // What was gathered of this line counts: the end must not depend on how the octets came in.
            let budget = max(0, limits.swallowLine - (gathered.count - lineStart))
            state = .discarding(Discard(remaining: 0, tail: gathered.suffix(32), budget: budget, outcome: outcome))
            gathered = []
            lineStart = 0
            return nil
        }
        gathered.append(contentsOf: view.prefix(available))
        buffer.moveReaderIndex(forwardBy: available)
        guard lineFeed != nil else { return nil }
        // A line feed alone ends a line too: people type IMAP by hand.
        gathered.removeLast()
        if gathered.count > lineStart, gathered.last == 0x0D { gathered.removeLast() }
        return gathered[lineStart...]
    }

    mutating func gatherCommandLine(_ buffer: inout ByteBuffer) -> IMAPFrame? {
        guard let line = gatherLine(limit: lineLimit, problem: .lineTooLong, &buffer) else { return nil }
        guard let header = LiteralHeader(endOf: line) else {
            let command = gathered
            startCommand()
            return .command(command)
        }
        if stage == .authenticated, CommandWord.announcesMessage(gathered, brace: header.start) {
            let prefix = Array(gathered[..<header.start])
            startCommand()
            return .appendBegin(prefix: prefix, size: header.size, literal: announceMessage(header))
        }
        if let problem = problem(with: header) { return refuse(header, problem) }
        gathered.append(contentsOf: [0x0D, 0x0A])
        literals += 1
        state = .literal(remaining: header.size)
        return header.kind == .synchronizing ? .continuationNeeded : nil
    }

    // MARK: Literals

    private func problem(with header: LiteralHeader) -> IMAPFramingProblem? {
        if header.size > literalLimit { return .literalTooLarge }
        if literals >= limits.literals { return .tooManyLiterals }
        if gathered.count + header.size > commandLimit { return .commandTooLarge }
        return nil
    }

    // RFC 7888 §4
    private mutating func refuse(_ header: LiteralHeader, _ problem: IMAPFramingProblem) -> IMAPFrame? {
        let prefix = refusalPrefix([])
        startCommand()
        switch header.kind {
        case .synchronizing: return .refused(prefix: prefix, problem)
        case .nonSynchronizing, .unasked:
            discard(literal: header.size, outcome: .refused(prefix: prefix, problem))
            return nil
        }
    }

    /// The first octets of the command, as far as they are known.
    private func refusalPrefix(_ more: some Sequence<UInt8>) -> [UInt8] {
        Array((Array(gathered.prefix(256)) + more).prefix(256))
    }

    mutating func gatherLiteral(_ remaining: Int, _ buffer: inout ByteBuffer) -> IMAPFrame? {
        let count = min(remaining, buffer.readableBytes)
        gathered.append(contentsOf: buffer.readableBytesView.prefix(count))
        buffer.moveReaderIndex(forwardBy: count)
        let isAppend = if case .appendLiteral = state { true } else { false }
        if count == remaining {
            lineStart = gathered.count
            state = isAppend ? .appendTail : .command
        } else {
            state = isAppend ? .appendLiteral(remaining: remaining - count) : .literal(remaining: remaining - count)
        }
        return nil
    }

    // MARK: APPEND

    private mutating func announceMessage(_ header: LiteralHeader) -> IMAPLiteralKind {
        guard header.kind == .nonSynchronizing, header.size <= limits.appendUnasked else {
            state = .appendPending(size: header.size, header.kind)
            return header.kind
        }
        state = Self.inside(header.size)
        return .unasked
    }

    mutating func appendPiece(_ remaining: Int, _ buffer: inout ByteBuffer) -> IMAPFrame? {
        let count = min(remaining, buffer.readableBytes, limits.appendChunk)
        guard count > 0, let piece = buffer.readSlice(length: count) else { return nil }
        state = count == remaining ? .appendTail : .appendData(remaining: remaining - count)
        return .appendData(piece)
    }

    /// What follows message text: the end, another message (RFC 3502 §6.3.11), or more parts (RFC 4469 §3).
    mutating func gatherAppendTail(_ buffer: inout ByteBuffer) -> IMAPFrame? {
        guard let line = gatherLine(limit: lineLimit, problem: .lineTooLong, &buffer) else { return nil }
        guard let header = LiteralHeader(endOf: line) else {
            let rest = gathered
            startCommand()
            return .appendEnd(rest)
        }
        guard CommandWord.announcesURL(gathered[..<header.start]) else {
            let text = Array(gathered[..<header.start])
            startCommand()
            return .appendNext(text, size: header.size, literal: announceMessage(header))
        }
        if problem(with: header) != nil { return refuseInAppend(header) }
        gathered.append(contentsOf: [0x0D, 0x0A])
        literals += 1
        state = .appendLiteral(remaining: header.size)
        return header.kind == .synchronizing ? .continuationNeeded : nil
    }

    /// Ends the command with something that no grammar takes.
    private mutating func refuseInAppend(_ header: LiteralHeader) -> IMAPFrame? {
        let rest = gathered.prefix(256) + [UInt8(ascii: "?")]
        startCommand()
        guard header.kind == .nonSynchronizing else { return .appendEnd(Array(rest)) }
        discard(literal: header.size, outcome: .appendEnd(Array(rest)))
        return nil
    }

    // MARK: Dropping

    mutating func discard(literal size: Int, outcome: Discard.Outcome) {
        gathered = []
        lineStart = 0
        // A whole line may follow even the largest literal.
        let budget = size <= limits.swallow ? limits.swallow + limits.swallowLine : 0
        state = .discarding(Discard(remaining: size, budget: budget, outcome: outcome))
    }

    mutating func drop(_ current: Discard, _ buffer: inout ByteBuffer) -> IMAPFrame? {
        var discard = current
        guard discard.remaining <= discard.budget else { return fail(.literalTooLarge) }
        if discard.remaining > 0 {
            let count = min(discard.remaining, buffer.readableBytes)
            buffer.moveReaderIndex(forwardBy: count)
            discard.remaining -= count
            discard.budget -= count
            state = .discarding(discard)
            return nil
        }
        let view = buffer.readableBytesView
        let lineFeed = view.firstIndex(of: 0x0A)
        let available = lineFeed.map { $0 - view.startIndex + 1 } ?? view.count
        guard available <= discard.budget else { return fail(.lineTooLong) }
        discard.budget -= available
        discard.tail = Array((discard.tail + view.prefix(available).suffix(34)).suffix(34))
        buffer.moveReaderIndex(forwardBy: available)
        guard lineFeed != nil else {
            if available > 0 { state = .discarding(discard) }
            return nil
        }
        discard.tail.removeLast()
        if discard.tail.last == 0x0D { discard.tail.removeLast() }
        if let header = LiteralHeader(endOf: discard.tail[...]), header.kind == .nonSynchronizing {
            discard.remaining = header.size
            discard.tail = []
            state = .discarding(discard)
            return nil
        }
        return finish(discard.outcome)
    }

    private mutating func finish(_ outcome: Discard.Outcome) -> IMAPFrame? {
        startCommand()
        switch outcome {
        case .refused(let prefix, let problem): return .refused(prefix: prefix, problem)
        case .appendEnd(let rest): return .appendEnd(rest)
        case .silence: return nil
        }
    }

    private mutating func fail(_ problem: IMAPFramingProblem) -> IMAPFrame {
        gathered = []
        state = .failed
        return .fatal(problem)
    }
}
