import Crypto
import MailSyntax

/// How an mbox tells a `From ` at the begin of a line of a text from that between two messages.
package enum MboxFormat: String, Sendable, CaseIterable {
    /// Content-Length where it is right, otherwise as mboxrd.
    case auto
    /// `>From`, `>>From` … with one `>` more than in the message.
    case mboxrd
    /// `>From` for `From`.
    case mboxo
    /// As mboxo, with the body's length in Content-Length.
    case mboxcl
    /// The body's length in Content-Length, and nothing changed.
    case mboxcl2
}

/// Takes an mbox file into one mailbox.
package final class MboxImport {
    private let lines: MboxLines
    private let format: MboxFormat
    private let target: FolderImport
    private let observer: any MoveObserver
    private var hasher = SHA256()
    /// How often a message of the same octets has come: a copy is a message too.
    private var copies: [Int64: Int] = [:]
    private var pending: [UInt8] = []

    private static let headerLimit = 1 << 20
    private static let piece = 65_536

    /// - Parameter mailbox: levels separated by `/`.
    package static func run(
        _ path: String, format: MboxFormat, mailbox: String, store: any MoveStore, staging: StagingFile,
        observer: any MoveObserver
    ) async throws {
        let lines = try MboxLines(path)
        observer.began(mailbox, total: nil)
        let folder = IncomingFolder(
            path: FolderName.folded(mailbox), source: ItemHash.of("mbox", path),
            specialUse: UsualNames.uses(of: [mailbox])[mailbox])
        let target = try await FolderImport(folder, store: store, staging: staging, observer: observer)
        let run = MboxImport(lines, format, target, observer)
        try await run.take(path)
        try await target.flush()
    }

    private init(_ lines: MboxLines, _ format: MboxFormat, _ target: FolderImport, _ observer: any MoveObserver) {
        self.lines = lines
        self.format = format
        self.target = target
        self.observer = observer
    }

    private func take(_ path: String) async throws {
        var line = try lines.next()
        while let found = line, Self.isBlank(found) { line = try lines.next() }
        while let start = line {
            guard let date = FromLine.date(start) else {
                throw MoveError(
                    "\(path) is not an mbox: at octet \(lines.offset - start.count) there is no From_ line",
                    remedy: "give the file's --format, or take the folder with: martlet import maildir")
            }
            line = try await message(date)
        }
    }

    /// Takes one message; returns the From_ line of the next.
    private func message(_ date: Timestamp) async throws -> [UInt8]? {
        let (block, next) = try header()
        var header = MboxHeader(block)
        let length = next == nil && !block.isEmpty ? trustedLength(header) : nil
        // A length that is not that of this file is the message's own.
        if length != nil { header = MboxHeader(block, dropsLength: true) }
        var facts = MessageFacts()
        facts.date = date
        facts.flags = header.flags
        facts.keywords = header.keywords
        hasher = SHA256()
        target.start(facts)
        try put(header.bytes)
        let following: [UInt8]?
        if next != nil || block.isEmpty {
            following = next
        } else if let length {
            following = try body(octets: length)
        } else {
            following = try body()
        }
        try flushPending()
        guard !header.isPseudo else {
            try target.abandon()
            return following
        }
        let content = ItemHash.number(hasher.finalize())
        let copy = copies[content, default: 0]
        copies[content] = copy + 1
        try await target.finish(item: copy == 0 ? content : ItemHash.of("\(content)", "\(copy)"))
        return following
    }

    /// Lines up to the blank one, and the next From_ line where it comes before.
    private func header() throws -> ([UInt8], [UInt8]?) {
        var block: [UInt8] = []
        while let line = try lines.next() {
            if block.isEmpty, FromLine.date(line) != nil { return (block, line) }
            block += line
            if Self.isBlank(line) || block.count > Self.headerLimit { break }
        }
        return (block, nil)
    }

    private func trustedLength(_ header: MboxHeader) -> Int? {
        guard format != .mboxrd, format != .mboxo, let length = header.contentLength else { return nil }
        let (end, isOver) = lines.offset.addingReportingOverflow(length)
        guard !isOver, end <= lines.size else { return nil }
        let after = lines.peek(at: end, count: 7)
        if after.isEmpty || after == [0x0A] || after == [0x0D, 0x0A] { return length }
        let text = String(decoding: after, as: UTF8.self)
        return text.hasPrefix("\nFrom ") || text.hasPrefix("\r\nFrom") || text.hasPrefix("From ") ? length : nil
    }

    private func body(octets: Int) throws -> [UInt8]? {
        var rest = octets
        if format == .mboxcl {
            while rest > 0, let line = try lines.next() {
                try put(unquoted(line))
                rest -= line.count
            }
        }
        while rest > 0, let piece = try lines.take(rest) {
            try put(piece)
            rest -= piece.count
        }
        var line = try lines.next()
        while let found = line, Self.isBlank(found) { line = try lines.next() }
        return line
    }

    private func body() throws -> [UInt8]? {
        // The blank line before a From_ line is the mbox's.
        var blank: [UInt8]? = nil
        var isAtStart = true
        var isWhole = true
        while let line = try lines.next() {
            if isWhole, blank != nil || isAtStart, FromLine.date(line) != nil { return line }
            if let held = blank { try put(held) }
            blank = nil
            isAtStart = false
            if isWhole, Self.isBlank(line) {
                blank = line
            } else {
                try put(isWhole ? unquoted(line) : line)
            }
            isWhole = line.last == 0x0A
        }
        return nil
    }

    private func unquoted(_ line: [UInt8]) -> [UInt8] {
        guard line.first == 0x3E, format != .mboxcl2 else { return line }
        let rest = format == .mboxo || format == .mboxcl ? line.dropFirst() : line.drop { $0 == 0x3E }
        return rest.starts(with: "From ".utf8) ? Array(line.dropFirst()) : line
    }

    private func put(_ bytes: [UInt8]) throws {
        pending += bytes
        if pending.count >= Self.piece { try flushPending() }
    }

    private func flushPending() throws {
        guard !pending.isEmpty else { return }
        hasher.update(data: pending)
        try target.write(pending)
        pending.removeAll(keepingCapacity: true)
    }

    private static func isBlank(_ line: [UInt8]) -> Bool { line == [0x0A] || line == [0x0D, 0x0A] }
}
