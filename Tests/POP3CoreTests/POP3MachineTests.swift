import Testing

@testable import POP3Core

/// Drives a machine with lines of text and shows what it does as text.
private struct Script {
    var machine: POP3Machine

    init(_ security: POP3Security, limits: POP3Limits = POP3Limits()) {
        machine = POP3Machine(hostname: "mail.example.com", security: security, limits: limits)
    }

    /// A machine in which somebody has logged in to three messages.
    static func loggedIn(_ security: POP3Security = .encrypted) -> Script {
        var script = Script(security)
        _ = script.send("USER ann@example.com")
        _ = script.send("PASS secret")
        _ = script.show(script.machine.loginAccepted(Script.maildrop))
        return script
    }

    static let maildrop = POP3Maildrop(
        uidValidity: 0x5F3A_91C2,
        entries: [
            .init(uid: 1, octets: 100), .init(uid: 7, octets: 200),
            .init(uid: 0xABCD, octets: 300),
        ]
    )

    mutating func send(_ line: String) -> String { show(machine.lineReceived(Array(line.utf8))) }

    func show(_ action: POP3Action) -> String {
        switch action {
        case .reply(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .close(let bytes): return "close " + String(decoding: bytes, as: UTF8.self)
        case .startTLS(let bytes): return "tls " + String(decoding: bytes, as: UTF8.self)
        case .login(let login):
            return
                "login \(String(decoding: login.user, as: UTF8.self))/\(String(decoding: login.password, as: UTF8.self))"
        case .exchange(.start(let mechanism, let response)):
            return "auth \(mechanism) \(response.map { String(decoding: $0, as: UTF8.self) } ?? "nil")"
        case .exchange(.line(let line)): return "line \(String(decoding: line, as: UTF8.self))"
        case .exchange(.lineTooLong): return "line too long"
        case .list(var listing):
            var text = ""
            while let piece = listing.nextPiece() { text += String(decoding: piece, as: UTF8.self) }
            return text
        case .retrieve(let retrieval):
            let head = String(decoding: retrieval.head(octets: retrieval.entry.octets), as: UTF8.self)
            return "retrieve \(retrieval.entry.uid) \(retrieval.bodyLines.map(String.init) ?? "all") \(head)"
        case .remove(let uids): return "remove \(uids)"
        }
    }
}

private func capabilities(_ text: String) -> [String] {
    text.split(separator: "\r\n").dropFirst().dropLast().map(String.init)
}

@Suite struct POP3MachineTests {
    @Test func utf8ModeComesBeforeTheLoginAndBehindTLS() {
        var script = Script(.plaintext)
        #expect(script.send("utf8").hasPrefix("+OK"))
        #expect(script.send("STLS").hasPrefix("-ERR"))
        #expect(script.send("UTF8 x").hasPrefix("-ERR"))
        script = Script(.encrypted)
        #expect(script.send("UTF8").hasPrefix("+OK"))
        #expect(script.send("UTF8").hasPrefix("+OK"))
        _ = script.send("USER ann@example.com")
        _ = script.send("PASS secret")
        _ = script.show(script.machine.loginAccepted(Script.maildrop))
        guard case .retrieve(let retrieval) = script.machine.lineReceived(Array("RETR 1".utf8)) else {
            Issue.record("no retrieval")
            return
        }
        #expect(retrieval.isUTF8)
        var late = Script.loggedIn()
        #expect(late.send("UTF8").hasPrefix("-ERR"))
        guard case .retrieve(let top) = late.machine.lineReceived(Array("TOP 1 1".utf8)) else {
            Issue.record("no retrieval")
            return
        }
        #expect(!top.isUTF8)
    }

    @Test func whatWasSaidBeforeTLSIsForgotten() {
        var machine = POP3Machine(hostname: "mail.example.com", security: .plaintext)
        _ = machine.lineReceived(Array("UTF8".utf8))
        machine.tlsEstablished()
        #expect(!machine.isUTF8)
    }

