import Blobs
import Directory
import IMAPCore
import MailStore
import NetTransport
import SQLEngine

// APPEND and REPLACE. RFC 3501 §6.3.11, RFC 3502, RFC 3516 §4.4, RFC 4315 §3, RFC 4469, RFC 6855 §4, RFC 7889, RFC 8508,
// RFC 9755 §4
//
// The command comes in pieces: text, a literal, text, a literal. What can be refused is refused before a literal is asked
// for; what is wrong with a literal is told when it has been read, since the next command begins behind it. Nothing is kept
// before all is there, and then everything in one transaction.
extension IMAPSession {
    /// Where the messages go, and what goes away for them.
    private struct AppendPlace {
        let target: MailboxTarget
        var replaced: (mailbox: MailboxID, uid: UID)?
        /// Octets that the message to be replaced gives back. RFC 8508 §3.4
        var freed = 0
    }

    /// One command under way.
    private struct AppendRun {
        var parser: AppendParser
        let place: AppendPlace
        var batch: AppendBatch
        var elements: [AppendElement]
    }

    /// The literal that the framer waits to be told about, or that comes in without.
    private final class WaitingLiteral {
        var kind: IMAPLiteralKind?

        init(_ kind: IMAPLiteralKind?) { self.kind = kind }
    }

    /// Everything of APPEND, from its first line to its tagged answer.
    func handleAppend(prefix: [UInt8], size: Int, literal: IMAPLiteralKind) async throws {
        let waiting = WaitingLiteral(literal)
        try await answer(parser.tag(of: prefix) ?? "*") {
            self.isChangingMessages = true
            var append = AppendParser(self.parser)
            let (command, elements) = try self.parsed { () throws(IMAPParseError) in
                try append.begin(prefix: prefix, size: size)
            }
            let place = try await self.place(of: command)
            let batch = AppendBatch(self.service, self.enabled)
            var run = AppendRun(parser: append, place: place, batch: batch, elements: elements)
            return try await self.carryOut(&run, waiting)
        } refused: {
            try await self.refuse(waiting)
        }
    }

    /// APPEND of messages that are made of what is here already. RFC 4469 §3
    func append(_ command: AppendCommand, _ elements: [AppendElement]) async throws -> Completion {
        isChangingMessages = true
        let place = try await place(of: command)
        var run = AppendRun(
            parser: AppendParser(parser), place: place, batch: AppendBatch(service, enabled), elements: elements)
        return try await carryOut(&run, WaitingLiteral(nil))
    }

    private func carryOut(_ run: inout AppendRun, _ waiting: WaitingLiteral) async throws -> Completion {
        while !run.elements.isEmpty {
            switch run.elements.removeFirst() {
            case .message(let flags, let date):
                try run.batch.begin(flags: flags, date: date, rights: run.place.target.rights)
            case .url(let url): try await append(url, to: &run)
            case .end: try run.batch.end()
            case .literal(let size, let kind):
                if waiting.kind == .unasked {
                    // Whether the account has room is asked when it is kept.
                    try run.batch.check(size)
                } else {
                    try await checkRoom(for: size, run)
                    if waiting.kind == .synchronizing { encoder.continuation("OK") }
                    waiting.kind = nil
                    try await control(.expect(.appendAccepted))
                }
                run.elements = try await receive(kind, &run, waiting)
            }
        }
        let messages = run.batch.messages
        guard !messages.isEmpty else { throw CommandRefusal.bad(nil, "APPEND needs a message.") }
        messagesTold += messages.count
        return try await keep(messages, run.place)
    }

    // MARK: Where to

