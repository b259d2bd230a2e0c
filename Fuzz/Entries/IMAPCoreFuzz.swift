import MailMessage
import NIOCore

@testable import IMAPCore

enum IMAPCoreFuzz {
    static let entries = [
        FuzzEntry("imap-framer", framer),
        FuzzEntry("imap-parser", parser),
        FuzzEntry("imap-fetch", fetch),
        FuzzEntry("imap-names", names),
        FuzzEntry("imap-search", search),
        FuzzEntry("imap-append", append),
        FuzzEntry("imap-url", url),
    ]

    // MARK: framer

    private enum Event: Equatable {
        case frame(IMAPFrame)
        case appendBegin([UInt8], Int)
        case data([UInt8])
        case appendEnd(isClean: Bool)
    }

    private static var limits: IMAPLimits {
        var limits = IMAPLimits()
        limits.line = 300
        limits.appendUnasked = 12
        limits.lineBeforeLogin = 280
        limits.literal = 120
        limits.literalBeforeLogin = 100
        limits.command = 700
        limits.commandBeforeLogin = 500
        limits.literals = 3
        limits.swallow = 200
        limits.swallowLine = 400
        limits.authenticationLine = 290
        return limits
    }

    private static func mode(_ choice: UInt8) -> IMAPFramingMode {
        switch choice % 6 {
        case 0: .command(.authenticated)
        case 1: .command(.notAuthenticated)
        case 2: .authentication
        case 3: .idle
        case 4: .appendAccepted
        default: .appendRefused
        }
    }

    private static func events(_ pieces: [[UInt8]], plan: [UInt8]) -> [Event] {
        var framer = IMAPFramer(limits: limits)
        var buffer = ByteBuffer()
        var events: [Event] = []
        var pauses = 0
        framer.expect(.command(plan[0] & 64 == 0 ? .authenticated : .notAuthenticated))
        for piece in pieces {
            buffer.writeBytes(piece)
            while true {
                if framer.isPaused {
                    if case .frame(.fatal)? = events.last { return events }
                    framer.expect(mode(plan[pauses % plan.count]))
                    pauses += 1
                    // A mode that does not fit leaves the framer waiting; a session would never do that.
                    if case .appendPending = framer.state { framer.expect(.appendRefused) }
                }
                guard let frame = framer.next(&buffer) else { break }
                append(frame, to: &events)
            }
            precondition(framer.gathered.count <= 1100, "the framer holds more than a command")
        }
        return events
    }

    private static func append(_ frame: IMAPFrame, to events: inout [Event]) {
        switch frame {
        case .appendData(let piece):
            if case .data(let before)? = events.last {
                events[events.count - 1] = .data(before + piece.readableBytesView)
            } else {
                events.append(.data(Array(piece.readableBytesView)))
            }
        // How much of a broken line is shown depends on the cuts.
        case .appendEnd(let rest): events.append(.appendEnd(isClean: rest.isEmpty))
        default: events.append(.frame(frame))
        }
    }

    static func framer(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let seed = input.byte()
        let plan = [input.byte(), input.byte(), input.byte(), input.byte()]
        let octets = input.remainder()
        let whole = events(FuzzCuts.whole(octets), plan: plan)
        precondition(events(FuzzCuts.single(octets), plan: plan) == whole, "octet by octet differs")
        precondition(events(FuzzCuts.random(octets, seed: seed), plan: plan) == whole, "random cuts differ")
    }

    // MARK: grammar

    static func parser(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        var parser = IMAPParser()
        parser.nameEncoding = flags & 1 == 0 ? .modifiedUTF7 : .utf8
        parser.leniency = flags & 2 == 0 ? .default : IMAPLeniency(rawValue: flags >> 2)
        let frame = input.remainder()
        _ = parser.tag(of: frame)
        guard let command = try? parser.parse(frame) else { return }
        precondition(!command.tag.isEmpty, "a command without a tag")
        switch command.body {
        case .fetch(let fetch): check(fetch.messages)
        case .store(let store): check(store.messages)
        case .copy(let copy), .move(let copy): check(copy.messages)
        case .uidExpunge(let set): check(set)
        case .list(let list):
            for pattern in list.patterns { _ = pattern.matches("Archive/2026/Été", reference: list.reference) }
        case .create(let create): check(create.mailbox)
        case .delete(let name), .subscribe(let name), .unsubscribe(let name): check(name)
        default: break
        }
    }

    /// Searching commands: a part is never outside the result, and threads are written with as many `(` as `)`.
    static func search(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let verbs = ["SEARCH ", "UID SEARCH ", "UID SORT ", "THREAD ", "ESEARCH ", "CANCELUPDATE "]
        let frame = Array("a \(verbs[input.choice(verbs.count)])".utf8) + input.remainder()
        guard let command = try? IMAPParser().parse(frame) else { return }
        switch command.body {
        case .search(let search): check(search)
        case .sort(let sort): check(sort.search)
        case .multiSearch(let search): check(search.search)
        case .thread:
            let forest = ThreadForest(roots: [0, 3], messageCount: 3, children: [[], [], [], [1, 2]])
            var encoder = IMAPResponseEncoder()
            encoder.thread(forest, numbers: [1, 2, 3])
            let written = encoder.buffer.readableBytesView
            precondition(written.count { $0 == 0x28 } == written.count { $0 == 0x29 }, "parentheses don't match")
        default: break
        }
    }