    let everywhere = [
        "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "LANG", "UTF8",
        "IMPLEMENTATION Martlet",
    ]

    @Test func theGreetingOffersNoTimestamp() {
        let greeting = String(decoding: Script(.plaintext).machine.greeting, as: UTF8.self)
        #expect(greeting == "+OK mail.example.com POP3 server ready\r\n")
    }

    @Test func capabilitiesInEveryState() {
        var plaintext = Script(.plaintext)
        #expect(Set(capabilities(plaintext.send("CAPA"))) == Set(everywhere + ["STLS"]))
        var without = Script(.plaintextOnly)
        #expect(Set(capabilities(without.send("CAPA"))) == Set(everywhere))
        var encrypted = Script(.encrypted)
        #expect(Set(capabilities(encrypted.send("CAPA"))) == Set(everywhere + ["USER", "SASL PLAIN LOGIN"]))
        var transaction = Script.loggedIn()
        #expect(Set(capabilities(transaction.send("CAPA"))) == Set(everywhere + ["USER", "SASL PLAIN LOGIN"]))
    }

    @Test(arguments: ["USER ann", "PASS secret", "AUTH PLAIN", "AUTH", "AUTH PLAIN AGEAYg==", "AUTH XYZ"])
    func passwordsAreNotTakenInPlaintext(line: String) {
        for security in [POP3Security.plaintext, .plaintextOnly] {
            var script = Script(security)
            #expect(script.send(line).hasPrefix("-ERR [AUTH] "))
            #expect(!script.machine.isExchanging)
        }
    }

    @Test func startTLSForgetsAndEncrypts() {
        var script = Script(.plaintext)
        #expect(script.send("STLS") == "tls +OK begin TLS\r\n")
        script.machine.tlsEstablished()
        #expect(script.send("STLS") == "-ERR TLS is on already\r\n")
        #expect(script.send("USER ann") == "+OK send PASS\r\n")
        script.machine.tlsEstablished()
        #expect(script.send("PASS secret") == "-ERR send USER first\r\n")
        var refused = Script(.plaintext)
        _ = refused.send("STLS")
        #expect(refused.show(refused.machine.tlsRefused()).hasPrefix("close -ERR "))
        var without = Script(.plaintextOnly)
        #expect(without.send("STLS") == "-ERR TLS is not available\r\n")
    }

    @Test func userAndPassLogIn() {
        var script = Script(.encrypted)
        #expect(script.send("PASS secret") == "-ERR send USER first\r\n")
        #expect(script.send("USER ann@example.com") == "+OK send PASS\r\n")
        #expect(script.send("PASS  sec ret") == "login ann@example.com/ sec ret")
        #expect(script.show(script.machine.loginRefused()) == "-ERR [AUTH] invalid login or password\r\n")
        #expect(script.send("PASS secret") == "-ERR send USER first\r\n")
        _ = script.send("USER ann@example.com")
        _ = script.send("PASS secret")
        #expect(script.show(script.machine.loginUnavailable()) == "-ERR [SYS/TEMP] try again later\r\n")
        _ = script.send("USER ann@example.com")
        _ = script.send("PASS secret")
        #expect(script.show(script.machine.loginAccepted(Script.maildrop)) == "+OK logged in, 3 messages\r\n")
        #expect(script.machine.isInTransaction)
        for line in ["USER ann", "PASS x", "AUTH PLAIN", "AUTH"] {
            #expect(script.send(line) == "-ERR logged in already\r\n")
        }
        #expect(script.send("STLS").hasPrefix("-ERR "))
    }

