import POP3Core
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite struct POP3CommandTests {
    @Test(arguments: [
        ("CAPA", POP3Command.capabilities), ("capa", .capabilities), ("STLS", .startTLS), ("STAT", .stat),
        ("stat ", .stat),
        ("USER ann@example.com", .user(bytes("ann@example.com"))), ("user  ann ", .user(bytes("ann"))),
        ("USER ann smith", .user(bytes("ann smith"))), ("PASS secret", .pass(bytes("secret"))),
        ("PASS  two words ", .pass(bytes(" two words "))), ("pass pässword", .pass(bytes("pässword"))),
        ("LIST", .list(nil)), ("LIST 1", .list(1)), ("UIDL", .uidList(nil)), ("uidl 007", .uidList(7)),
        ("RETR 2", .retrieve(2)), ("TOP 1 0", .top(1, lines: 0)), ("TOP  1  10", .top(1, lines: 10)),
        ("DELE 3", .delete(3)),
        ("RSET", .reset), ("NOOP", .noop), ("QUIT", .quit), ("AUTH", .authList),
        ("AUTH plain", .auth(mechanism: "PLAIN", initialResponse: nil)),
        ("AUTH PLAIN =", .auth(mechanism: "PLAIN", initialResponse: bytes("="))),
        ("RETR 99999999999999999999999999", .retrieve(1_000_000_000_000)),
    ])
    func commandsAreRead(line: String, expected: POP3Command) throws {
        #expect(try POP3Command(parsing: bytes(line)) == expected)
    }

    @Test(arguments: [
        ("", POP3CommandError.unknown), (" ", .unknown), ("ST", .unknown), ("STATS", .unknown), ("APOP a b", .unknown),
        ("GET / HTTP/1.1", .unknown), (" STAT", .unknown), ("STAT\t", .unknown), ("XYZ", .unknown),
        ("\0\0\0\0", .unknown),
        ("USER", .missingArgument), ("USER ", .missingArgument), ("PASS", .missingArgument),
        ("PASS ", .missingArgument),
        ("USER a\0b", .badArgument), ("PASS a\0b", .badArgument), ("PASS a\rb", .badArgument),
        ("RETR", .missingArgument),
        ("RETR x", .badNumber), ("RETR -1", .badNumber), ("RETR +1", .badNumber), ("RETR 1x", .badNumber),
        ("DELE", .missingArgument),
        ("RETR 1 2", .unexpectedArgument), ("TOP 1", .missingArgument), ("TOP", .missingArgument),
        ("TOP 1 2 3", .unexpectedArgument),
        ("TOP 1 -1", .badNumber), ("LIST 1 2", .unexpectedArgument), ("STAT 1", .unexpectedArgument),
        ("QUIT now", .unexpectedArgument), ("AUTH PLAIN a b", .unexpectedArgument),
        ("AUTH ABCDEFGHIJKLMNOPQRSTU", .badArgument), ("AUTH \u{1}", .badArgument), ("LIST \u{661}", .badNumber),
        ("pa\u{DF} secret", .unknown),
    ])
    func othersAreRefused(line: String, expected: POP3CommandError) {
        #expect(throws: expected) { try POP3Command(parsing: bytes(line)) }
    }

    @Test func commandsNeverPrintTheirArguments() throws {
        for line in ["PASS hunter2", "USER hunter2", "AUTH PLAIN hunter2="] {
            let command = try POP3Command(parsing: bytes(line))
            #expect(!"\(command) \(String(reflecting: command))".contains("hunter2"))
        }
    }

    @Test func anyOctetsEndInACommandOrAnError() {
        var generator = Seeded(state: 42)
        let verbs = ["USER", "PASS", "TOP", "RETR", "LIST", "AUTH", "UIDL", "STLS"].map(bytes)
        for _ in 0..<20_000 {
            let noise = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            let line = Bool.random(using: &generator) ? noise : (verbs.randomElement(using: &generator) ?? []) + noise
            _ = try? POP3Command(parsing: line)
        }
    }
}

struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
