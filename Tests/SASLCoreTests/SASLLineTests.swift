import SASLCore
import Testing

@Suite struct SASLLineTests {
    @Test(arguments: [
        ("*", SASLLine.cancel), ("", .response([])), ("AGEAYg==", .response([0, 0x61, 0, 0x62])), ("=", .malformed),
        ("AGEAYg=", .malformed), ("AGE AYg==", .malformed), ("**", .malformed), ("AGEAYg==\r", .malformed),
        ("AG*=", .malformed),
    ])
    func continuationLines(line: String, expected: SASLLine) {
        #expect(SASLLine(continuation: line.utf8) == expected)
    }

    @Test(arguments: [
        ("=", SASLLine.response([])), ("AGEAYg==", .response([0, 0x61, 0, 0x62])), ("", .malformed), ("*", .malformed),
    ])
    func initialResponses(argument: String, expected: SASLLine) {
        #expect(SASLLine(initialResponse: argument.utf8) == expected)
    }

    @Test func challengesAreBase64() {
        #expect(SASLLine.encode(Array("Username:".utf8)) == "VXNlcm5hbWU6")
        #expect(SASLLine.encode(Array("Password:".utf8)) == "UGFzc3dvcmQ6")
        #expect(SASLLine.encode([]) == "")
    }

    @Test func linesEndAtTheLimit() {
        let most = [UInt8](repeating: UInt8(ascii: "A"), count: SASLLimits.line)
        #expect(SASLLine(continuation: most) == .response([UInt8](repeating: 0, count: SASLLimits.line / 4 * 3)))
        #expect(SASLLine(continuation: most + Array("AAAA".utf8)) == .malformed)
    }
}
