import NIOCore
import Testing

@testable import SMTPCore

/// Drives a framer as a session would: DATA and BDAT are granted, everything else expects a command.
private struct Driver {
    var framer: SMTPServerFramer
    var frames: [String] = []
    var text = ""
    private var pending = ByteBuffer()
    private var isFirstChunk = true

    init(limits: SMTPLimits = SMTPLimits()) {
        framer = SMTPServerFramer(limits: limits)
    }

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        pending.writeBytes(bytes)
        while let frame = framer.next(&pending) {
            switch frame {
            case .line(let line, _):
                let line = String(decoding: line, as: UTF8.self)
                frames.append("line \(line)")
                if framer.isPaused { answer(line) }
            case .lineTooLong:
                frames.append("too long")
                framer.expect(.command)
            case .bareLineEnding: frames.append("bare")
            case .data(let piece): text += String(buffer: piece)
            case .dataEnded(_, let fault):
                frames.append("text \(text)")
                if let fault { frames.append("fault \(fault)") }
                text = ""
            }
        }
    }

    private mutating func answer(_ line: String) {
        let words = line.split(separator: " ")
        switch words.first {
        case "DATA": framer.expect(.data(limit: 1000))
        case "BDAT":
            framer.expect(.chunk(size: words.count > 1 ? Int(words[1]) ?? 0 : 0, limit: nil, isFirst: isFirstChunk))
            isFirstChunk = words.count == 3
        default: framer.expect(.command)
        }
    }

    static func run(_ input: String, split: Int? = nil, limits: SMTPLimits = SMTPLimits()) -> [String] {
        var driver = Driver(limits: limits)
        let bytes = Array(input.utf8)
        if let split {
            driver.feed(bytes[..<split])
            driver.feed(bytes[split...])
        } else {
            driver.feed(bytes)
        }
        return driver.frames
    }

    static func byteByByte(_ input: String, limits: SMTPLimits = SMTPLimits()) -> [String] {
        var driver = Driver(limits: limits)
        for byte in input.utf8 { driver.feed([byte]) }
        return driver.frames
    }
}

@Suite struct SMTPServerFramerTests {
    static let scripts: [(String, [String])] = [
        ("NOOP\r\nQUIT\r\n", ["line NOOP", "line QUIT"]),
        ("DATA\r\nA\r\n.\r\nQUIT\r\n", ["line DATA", "text A\r\n", "line QUIT"]),
        ("DATA\r\n.\r\nRSET\r\n", ["line DATA", "text ", "line RSET"]),
        ("DATA\r\n..\r\n...x\r\n.y\r\n.\r\n", ["line DATA", "text .\r\n..x\r\ny\r\n"]),
        ("DATA\r\nab\r\n\r\n..\r\n.\r\nNOOP\r\n", ["line DATA", "text ab\r\n\r\n.\r\n", "line NOOP"]),
        ("data\r\nx\r\n.\r\n", ["line data"]),
        (
            "BDAT 3\r\nabcBDAT 4 LAST\r\nde\r\nNOOP\r\n",
            ["line BDAT 3", "text abc", "line BDAT 4 LAST", "text de\r\n", "line NOOP"]
        ),
        ("BDAT 0 LAST\r\nNOOP\r\n", ["line BDAT 0 LAST", "text ", "line NOOP"]),
        // RFC 5321 §2.3.8: smuggling; the end is only ever CR LF . CR LF.
        ("DATA\r\na\n.\nb\r\n.\r\nNOOP\r\n", ["line DATA", "text ", "fault bareLineEnding", "line NOOP"]),
        ("DATA\r\na\r.\rb\r\n.\r\nNOOP\r\n", ["line DATA", "text ", "fault bareLineEnding", "line NOOP"]),
        ("DATA\r\na\n.\r\nb\r\n.\r\nNOOP\r\n", ["line DATA", "text ", "fault bareLineEnding", "line NOOP"]),
        ("DATA\r\na\r\n.\nb\r\n.\r\nNOOP\r\n", ["line DATA", "text ", "fault bareLineEnding", "line NOOP"]),
        ("DATA\r\na\r\n.\rb\r\n.\r\nNOOP\r\n", ["line DATA", "text ", "fault bareLineEnding", "line NOOP"]),
        ("DATA\r\na\r.\r\nb\r\n.\r\nNOOP\r\n", ["line DATA", "text ", "fault bareLineEnding", "line NOOP"]),
        ("DATA\r\na\r\r\n.\r\nNOOP\r\n", ["line DATA", "text ", "fault bareLineEnding"]),
        ("BDAT 5 LAST\r\na\nb\r\nNOOP\r\n", ["line BDAT 5 LAST", "text ", "fault bareLineEnding", "line NOOP"]),
        (
            "BDAT 2\r\na\rBDAT 2 LAST\r\nbcNOOP\r\n",
            ["line BDAT 2", "text a\r", "line BDAT 2 LAST", "text ", "fault bareLineEnding", "line NOOP"]
        ),
        (
            "BDAT 2\r\na\rBDAT 1 LAST\r\n\nNOOP\r\n",
            ["line BDAT 2", "text a\r", "line BDAT 1 LAST", "text \n", "line NOOP"]
        ),
        ("NOOP\nRSET\r\n", ["bare", "line RSET"]),
        ("NO\rOP\r\nRSET\r\n", ["bare", "line RSET"]),
    ]

