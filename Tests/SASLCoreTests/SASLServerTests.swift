import SASLCore
import Testing

private func credentials(_ login: String, _ password: String, _ authorization: String? = nil) -> SASLStep {
    .credentials(SASLCredentials(login: login, password: Secret(password), authorization: authorization))
}

@Suite struct SASLServerTests {
    @Test(arguments: [
        ("\0tim\0tanstaaftanstaaf", credentials("tim", "tanstaaftanstaaf")),
        ("tim@example.com\0Tim@Example.com\0xipj3plmq", credentials("Tim@Example.com", "xipj3plmq", "tim@example.com")),
        ("Ursel\0Kurt\0xipj3plmq", .failed(.authorizationDenied)),
        ("\0grå@example.com\0pässword 1", credentials("grå@example.com", "pässword 1")),
        ("\0gra\u{30A}\0x", credentials("grå", "x")),
        ("", .failed(.malformed)),
        ("\0\0", .failed(.malformed)),
        ("\0tim\0", .failed(.malformed)),
        ("\0\0secret", .failed(.malformed)),
        ("tim\0secret", .failed(.malformed)),
        ("\0tim\0sec\0ret", .failed(.malformed)),
        ("\0t\r\nim\0secret", .failed(.malformed)),
    ])
    func plainReadsTheThreeFields(message: String, expected: SASLStep) {
        var withInitial = SASLServer(.plain)
        #expect(withInitial.start(initialResponse: Array(message.utf8)) == expected)
        var without = SASLServer(.plain)
        #expect(without.start(initialResponse: nil) == .challenge([]))
        #expect(without.respond(Array(message.utf8)) == expected)
        #expect(without.respond(Array(message.utf8)) == .failed(.exchangeOver))
    }

    @Test func plainKeepsPasswordOctetsThatAreNotUTF8ButNotSuchLogins() {
        var latin1 = SASLServer(.plain)
        let step = latin1.start(initialResponse: [0, 0x61, 0, 0x70, 0xE4])
        #expect(step == .credentials(SASLCredentials(login: "a", password: Secret([0x70, 0xE4] as [UInt8]))))
        var bad = SASLServer(.plain)
        #expect(bad.start(initialResponse: [0, 0xE4, 0, 0x70]) == .failed(.malformed))
    }

    @Test func loginAsksForNameAndPassword() {
        var server = SASLServer(.login)
        #expect(server.start(initialResponse: nil) == .challenge(Array("Username:".utf8)))
        #expect(server.respond(Array("a@example.com".utf8)) == .challenge(Array("Password:".utf8)))
        #expect(server.respond(Array("secret".utf8)) == credentials("a@example.com", "secret"))
        #expect(server.respond(Array("secret".utf8)) == .failed(.exchangeOver))
    }

    @Test func loginTakesTheNameAsInitialResponse() {
        var server = SASLServer(.login)
        #expect(server.start(initialResponse: Array("a@example.com".utf8)) == .challenge(Array("Password:".utf8)))
        #expect(server.respond(Array("secret".utf8)) == credentials("a@example.com", "secret"))
    }

    @Test(arguments: ["", "a\0b", "a\nb"]) func loginRefusesNames(name: String) {
        var server = SASLServer(.login)
        #expect(server.start(initialResponse: Array(name.utf8)) == .failed(.malformed))
        #expect(server.respond(Array("x".utf8)) == .failed(.exchangeOver))
    }

    @Test(arguments: ["", "a\0b"]) func loginRefusesPasswords(password: String) {
        var server = SASLServer(.login)
        _ = server.start(initialResponse: Array("a".utf8))
        #expect(server.respond(Array(password.utf8)) == .failed(.malformed))
    }

    @Test func fieldsEndAtTheLimit() {
        let most = [UInt8](repeating: 0x61, count: SASLLimits.field)
        let tooMany = most + [0x61]
        func plain(_ message: [UInt8]) -> SASLStep {
            var server = SASLServer(.plain)
            return server.start(initialResponse: message)
        }
        #expect(
            plain([0] + most + [0] + most)
                == credentials(String(decoding: most, as: UTF8.self), String(decoding: most, as: UTF8.self)))
        #expect(plain([0] + tooMany + [0] + most) == .failed(.tooLong))
        #expect(plain([0] + most + [0] + tooMany) == .failed(.tooLong))
        #expect(plain(tooMany + [0] + most + [0] + most) == .failed(.tooLong))
    }

    @Test func respondingBeforeStartIsAFailure() {
        var server = SASLServer(.plain)
        #expect(server.respond([0, 0x61, 0, 0x61]) == .failed(.exchangeOver))
    }

    @Test func anyMessageEndsInAStepAndNeverInATrap() {
        var generator = Seeded(state: 7)
        for _ in 0..<5_000 {
            let message = (0..<Int.random(in: 0..<24, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator) & (Bool.random(using: &generator) ? 0x01 : 0xFF)
            }
            for mechanism in SASLMechanism.allCases {
                var server = SASLServer(mechanism)
                _ = server.start(initialResponse: message)
                _ = server.respond(message)
                _ = server.provide(SCRAMVerifier(iterations: 4096, salt: [1], storedKey: [2], serverKey: [3]))
                _ = server.respond(message)
                _ = server.refuseToken(message)
            }
        }
    }

    @Test(arguments: [("plain", SASLMechanism.plain), ("LOGIN", .login), ("Login", .login)])
    func mechanismNamesHaveNoCase(name: String, expected: SASLMechanism) {
        #expect(SASLMechanism(name: name) == expected)
    }

    @Test(arguments: ["", "CRAM-MD5", "PLAIN ", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS "]) func otherMechanismsAreUnknown(
        name: String
    ) {
        #expect(SASLMechanism(name: name) == nil)
    }
}

struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