    private func place(of command: AppendCommand) async throws -> AppendPlace {
        try requireOpen(try login())
        guard let replaced = command.replaced else {
            return AppendPlace(target: try await destination(command.mailbox))
        }
        // RFC 9586 §3: before the literal is asked for
        if command.usesMessageNumbers, enabled.contains(.uidOnly) { throw CommandRefusal.uidRequired }
        // RFC 8508 §3.5, §4.1
        let source = try writableMailbox(needing: [.deleteMessages, .expunge])
        let number: UInt32?
        switch replaced {
        case .sequence(let sequence):
            number = selection?.view.uid(at: sequence)
            guard number != nil else { throw CommandRefusal.bad(.clientBug, "The mailbox has no such message.") }
        case .uid(let uid): number = selection?.view.sequenceNumber(of: uid.rawValue) == nil ? nil : uid.rawValue
        }
        guard let number,
            let row = try await service.store.rows(source, uids: [number...number], limit: 1).first
        else { throw CommandRefusal.no(.nonExistent, "There is no such message to replace.") }
        return AppendPlace(
            target: try await destination(command.mailbox), replaced: (source, UID(rawValue: number)), freed: row.size)
    }

    /// - Throws: when so many octets more are more than a message, or the account, may have.
    private func checkRoom(for more: Int, _ run: AppendRun) async throws {
        try run.batch.check(more)
        let needed = max(0, run.batch.octets - run.place.freed + more)
        guard try await service.store.hasRoom(run.place.target.account, for: needed) else {
            // RFC 9208 §4.3.1
            throw CommandRefusal.no(.overQuota, "Quota exceeded (mailbox for user is full)")
        }
    }

    // MARK: What comes in

    /// Reads the literal to its end, whatever is wrong with it, and the text behind it.
    private func receive(
        _ kind: AppendLiteral, _ run: inout AppendRun, _ waiting: WaitingLiteral
    ) async throws -> [AppendElement] {
        var failure: (any Error)?
        while true {
            switch try await nextFrame() {
            case .appendData(let piece):
                guard failure == nil else { continue }
                do { try run.batch.consume(piece, as: kind) } catch { failure = error }
            case .continuationNeeded:
                // The literal is an argument, such as a URL.
                encoder.continuation("OK")
                try await flush()
            case .appendNext(let text, let size, let literal):
                waiting.kind = literal
                if let failure { throw failure }
                return try parsed { () throws(IMAPParseError) in try run.parser.next(text, size: size) }
            case .appendEnd(let text):
                waiting.kind = nil
                if let failure { throw failure }
                return try parsed { () throws(IMAPParseError) in try run.parser.end(text) }
            case .fatal(let problem), .refused(_, let problem):
                throw SessionEnd.bye(.limit, problem.text, "protocol")
            case .command, .line, .appendBegin:
                throw SessionEnd.outOfStep
            }
        }
    }

    /// Without this the framer would wait for a decision, or the message be taken for commands.
    private func refuse(_ waiting: WaitingLiteral) async throws {
        while waiting.kind == .unasked {
            switch try await nextFrame() {
            case .appendData: continue
            case .continuationNeeded:
                encoder.continuation("OK")
                try await flush()
            case .appendNext(_, _, let literal): waiting.kind = literal
            case .appendEnd: waiting.kind = nil
            case .fatal(let problem), .refused(_, let problem):
                throw SessionEnd.bye(.limit, problem.text, "protocol")
            case .command, .line, .appendBegin:
                throw SessionEnd.outOfStep
            }
        }
        if waiting.kind != nil { try await control(.expect(.appendRefused)) }
    }

    private func parsed<Result>(_ body: () throws(IMAPParseError) -> Result) throws(CommandRefusal) -> Result {
        do throws(IMAPParseError) {
            return try body()
        } catch {
            throw CommandRefusal(
                status: IMAPStatus(error.condition, error.responseCode, "Error in IMAP command: \(error)"))
        }
    }

    // MARK: What is here