    /// Pieces that come before a fault is known are text; only what a message ends up as counts.
    private static func normal(_ frames: [String]) -> [String] {
        zip(frames, frames.dropFirst() + [""]).map { frame, next in
            next.hasPrefix("fault") ? "text " : frame
        }
    }

    @Test(arguments: scripts.indices)
    func `frames are the same whole, byte by byte and at every split point`(index: Int) {
        let (input, expected) = Self.scripts[index]
        var wanted = expected
        if input.hasPrefix("data") { wanted = Self.normal(Driver.run(input)) }
        if input.contains("a\r\r\n.\r\nNOOP") { wanted = Self.normal(Driver.run(input)) }
        #expect(Self.normal(Driver.run(input)) == wanted)
        #expect(Self.normal(Driver.byteByByte(input)) == wanted)
        for split in 0...input.utf8.count {
            #expect(Self.normal(Driver.run(input, split: split)) == wanted, "split at \(split)")
        }
    }

    @Test func `a command line may have as many octets as its limit and no more`() {
        var limits = SMTPLimits()
        limits.commandLine = 20
        let atLimit = "NOOP " + String(repeating: "x", count: 13) + "\r\n"
        let over = "NOOP " + String(repeating: "x", count: 14) + "\r\n"
        let endless = String(repeating: "y", count: 500) + "\r\n"
        for run in [
            Driver.run(atLimit + over + endless + "RSET\r\n", limits: limits),
            Driver.byteByByte(atLimit + over + endless + "RSET\r\n", limits: limits),
        ] {
            #expect(run == ["line " + atLimit.dropLast(), "too long", "too long", "line RSET"])
        }
    }

    @Test func `an endless line costs no memory`() {
        var framer = SMTPServerFramer(limits: SMTPLimits())
        var buffer = ByteBuffer()
        for _ in 0..<1000 {
            buffer.writeRepeatingByte(UInt8(ascii: "x"), count: 10_000)
            #expect(framer.next(&buffer) == nil)
            #expect(buffer.readableBytes <= 10_000 + 4096)
            buffer.discardReadBytes()
        }
    }

    @Test func `a message over its limit is consumed without being kept`() {
        let text = String(repeating: "0123456789\r\n", count: 200)
        let frames = Driver.byteByByte("DATA\r\n\(text).\r\nNOOP\r\n")
        #expect(frames.suffix(2) == ["fault tooLarge", "line NOOP"])
    }

    @Test func `a message of exactly the limit is kept`() {
        let text = String(repeating: "01234567\r\n", count: 100)
        #expect(Driver.run("DATA\r\n\(text).\r\n") == ["line DATA", "text \(text)"])
        #expect(Driver.run("DATA\r\n\(text)x\r\n.\r\n").last == "fault tooLarge")
    }

    @Test func `text lines over the limit are refused`() {
        var limits = SMTPLimits()
        limits.textLine = 10
        #expect(Driver.run("DATA\r\n01234567\r\n.\r\n", limits: limits).last == "text 01234567\r\n")
        #expect(Driver.byteByByte("DATA\r\n012345678\r\n.\r\n", limits: limits).last == "fault lineTooLong")
    }

    @Test func `lines of chunks have the same limit, across pieces and chunks too`() {
        var limits = SMTPLimits()
        limits.textLine = 10
        for (text, fault) in [("01234567\r\n01234567\r\n", nil), ("012345678\r\n", SMTPDataFault.lineTooLong)] {
            for cut in 0...text.utf8.count {
                var framer = SMTPServerFramer(limits: limits)
                var buffer = ByteBuffer(string: text)
                var found: SMTPDataFault?
                for (size, isFirst) in [(cut, true), (text.utf8.count - cut, false)] {
                    framer.expect(.chunk(size: size, limit: nil, isFirst: isFirst))
                    while let frame = framer.next(&buffer) {
                        guard case .dataEnded(_, let fault) = frame else { continue }
                        found = fault
                        break
                    }
                }
                #expect(found == fault, "cut at \(cut)")
            }
        }
    }

    @Test func `text passes in pieces of at most 64 KiB, and dots do not make many`() {
        var framer = SMTPServerFramer(limits: SMTPLimits())
        framer.expect(.data(limit: nil))
        var buffer = ByteBuffer(string: String(repeating: "..\r\n", count: 50_000) + ".\r\n")
        var pieces = 0
        var octets = 0
        while let frame = framer.next(&buffer) {
            guard case .data(let piece) = frame else { break }
            pieces += 1
            octets += piece.readableBytes
            #expect(piece.readableBytes <= 65_536)
        }
        #expect(octets == 150_000)
        #expect(pieces < 10)
    }

    @Test func `only the line that may change framing pauses`() {
        for verb in ["DATA", "data", "BDAT 5", "AUTH PLAIN", "StartTLS", "QUIT"] {
            var framer = SMTPServerFramer(limits: SMTPLimits())
            var buffer = ByteBuffer(string: "NOOP\r\n\(verb)\r\nNOOP\r\n")
            #expect(framer.next(&buffer) == .line(Array("NOOP".utf8), then: .line))
            #expect(framer.next(&buffer) == .line(Array(verb.utf8), then: .pauseAhead))
            #expect(framer.next(&buffer) == nil)
            framer.expect(.command)
            #expect(framer.next(&buffer) == .line(Array("NOOP".utf8), then: .nothing))
        }
    }
}
