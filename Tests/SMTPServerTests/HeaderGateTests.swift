import Testing

@testable import SMTPServer

@Suite struct HeaderGateTests {
    /// What comes out when the text comes in pieces that end at the given offsets.
    private func pass(_ text: String, cutAt cuts: [Int]) -> (String, repairs: [String]) {
        var gate = HeaderGate()
        var out: [UInt8] = []
        let bytes = Array(text.utf8)
        let bounds = [0] + cuts + [bytes.count]
        for (start, end) in zip(bounds, bounds.dropFirst()) {
            let piece = Array(bytes[start..<end])
            let passed = piece.withUnsafeBytes { gate.isOver ? nil : gate.pass($0) }
            out += passed ?? piece
        }
        return (String(decoding: out + gate.finish(), as: UTF8.self), gate.repairs)
    }

    private static let cases: [(String, String)] = [
        ("Subject: x\r\n\r\ntext\r\n", "Subject: x\r\n\r\ntext\r\n"),
        ("Subject: x\r\n  more\r\n\tand more\r\nTo : y\r\n\r\nno field\r\n", ""),
        ("\r\nonly text\r\n", ""), ("Subject: x\r\n", ""), ("", ""), ("\r\n", ""),
        ("hello there\r\nbye: now\r\n", "\r\nhello there\r\nbye: now\r\n"),
        ("hello\r\n", "\r\nhello\r\n"), ("hello", "\r\nhello"), (": x\r\n", "\r\n: x\r\n"),
        (" indented\r\n", "\r\n indented\r\n"), ("\u{E4}: x\r\n", "\r\n\u{E4}: x\r\n"),
        ("Subject: x\r\nhello\r\n\r\nmore\r\n", "Subject: x\r\n\r\nhello\r\n\r\nmore\r\n"),
        ("From a@b Sat Nov 21\r\nSubject: x\r\n\r\ny\r\n", "Subject: x\r\n\r\ny\r\n"),
        ("From : a@b\r\n\r\n", ""), ("From: a@b\r\n\r\n", ""),
        ("Subject: x\r\nFrom a@b\r\n", "Subject: x\r\n\r\nFrom a@b\r\n"),
        ("From a@b\r\nhello\r\n", "\r\nhello\r\n"), ("From a@b\r\n From c\r\n", "\r\n From c\r\n"),
    ]

    @Test(arguments: cases)
    func `text that begins without a blank line gets one, however it is cut`(text: String, expected: String) {
        let expected = expected.isEmpty ? text : expected
        let whole = pass(text, cutAt: [])
        #expect(whole.0 == expected)
        let count = text.utf8.count
        for first in 0...count {
            for second in first...count {
                let cut = pass(text, cutAt: [first, second])
                #expect(cut.0 == expected && cut.repairs == whole.repairs, "cut at \(first) and \(second)")
            }
        }
        #expect(pass(text, cutAt: Array(0..<count)).0 == expected)
    }

    @Test func `a name without an end is not waited for`() {
        var gate = HeaderGate()
        var passed = 0
        for _ in 0..<1500 {
            passed += [UInt8](arrayLiteral: 97).withUnsafeBytes { gate.isOver ? 1 : gate.pass($0)?.count ?? 1 }
        }
        #expect(gate.isOver && gate.repairs.count == 1)
        #expect(passed == 1502)
        var blanks = HeaderGate()
        _ = Array(("Name" + String(repeating: " ", count: 1500)).utf8).withUnsafeBytes { blanks.pass($0) }
        #expect(blanks.isOver)
    }
}
