import NIOCore
import POP3Core
import Testing

private func frames(_ input: [UInt8], cutAt cuts: [Int], limits: POP3Limits = POP3Limits()) -> [POP3Frame] {
    var framer = POP3Framer(limits: limits)
    var buffer = ByteBuffer()
    var frames: [POP3Frame] = []
    var start = 0
    for end in cuts + [input.count] {
        buffer.writeBytes(input[start..<end])
        start = end
        while true {
            if let frame = framer.next(&buffer) {
                frames.append(frame)
            } else if framer.isPaused {
                framer.expect(.command)
            } else {
                break
            }
        }
    }
    return frames
}

private func line(_ text: String) -> POP3Frame { .line(Array(text.utf8)) }

@Suite struct POP3FramerTests {
    let input = Array("USER ann\r\n\r\nPASS a b \r\nNOOP\nstls\r\nAUTH PLAIN\r\nLIST \r 1\r\nSTAT".utf8)
    let expected = [
        line("USER ann"), line(""), line("PASS a b "), line("NOOP"), line("stls"), line("AUTH PLAIN"),
        line("LIST \r 1"),
    ]

    @Test func wholeByteByByteAndAtEverySplitPoint() {
        #expect(frames(input, cutAt: []) == expected)
        #expect(frames(input, cutAt: Array(1..<input.count)) == expected)
        for cut in 0...input.count { #expect(frames(input, cutAt: [cut]) == expected) }
    }

    @Test(arguments: ["STLS\r\n", "stls\n", "AUTH\r\n", "Auth PLAIN AGEAYg==\r\n"])
    func itPausesWhereFramingMayChange(command: String) {
        var framer = POP3Framer()
        var buffer = ByteBuffer(string: command + "NOOP\r\n")
        #expect(framer.next(&buffer) != nil)
        #expect(framer.isPaused)
        #expect(framer.next(&buffer) == nil)
        #expect(buffer.readableBytes == 6)
        framer.expect(.command)
        #expect(framer.next(&buffer) == line("NOOP"))
        #expect(!framer.isPaused)
    }

    @Test(arguments: ["STLSX\r\n", "AUTHOR\r\n", " STLS\r\n", "NOOP STLS\r\n"]) func elsewhereItDoesNot(command: String)
    {
        var framer = POP3Framer()
        var buffer = ByteBuffer(string: command)
        #expect(framer.next(&buffer) != nil)
        #expect(!framer.isPaused)
    }

    @Test func eachLineOfAnExchangeEndsWithAPause() {
        var framer = POP3Framer()
        framer.expect(.authentication)
        var buffer = ByteBuffer(string: "AGEAYg==\r\nNOOP\r\n")
        #expect(framer.next(&buffer) == line("AGEAYg=="))
        #expect(framer.isPaused)
        framer.expect(.command)
        #expect(framer.next(&buffer) == line("NOOP"))
    }

    @Test(arguments: [POP3FramingMode.command, .authentication], ["\r\n", "\n"])
    func linesEndAtTheLimit(mode: POP3FramingMode, end: String) {
        var limits = POP3Limits()
        limits.commandLine = 10
        limits.authenticationLine = 20
        let limit = mode == .command ? 10 : 20
        for (count, fits) in [(limit, true), (limit + 1, false), (limit + 2, false), (limit * 5, false)] {
            let text = String(repeating: "x", count: count)
            for step in [1, 3, 1_000] {
                var framer = POP3Framer(limits: limits)
                framer.expect(mode)
                var buffer = ByteBuffer()
                var found: [POP3Frame] = []
                var rest = Array((text + end + "NOOP" + end).utf8)[...]
                while !rest.isEmpty {
                    buffer.writeBytes(rest.prefix(step))
                    rest = rest.dropFirst(step)
                    while let frame = framer.next(&buffer) {
                        found.append(frame)
                        framer.expect(.command)
                    }
                    #expect(step == 1_000 || buffer.readableBytes <= limit + 1 + step)
                }
                #expect(found == [fits ? line(text) : .lineTooLong, line("NOOP")])
            }
        }
    }

    @Test func anEndlessLineIsNotKept() {
        var framer = POP3Framer()
        var buffer = ByteBuffer()
        for _ in 0..<1_000 {
            buffer.writeRepeatingByte(0x61, count: 1_000)
            #expect(framer.next(&buffer) == nil)
            #expect(buffer.readableBytes <= POP3Limits().commandLine + 1)
        }
        buffer.writeString("\nNOOP\n")
        #expect(framer.next(&buffer) == .lineTooLong)
        #expect(framer.next(&buffer) == line("NOOP"))
    }

    @Test func resetForgetsEverything() {
        var framer = POP3Framer()
        framer.expect(.authentication)
        var buffer = ByteBuffer(string: "AGEAYg==\r\n")
        _ = framer.next(&buffer)
        framer.reset()
        #expect(!framer.isPaused)
        var fresh = ByteBuffer(string: "NOOP\r\n")
        #expect(framer.next(&fresh) == line("NOOP"))
        #expect(!framer.isPaused)
    }
}
