import Glibc
import MailSyntax

/// Reads a message once, in chunks of any size, and leaves its index: header, envelope, MIME tree as octet ranges.
///
/// It is a tree of parts of which the innermost is open, and a list of the boundaries that may come. While no boundary
/// is expected, the body is only counted. Never fails: what is not MIME is text/plain. Held at any time: the header
/// being read (at most `maximumHeader`), the start of a line that was cut between two chunks, and the sample the
/// preview is made of.
package struct MessageScanner {
    /// Octets after which a header ends, whatever follows.
    package static let maximumHeader = 4 << 20
    static let maximumBoundary = 256
    /// Octets of a line that are looked at for a boundary: dashes, boundary, dashes.
    static let lineWindow = maximumBoundary + 4
    static let maximumParts = 1000
    static let maximumDepth = 30
    /// Addresses in all envelopes of a message, which IMAP shows; the header itself stays as it is.
    static let maximumAddresses = 20_000

    struct Node {
        var part = MIMEPart()
        var parent: Int
        var depth: Int
        var kind: HeaderReader.Kind
        var children: [Int] = []
        /// `lineFeeds` when the body began.
        var firstLine = 0
    }

    struct Boundary {
        var node: Int
        var bytes: [UInt8]
    }

    var nodes: [Node] = [Node(parent: -1, depth: 1, kind: .mainMessage)]
    var boundaries: [Boundary] = []
    /// The innermost open node; -1 when all are closed.
    var current = 0
    var inHeader = true
    var isFinishing = false

    var offset = 0
    var lineFeeds = 0
    var lineStart = 0
    /// Octets of the line end before `lineStart`: 0, 1 or 2.
    var lineEndBefore = 0
    /// `lineFeeds` at `lineStart`.
    var lineFeedsBefore = 0
    private var lastWasCR = false
    /// Start of a body line that is not complete yet, at most `lineWindow` octets.
    private var carry: [UInt8] = []
    var header: [UInt8] = []
    /// Where the present line begins in `header`.
    private var headerLineStart = 0

    var addressesLeft = MessageScanner.maximumAddresses
    var mainHeader: [UInt8] = []
    var mainEnvelope = Envelope()
    var mainReferences: [String] = []
    var sample = PreviewSample()

    /// Octets of the message's header so far, blank line included.
    package var headerOctets: Int { headerComplete ? mainHeader.count : header.count }
    /// `Received` fields; known when the header is complete.
    package internal(set) var receivedCount = 0
    /// True once the blank line, or the end, has been seen.
    package internal(set) var headerComplete = false

    package init() {
        header.reserveCapacity(4096)
        nodes.reserveCapacity(8)
    }

    package mutating func consume(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { consume($0) }
    }

    package mutating func consume(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        var position = 0
        while position < bytes.count {
            if !inHeader, boundaries.isEmpty {
                countOnly(UnsafeRawBufferPointer(rebasing: bytes[position...]))
                return
            }
            let found = memchr(base + position, 10, bytes.count - position)
            let end = found.map { UnsafeRawPointer($0) - base + 1 } ?? bytes.count
            let piece = UnsafeRawBufferPointer(start: base + position, count: end - position)
            if inHeader {
                position += headerPiece(piece, endsLine: found != nil)
            } else {
                bodyPiece(piece, endsLine: found != nil)
                position = end
            }
        }
    }

    /// Ends the message. Call once, then drop the scanner.
    package mutating func finish() -> MessageIndex {
        isFinishing = true
        if inHeader, header.count > headerLineStart {
            _ = boundaryInHeader()
        } else if !carry.isEmpty {
            carry.withUnsafeBytes { boundaryInBody($0) }
        }
        // The header of a message inside a message can be empty; its type then opens no further one.
        while inHeader { endHeader() }
        close(downTo: -1, at: offset, lines: lineFeeds)
        return makeIndex()
    }

    /// Body octets when no boundary is expected any more.
    private mutating func countOnly(_ bytes: UnsafeRawBufferPointer) {
        sample.take(bytes)
        var feeds = 0
        for byte in bytes { feeds &+= byte == 10 ? 1 : 0 }
        lineFeeds += feeds
        offset += bytes.count
    }

    private mutating func bodyPiece(_ piece: UnsafeRawBufferPointer, endsLine: Bool) {
        sample.take(piece)
        let startsLine = offset == lineStart
        offset += piece.count
        guard endsLine else {
            lastWasCR = piece.last == 13
            carry.append(contentsOf: piece.prefix(max(0, Self.lineWindow - carry.count)))
            return
        }
        lineFeeds += 1
        let hasCR = piece.count > 1 ? piece[piece.count - 2] == 13 : !startsLine && lastWasCR
        if startsLine {
            if piece.count > 2, piece[0] == 0x2D, piece[1] == 0x2D { boundaryInBody(piece) }
        } else {
            carry.append(contentsOf: piece.prefix(max(0, Self.lineWindow - carry.count)))
            let line = carry
            carry.removeAll(keepingCapacity: true)
            line.withUnsafeBytes { boundaryInBody($0) }
        }
        startLine(after: hasCR ? 2 : 1)
    }

    private mutating func boundaryInBody(_ line: UnsafeRawBufferPointer) {
        guard let match = match(line) else { return }
        apply(match)
    }

    private mutating func startLine(after lineEnd: Int) {
        lastWasCR = false
        lineStart = offset
        lineEndBefore = lineEnd
        lineFeedsBefore = lineFeeds
    }

    /// Takes header octets; returns how many, which is fewer than given only where the header's limit ends it.
    private mutating func headerPiece(_ piece: UnsafeRawBufferPointer, endsLine: Bool) -> Int {
        let room = Self.maximumHeader - header.count
        guard piece.count <= room else {
            header.append(contentsOf: piece.prefix(room))
            offset += room
            endHeader()
            headerLineStart = 0
            startLine(after: 0)
            return room
        }
        header.append(contentsOf: piece)
        offset += piece.count
        guard endsLine else { return piece.count }
        lineFeeds += 1
        let length = header.count - headerLineStart
        let hasCR = length > 1 && header[header.count - 2] == 13
        if length == 1 || (length == 2 && hasCR) {
            endHeader()
            headerLineStart = 0
        } else if boundaryInHeader() {
            headerLineStart = 0
        } else {
            headerLineStart = header.count
        }
        startLine(after: hasCR ? 2 : 1)
        return piece.count
    }

    /// A boundary of an outer part ends a header that has no blank line; the line end before it belongs to it.
    private mutating func boundaryInHeader() -> Bool {
        guard !boundaries.isEmpty else { return false }
        let found = header.withUnsafeBytes { bytes -> BoundaryMatch? in
            let line = UnsafeRawBufferPointer(rebasing: bytes[headerLineStart...])
            return match(UnsafeRawBufferPointer(rebasing: line.prefix(Self.lineWindow)))
        }
        guard let found else { return false }
        header.removeSubrange(headerLineStart...)
        cutHeader()
        apply(found)
        return true
    }
}