    @Test func authRunsAnExchange() {
        var script = Script(.encrypted)
        #expect(script.send("AUTH") == "+OK mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n")
        #expect(script.send("AUTH CRAM-MD5") == "-ERR unknown mechanism\r\n")
        #expect(script.send("AUTH login") == "auth LOGIN nil")
        #expect(script.show(script.machine.challenge("VXNlcm5hbWU6")) == "+ VXNlcm5hbWU6\r\n")
        #expect(script.machine.isExchanging)
        #expect(script.send("QUIT") == "line QUIT")
        #expect(!script.machine.isExchanging)
        #expect(script.show(script.machine.challenge("")) == "+ \r\n")
        #expect(script.show(script.machine.lineTooLongReceived()) == "line too long")
        #expect(script.show(script.machine.exchangeFailed("cancelled")) == "-ERR cancelled\r\n")
        #expect(script.send("AUTH PLAIN =") == "auth PLAIN =")
        #expect(script.show(script.machine.loginAccepted(Script.maildrop)) == "+OK logged in, 3 messages\r\n")
    }

    @Test func failedLoginsAreLimited() {
        var script = Script(.encrypted)
        for _ in 1..<POP3Limits().failedLogins {
            _ = script.send("USER a")
            _ = script.send("PASS b")
            #expect(script.show(script.machine.loginRefused()).hasPrefix("-ERR [AUTH]"))
        }
        _ = script.send("USER a")
        _ = script.send("PASS b")
        #expect(script.show(script.machine.loginRefused()).hasPrefix("close -ERR [AUTH]"))
    }

    @Test(arguments: ["STAT", "LIST", "LIST 1", "UIDL", "UIDL 1", "RETR 1", "TOP 1 0", "DELE 1", "RSET", "NOOP"])
    func nothingIsShownBeforeTheLogin(line: String) {
        for security in [POP3Security.plaintext, .encrypted] {
            var script = Script(security)
            #expect(script.send(line) == "-ERR log in first\r\n")
        }
    }

    @Test func theMaildropIsListed() {
        var script = Script.loggedIn()
        #expect(script.send("STAT") == "+OK 3 600\r\n")
        #expect(script.send("LIST") == "+OK 3 messages (600 octets)\r\n1 100\r\n2 200\r\n3 300\r\n.\r\n")
        #expect(script.send("LIST 2") == "+OK 2 200\r\n")
        #expect(script.send("UIDL 3") == "+OK 3 0000abcd5f3a91c2\r\n")
        let all = "1 000000015f3a91c2\r\n2 000000075f3a91c2\r\n3 0000abcd5f3a91c2\r\n.\r\n"
        #expect(script.send("UIDL") == "+OK 3 messages (600 octets)\r\n" + all)
        #expect(script.send("RETR 2") == "retrieve 7 all +OK 200 octets\r\n")
        #expect(script.send("TOP 3 5") == "retrieve 43981 5 +OK top of message follows\r\n")
        #expect(script.send("NOOP") == "+OK nothing done\r\n")
        #expect(script.send("QUIT") == "close +OK bye\r\n")
    }

    @Test(arguments: [
        "LIST 0", "LIST 4", "UIDL 4", "RETR 0", "RETR 4", "RETR 99999999999999999999", "TOP 4 1", "DELE 4",
    ])
    func otherNumbersAreNoMessages(line: String) {
        var script = Script.loggedIn()
        #expect(script.send(line) == "-ERR no such message\r\n")
    }

    @Test func deletionsAreMadeAtTheEndInOneStep() {
        var script = Script.loggedIn()
        #expect(script.send("DELE 1") == "+OK message 1 deleted\r\n")
        #expect(script.send("DELE 3") == "+OK message 3 deleted\r\n")
        for line in ["DELE 1", "RETR 1", "LIST 1", "UIDL 3", "TOP 3 0"] {
            #expect(script.send(line) == "-ERR no such message\r\n")
        }
        #expect(script.send("STAT") == "+OK 1 200\r\n")
        #expect(script.send("LIST") == "+OK 1 messages (200 octets)\r\n2 200\r\n.\r\n")
        #expect(script.send("UIDL") == "+OK 1 messages (200 octets)\r\n2 000000075f3a91c2\r\n.\r\n")
        #expect(script.send("QUIT") == "remove [1, 43981]")
        #expect(script.send("NOOP") == "-ERR not now\r\n")
        var copy = script
        #expect(script.show(script.machine.deletionsFinished(.removed)) == "close +OK bye\r\n")
        #expect(
            copy.show(copy.machine.deletionsFinished(.failed))
                == "close -ERR [SYS/TEMP] some deleted messages not removed\r\n")
    }

