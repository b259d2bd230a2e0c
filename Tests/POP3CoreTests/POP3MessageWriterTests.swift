import NIOCore
import POP3Core
import Testing

private func written(
    _ message: String, lines: Int? = nil, repairs: POP3MessageWriter.Repairs = [], step: Int = .max
) -> String {
    var writer = POP3MessageWriter(bodyLines: lines, repairs: repairs)
    var buffer = ByteBuffer()
    var rest = Array(message.utf8)[...]
    while !rest.isEmpty, !writer.isComplete {
        writer.write(Array(rest.prefix(step)), into: &buffer)
        rest = rest.dropFirst(step)
    }
    writer.finish(into: &buffer)
    return String(buffer: buffer)
}

@Suite struct POP3MessageWriterTests {
    @Test(arguments: [
        ("A: b", "A: b\r\n\r\n.\r\n"), ("A: b\r\n", "A: b\r\n\r\n.\r\n"), ("A: b\n", "A: b\r\n\r\n.\r\n"),
        ("", "\r\n.\r\n"),
        ("A: b\r\n\r\n", "A: b\r\n\r\n.\r\n"), ("A: b\r\n\r\n.c", "A: b\r\n\r\n..c\r\n.\r\n"),
    ])
    func aHeaderAloneIsEnded(message: String, expected: String) {
        for step in [1, 2, 1_000] {
            for lines in [nil, 0, 5] where lines != 0 || !message.contains(".c") {
                #expect(written(message, lines: lines, repairs: .endOfHeader, step: step) == expected)
            }
        }
    }

    @Test func nulGoesOutAsAnotherOctet() {
        for step in [1, 3, 1_000] {
            var writer = POP3MessageWriter(repairs: .nul)
            var buffer = ByteBuffer()
            var rest: ArraySlice<UInt8> = [0, 0x61, 0, 13, 10, 0x2E, 0]
            while !rest.isEmpty {
                writer.write(Array(rest.prefix(step)), into: &buffer)
                rest = rest.dropFirst(step)
            }
            writer.finish(into: &buffer)
            let text: [UInt8] = [0x80, 0x61, 0x80, 13, 10, 0x2E, 0x2E, 0x80, 13, 10, 0x2E, 13, 10]
            #expect(Array(buffer.readableBytesView) == text)
        }
    }

    @Test(arguments: [
        ("", ".\r\n"), ("a", "a\r\n.\r\n"), ("a\r\n", "a\r\n.\r\n"), ("a\n", "a\r\n.\r\n"), ("a\r", "a\r\n.\r\n"),
        (".", "..\r\n.\r\n"), (".\r\n", "..\r\n.\r\n"), ("..\r\n", "...\r\n.\r\n"),
        ("a.b\r\n.c\r\n", "a.b\r\n..c\r\n.\r\n"),
        ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"), ("a\r.\r\nb", "a\r.\r\nb\r\n.\r\n"), ("\n\n", "\r\n\r\n.\r\n"),
        ("a\r\r\n", "a\r\r\n.\r\n"), ("\r\n.\r\n\r\n", "\r\n..\r\n\r\n.\r\n"),
    ])
    func messagesAreStuffed(message: String, expected: String) {
        for step in [1, 2, 3, 1_000] { #expect(written(message, step: step) == expected) }
    }

    @Test(arguments: [
        (0, "A: b\r\nC: d\r\n\r\n.\r\n"), (1, "A: b\r\nC: d\r\n\r\n..one\r\n.\r\n"),
        (2, "A: b\r\nC: d\r\n\r\n..one\r\ntwo\r\n.\r\n"), (3, "A: b\r\nC: d\r\n\r\n..one\r\ntwo\r\n\r\n.\r\n"),
        (4, "A: b\r\nC: d\r\n\r\n..one\r\ntwo\r\n\r\nfour\r\n.\r\n"),
        (99, "A: b\r\nC: d\r\n\r\n..one\r\ntwo\r\n\r\nfour\r\n.\r\n"),
        (Int.max, "A: b\r\nC: d\r\n\r\n..one\r\ntwo\r\n\r\nfour\r\n.\r\n"),
    ])
    func topSendsTheHeaderAndSomeLines(lines: Int, expected: String) {
        for message in ["A: b\r\nC: d\r\n\r\n.one\r\ntwo\r\n\r\nfour", "A: b\nC: d\n\n.one\ntwo\n\nfour\n"] {
            for step in [1, 2, 7, 1_000] { #expect(written(message, lines: lines, step: step) == expected) }
        }
    }

    @Test func topOfAHeaderWithoutABodyIsTheHeader() {
        #expect(written("A: b\r\n", lines: 5) == "A: b\r\n.\r\n")
        #expect(written("A: b\r\n \r\nC: d\r\n\r\nx\r\n", lines: 0) == "A: b\r\n \r\nC: d\r\n\r\n.\r\n")
    }

    @Test func aPieceGrowsToTwiceItsSizeAtMost() {
        for octets in [[UInt8](".\n".utf8), Array("\n".utf8), Array(".\r\n".utf8)] {
            var writer = POP3MessageWriter()
            var message: [UInt8] = []
            while message.count + octets.count <= POP3MessageWriter.pieceSize { message += octets }
            var buffer = ByteBuffer()
            writer.write(message, into: &buffer)
            #expect(buffer.readableBytes <= 2 * POP3MessageWriter.pieceSize)
        }
    }

    @Test func unstuffingGivesTheMessageBack() {
        var generator = Seeded(state: 3)
        for _ in 0..<2_000 {
            let text =
                (0..<Int.random(in: 0..<20, using: &generator))
                .map { _ in [".", "a", "\r\n", "\r\n.", "b.", "\u{E4}"].randomElement(using: &generator) ?? "" }
                .joined() + "\r\n"
            let sent = written(text, step: Int.random(in: 1..<6, using: &generator))
            #expect(sent.hasSuffix("\r\n.\r\n"))
            let lines = sent.utf8.dropLast(3).split(separator: 10, omittingEmptySubsequences: false)
            let unstuffed = lines.map { $0.first == 46 ? Array($0.dropFirst()) : Array($0) }.joined(separator: [10])
            #expect(Array(unstuffed) == Array(text.utf8))
        }
    }
}