    private static func check(_ search: SearchCommand) {
        precondition((search.partial != nil) == (search.returns?.contains(.partial) == true), "PARTIAL without a range")
        guard let partial = search.partial else { return }
        for count in [0, 1, 7, 100_000] {
            let offsets = partial.offsets(in: count)
            precondition(offsets.lowerBound >= 0 && offsets.upperBound <= count, "a part outside the result")
        }
    }

    /// The text around the messages of one APPEND, line by line; the last ends it.
    static func append(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let size = Int(input.byte())
        var parser = AppendParser(IMAPParser(nameEncoding: size & 1 == 0 ? .modifiedUTF7 : .utf8))
        guard let (command, first) = try? parser.begin(prefix: input.line(), size: size) else { return }
        precondition(!command.tag.isEmpty, "a command without a tag")
        var elements = first
        var isLiteralLast = true
        while true {
            for (offset, element) in elements.enumerated() {
                if case .literal = element {
                    precondition(offset == elements.count - 1, "text goes on behind a literal")
                }
            }
            if isLiteralLast {
                if case .literal? = elements.last {} else { preconditionFailure("no literal where one was announced") }
            } else {
                if case .literal? = elements.last { preconditionFailure("a literal out of nothing") }
                return
            }
            isLiteralLast = !input.isEmpty
            let line = input.line()
            guard let next = isLiteralLast ? try? parser.next(line, size: size) : try? parser.end(line) else { return }
            elements = next
        }
    }

    static func url(_ bytes: [UInt8]) {
        for selected in [nil, IMAPMailboxName(path: "a/b")] {
            guard let url = IMAPMessageURL(bytes, selected: selected) else { continue }
            precondition(url.uid.rawValue > 0, "no message has UID 0")
            precondition(url.mailbox != nil || selected != nil, "a mailbox out of nothing")
            var encoder = IMAPResponseEncoder()
            encoder.tagged("a", IMAPStatus(.no, .badURL(bytes), "no"))
            precondition(encoder.buffer.readableBytesView.allSatisfy { $0 < 0x7F }, "more than ASCII in a status line")
        }
    }

    private static func check(_ messages: MessageSelection) {
        switch messages {
        case .sequence(let set): check(set)
        case .uid(let set): check(set)
        }
    }

    private static func check<Number>(_ set: NumberSet<Number>) {
        for last in [nil, Number(rawValue: 1), Number(rawValue: .max)] {
            _ = set.reaches(beyond: last)
            var previous: UInt32?
            for range in set.ranges(last: last) {
                if let previous { precondition(range.lowerBound > previous, "ranges overlap") }
                previous = range.upperBound
            }
        }
    }

    private static func check(_ name: IMAPMailboxName) {
        precondition(IMAPMailboxName(wire: name.wire()) == name, "a name is not read back as it is written")
    }

    static func names(_ bytes: [UInt8]) {
        for encoding in [IMAPNameEncoding.modifiedUTF7, .utf8] {
            guard let name = IMAPMailboxName(wire: bytes, encoding: encoding) else { continue }
            precondition(IMAPMailboxName(wire: name.wire(encoding), encoding: encoding) == name, "a name changes")
        }
        var input = FuzzInput(bytes)
        let pattern = ListPattern(String(decoding: input.line(), as: UTF8.self))
        _ = pattern.matches(String(decoding: input.remainder(), as: UTF8.self))
    }

    // MARK: answers

    /// The items of a FETCH on the first line, then a message.
    static func fetch(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let line = Array("a FETCH 1 ".utf8) + input.line()
        let message = input.remainder()
        guard let command = try? IMAPParser().parse(line), case .fetch(let fetch) = command.body else { return }
        let index = MessageIndex(scanning: message)
        var encoder = IMAPResponseEncoder()
        encoder.beginFetch(SequenceNumber(rawValue: 1))
        encoder.fetchEnvelope(index.envelope)
        encoder.fetchBody(index.structure)
        encoder.fetchBodyStructure(index.structure)
        for item in fetch.items {
            guard let content = FetchContent(item) else { continue }
            switch content.section.content(in: index.structure) {
            case nil: encoder.fetchNil(content)
            case .octets(let range)?:
                let wanted = content.partial?.applied(to: range) ?? range
                encoder.fetch(content, octets: message[wanted])
            case .filteredHeader(let range, let filter)?:
                let header = filter.apply(to: message[range])
                precondition(header.count <= range.count + 2, "a filtered header grew")
                let wanted = content.partial?.applied(to: 0..<header.count) ?? 0..<header.count
                encoder.fetch(content, octets: header[wanted])
            }
        }
        encoder.endFetch()
        _ = encoder.take()
    }
}
