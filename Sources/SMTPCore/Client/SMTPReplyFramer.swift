package import NIOCore

/// Cuts a server's octets into replies. Lenient where servers are sloppy: a lone LF ends a line, a code may stand alone.
package struct SMTPReplyFramer: Sendable {
    /// Nothing changes the framing of replies.
    package enum Mode: Sendable, Hashable {
        case replies
    }

    /// RFC 5321 §4.5.3.1.5 has 512; real servers send longer explanations. What goes beyond is cut off: failing a reply
    /// for its length would send a message again that was taken.
    package static let maximumLine = 4096
    /// Of a challenge of AUTH, which would be worth nothing without its end: "334 " and what RFC 4954 §4 allows.
    package static let maximumChallenge = 12_292
    /// Octets of one line that are thrown away before the server is given up.
    package static let maximumCut = 65_536
    package static let maximumLines = 256

    private var lines: [String] = []
    private var code: Int?
    private var hasFailed = false
    /// The beginning of a line that is longer than a line may be.
    private var beginning: [UInt8]?
    private var cut = 0

    package init() {}

    package var isPaused: Bool { false }

    package mutating func expect(_ mode: Mode) {}

    package mutating func reset() {
        self = SMTPReplyFramer()
    }

    package mutating func next(_ buffer: inout ByteBuffer) -> SMTPReplyFrame? {
        while !hasFailed {
            guard let line = nextLine(&buffer) else {
                return cut > Self.maximumCut ? fail("a reply line is too long", &buffer) : nil
            }
            switch take(line) {
            case .more: continue
            case .reply(let reply): return .reply(reply)
            case .nonsense(let reason): return fail(reason, &buffer)
            }
        }
        buffer.clear()
        return nil
    }

    /// The next line without its end; of a very long one the beginning.
    private mutating func nextLine(_ buffer: inout ByteBuffer) -> [UInt8]? {
        let view = buffer.readableBytesView
        let end = view.firstIndex(of: 0x0A)
        let line = end.map { view[..<$0] } ?? view
        let longest = line.starts(with: "334".utf8) ? Self.maximumChallenge : Self.maximumLine
        guard end != nil || beginning != nil || line.count > longest else { return nil }
        if beginning == nil {
            beginning = Array(line.prefix(longest))
            cut = max(0, line.count - longest)
        } else {
            cut += line.count
        }
        buffer.moveReaderIndex(forwardBy: line.count + (end == nil ? 0 : 1))
        guard end != nil, cut <= Self.maximumCut, var whole = beginning else { return nil }
        beginning = nil
        if cut == 0, whole.last == 0x0D { whole.removeLast() }
        cut = 0
        return whole
    }

    private enum Step {
        case more
        case reply(SMTPRemoteReply)
        case nonsense(String)
    }

    private mutating func take(_ line: [UInt8]) -> Step {
        guard let number = Self.code(line) else {
            return .nonsense("not an SMTP reply: \(Self.printable(line.prefix(100)))")
        }
        // RFC 5321 §4.2.1: every line of a reply has the same code.
        guard code == nil || code == number else { return .nonsense("a reply changes its code") }
        code = number
        lines.append(Self.printable(line.dropFirst(4)))
        if line.dropFirst(3).first == UInt8(ascii: "-") {
            return lines.count < Self.maximumLines ? .more : .nonsense("a reply has too many lines")
        }
        defer {
            lines = []
            code = nil
        }
        return .reply(SMTPRemoteReply(code: number, lines: lines))
    }

    private mutating func fail(_ reason: String, _ buffer: inout ByteBuffer) -> SMTPReplyFrame {
        hasFailed = true
        buffer.clear()
        return .nonsense(reason)
    }

    private static func code(_ line: [UInt8]) -> Int? {
        let digits = line.prefix(3).map { Int($0) - 0x30 }
        guard digits.count == 3, (2...5).contains(digits[0]), digits.allSatisfy({ (0...9).contains($0) }) else {
            return nil
        }
        if let separator = line.dropFirst(3).first, separator != 0x20, separator != 0x2D { return nil }
        return digits[0] * 100 + digits[1] * 10 + digits[2]
    }

    /// Text that can stand in logs and bounces: control characters become question marks.
    static func printable(_ bytes: some Sequence<UInt8>) -> String {
        let text = String(decoding: Array(bytes), as: UTF8.self)
        var result = ""
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            result.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return result
    }
}
