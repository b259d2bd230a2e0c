import SMTPDelivery
import Testing

@Suite("Text on the wire")
struct WireTextTests {
    static let texts: [(String, String)] = [
        ("", ""),
        ("a\r\n", "a\r\n"),
        ("a", "a\r\n"),
        ("a\nb\r\n", "a\r\nb\r\n"),
        ("a\rb", "a\r\nb\r\n"),
        ("a\r", "a\r\n"),
        ("\r\r\n\n", "\r\n\r\n\r\n"),
        (".\r\n", "..\r\n"),
        ("a\n.\nb\r\n", "a\r\n..\r\nb\r\n"),
        ("a\r.\rb", "a\r\n..\r\nb\r\n"),
        ("..\r\n.a.\r\na.\r\n", "...\r\n..a.\r\na.\r\n"),
    ]

    static func wire(_ pieces: [ArraySlice<UInt8>]) -> String {
        var normalizer = LineNormalizer()
        var stuffer = DotStuffer()
        var output: [UInt8] = []
        for piece in pieces { output += stuffer.stuff(normalizer.normalize(Array(piece))) }
        output += stuffer.stuff(normalizer.finish())
        return String(decoding: output, as: UTF8.self)
    }

    @Test("Line ends are whole and dots are doubled, however the text is cut", arguments: texts)
    func cuts(_ test: (String, String)) {
        let input = Array(test.0.utf8)
        #expect(Self.wire([input[...]]) == test.1)
        #expect(Self.wire(input.indices.map { input[$0...$0] }) == test.1)
        for cut in 0...input.count { #expect(Self.wire([input[..<cut], input[cut...]]) == test.1, "cut at \(cut)") }
    }
}