    /// Copies what a URL names, octet for octet. RFC 4469 §3
    private func append(_ url: [UInt8], to run: inout AppendRun) async throws {
        let source = try await source(url)
        guard let place = source.message.place(of: source.content) else {
            throw CommandRefusal.badURL(url, "The message has no such part.")
        }
        if let octets = source.message.octetsAtHand(place, source.content.partial) {
            try await checkRoom(for: octets.count, run)
            return try run.batch.consume(stored: octets)
        }
        let reader = try await service.store.openMessage(source.message.row.email)
        switch place {
        case .filteredHeader(let range, let filter):
            let header = filter.apply(to: try reader.read(FetchedMessage.bounded(range)))
            let wanted = source.content.partial?.applied(to: header.indices) ?? header.indices
            try await checkRoom(for: wanted.count, run)
            try run.batch.consume(stored: Array(header[wanted]))
        case .octets(let range):
            let wanted = (source.content.partial?.applied(to: range) ?? range).clamped(to: 0..<max(0, reader.size))
            try await checkRoom(for: wanted.count, run)
            var offset = wanted.lowerBound
            let piece = max(1, service.settings.bodyPiece)
            while offset < wanted.upperBound {
                let octets = try reader.read(offset..<min(wanted.upperBound, offset + piece))
                guard !octets.isEmpty else { throw CommandRefusal.no(.corruption, "A message can't be read.") }
                try run.batch.consume(stored: octets)
                offset += octets.count
                await Task.yield()
            }
        }
    }

    /// The message and the part of it that a URL names. RFC 4469 §4.1
    private func source(_ octets: [UInt8]) async throws -> (message: FetchedMessage, content: FetchContent) {
        let selected = selection.map { IMAPMailboxName(path: $0.path) }
        guard let url = IMAPMessageURL(octets, selected: selected, limits: service.settings.limits) else {
            throw CommandRefusal.badURL(octets, "Not a URL of a message on this server.")
        }
        let mailbox: MailboxID
        if let name = url.mailbox {
            let target: MailboxTarget
            do {
                target = try await resolveSelectable(name, needing: .read)
            } catch is CommandRefusal {
                throw CommandRefusal.badURL(octets, "There is no such mailbox.")
            }
            guard url.uidValidity == nil || url.uidValidity == target.info.uidValidity.rawValue else {
                throw CommandRefusal.badURL(octets, "The mailbox is not the one it was.")
            }
            mailbox = target.mailbox
        } else if let selection {
            mailbox = selection.mailbox
        } else {
            throw CommandRefusal.badURL(octets, "No mailbox is selected.")
        }
        let uid = url.uid.rawValue
        guard let (row, index) = try await service.store.indexes(mailbox, uids: [uid...uid], limit: 1).first else {
            throw CommandRefusal.badURL(octets, "There is no such message.")
        }
        let fetch = SectionFetch(section: url.section, access: .peek, partial: url.partial)
        return (FetchedMessage(row: row, index: index, isMarked: false), .section(fetch))
    }

    // MARK: The end

    private func keep(_ messages: [NewMessage], _ place: AppendPlace) async throws -> Completion {
        guard let replaced = place.replaced, let message = messages.first else {
            let target = place.target
            if messages.count == 1, let message = messages.first,
                let kept = try await sentCopy(
                    of: message.index, in: target.mailbox, flags: message.flags, keywords: message.keywords)
            {
                return kept
            }
            let result = try await service.store.append(target.account, to: target.mailbox, messages: messages)
            return .ok(appendCode(result), "Append completed.")
        }
        let result = try await service.store.replace(
            replaced.mailbox, uid: replaced.uid, with: message, in: place.target.mailbox)
        guard let result else {
            throw CommandRefusal.no(.nonExistent, "There is no such message to replace.")
        }
        // RFC 8508 §4.3: before the EXPUNGE
        untagged(.ok, appendCode(result), "Replacement message ready.")
        return .ok("Replace completed.")
    }

    private func appendCode(_ result: AppendResult) -> IMAPResponseCode {
        .appendUID(validity: result.uidValidity.rawValue, uids: NumberRanges.collapsing(result.uids.map(\.rawValue)))
    }
}

extension CommandRefusal {
    static func badURL(_ url: [UInt8], _ text: String) -> CommandRefusal { .no(.badURL(url), text) }
}