    @Test func resetTakesDeletionsBack() {
        var script = Script.loggedIn()
        _ = script.send("DELE 1")
        #expect(script.send("RSET") == "+OK 3 messages (600 octets)\r\n")
        #expect(script.send("STAT") == "+OK 3 600\r\n")
        #expect(script.send("RETR 1") == "retrieve 1 all +OK 100 octets\r\n")
        #expect(script.send("QUIT") == "close +OK bye\r\n")
    }

    @Test func quittingBeforeTheLoginJustCloses() {
        var script = Script(.plaintext)
        #expect(script.send("QUIT") == "close +OK bye\r\n")
        #expect(script.send("NOOP") == "close ")
    }

    @Test func badCommandsAreLimited() {
        var script = Script(.plaintext)
        for _ in 1..<POP3Limits().badCommands { #expect(script.send("GET / HTTP/1.1") == "-ERR unknown command\r\n") }
        #expect(script.send("Host: example.com") == "close -ERR too many bad commands\r\n")
    }

    @Test func anEmptyMaildropIsEmpty() {
        var script = Script(.encrypted)
        _ = script.send("USER a")
        _ = script.send("PASS b")
        _ = script.machine.loginAccepted(POP3Maildrop(uidValidity: 1, entries: []))
        #expect(script.send("STAT") == "+OK 0 0\r\n")
        #expect(script.send("LIST") == "+OK 0 messages (0 octets)\r\n.\r\n")
        #expect(script.send("UIDL") == "+OK 0 messages (0 octets)\r\n.\r\n")
        #expect(script.send("RETR 1") == "-ERR no such message\r\n")
    }

    @Test func longListingsComeInPieces() {
        let entries = (1...50_000).map { POP3Maildrop.Entry(uid: UInt32($0), octets: 1_000_000) }
        var script = Script(.encrypted)
        _ = script.send("USER a")
        _ = script.send("PASS b")
        _ = script.machine.loginAccepted(POP3Maildrop(uidValidity: 1, entries: entries))
        for command in ["LIST", "UIDL"] {
            guard case .list(var listing) = script.machine.lineReceived(Array(command.utf8)) else {
                Issue.record("no listing")
                return
            }
            var pieces: [[UInt8]] = []
            while let piece = listing.nextPiece() { pieces.append(piece) }
            #expect(pieces.count > 10)
            #expect(pieces.allSatisfy { $0.count < 65_536 })
            let text = String(decoding: pieces.joined(), as: UTF8.self)
            #expect(text.split(separator: "\r\n").count == 50_002)
            #expect(text.hasSuffix("\r\n.\r\n"))
        }
    }

    @Test func randomDialoguesNeverTrapAndCanAlwaysEnd() {
        var generator = Seeded(state: 11)
        let lines = [
            "USER a", "PASS b", "AUTH PLAIN", "AUTH", "STLS", "STAT", "LIST", "LIST 2", "UIDL", "RETR 1", "TOP 2 3",
            "DELE 1",
            "DELE 2", "RSET", "NOOP", "QUIT", "CAPA", "nonsense", "",
        ]
        for _ in 0..<2_000 {
            var script = Script(
                [POP3Security.plaintext, .encrypted, .plaintextOnly].randomElement(using: &generator) ?? .plaintext)
            for _ in 0..<30 {
                switch Int.random(in: 0..<12, using: &generator) {
                case 0: script.machine.tlsEstablished()
                case 1: _ = script.machine.loginAccepted(Script.maildrop)
                case 2: _ = script.machine.loginRefused()
                case 3: _ = script.machine.challenge("")
                case 4: _ = script.machine.lineTooLongReceived()
                default: _ = script.send(lines.randomElement(using: &generator) ?? "")
                }
            }
            guard case .close = script.machine.shutDown() else {
                Issue.record("still open")
                return
            }
        }
    }
}
