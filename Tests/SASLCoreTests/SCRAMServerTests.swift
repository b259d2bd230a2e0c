import MailSyntax
import SASLCore
import Testing

/// The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.
@Suite struct SCRAMServerTests {
    private static let nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let salt = Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8) ?? []
    private static let verifier = SCRAMVerifier(password: Secret("pencil"), salt: salt)
    private static let binding = ChannelBinding(serverEndPoint: Array("digest".utf8))

    /// An exchange up to the server's first message.
    private static func begun(
        _ first: String, _ mechanism: SASLMechanism = .scramSHA256, binding: ChannelBinding? = nil,
        verifier: SCRAMVerifier = verifier
    ) -> (SASLServer, SASLStep) {
        var server = SASLServer(mechanism, nonce: nonce, binding: binding)
        var step = server.start(initialResponse: Array(first.utf8))
        if case .verifier = step { step = server.provide(verifier) }
        return (server, step)
    }

    private static func text(_ step: SASLStep) -> String {
        if case .challenge(let octets) = step { String(decoding: octets, as: UTF8.self) } else { "\(step)" }
    }

    /// The final message for a password, right in everything but what is told here.
    private static func final(
        _ first: String, _ challenge: SASLStep, password: String = "pencil", channel: [UInt8]? = nil,
        nonce: String? = nil
    ) -> [UInt8] {
        let bare = first.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
        let header = first.dropLast(bare.count)
        let serverFirst = text(challenge)
        let whole = serverFirst.split(separator: ",").first?.dropFirst(2) ?? ""
        let without = "c=\(Base64.encode(channel ?? Array(header.utf8))),r=\(nonce ?? String(whole))"
        let proof = SCRAMVerifier.clientProof(
            password: Secret(password), salt: salt, iterations: 4096,
            authMessage: Array("\(bare),\(serverFirst),\(without)".utf8))
        return Array("\(without),p=\(Base64.encode(proof))".utf8)
    }

    // RFC 7677 §3
    @Test func theExampleOfTheStandard() {
        let first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
        var (server, step) = Self.begun(first)
        #expect(
            Self.text(step)
                == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
        let final =
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        step = server.respond(Array(final.utf8))
        #expect(Self.text(step) == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        #expect(server.respond([]) == .proven)
        #expect(server.respond([]) == .failed(.exchangeOver))
    }

    @Test func ourClientAndServerUnderstandEachOther() {
        let identity = SASLClientIdentity(login: "a=b,c", secret: Secret("pencil"))
        var client = SASLClient(.scramSHA256, identity: identity, nonce: "clientnonce")
        var server = SASLServer(.scramSHA256, nonce: Self.nonce)
        var step = server.start(initialResponse: client.initialResponse())
        #expect(step == .verifier(login: "a=b,c"))
        step = server.provide(Self.verifier)
        var rounds = 0
        while case .challenge(let challenge) = step, rounds < 5 {
            guard case .response(let response) = client.respond(to: challenge) else { break }
            step = server.respond(response)
            rounds += 1
        }
        #expect(step == .proven && client.isComplete)
    }

    @Test func aClientWithoutAnInitialResponseIsAskedForIt() {
        var server = SASLServer(.scramSHA256, nonce: Self.nonce)
        #expect(server.start(initialResponse: nil) == .challenge([]))
        #expect(server.respond(Array("n,,n=u,r=x".utf8)) == .verifier(login: "u"))
    }

    @Test(arguments: [
        ("", SASLFailure.malformed), ("n,,", .malformed), ("n,,n=user", .malformed), ("n,,r=x,n=user", .malformed),
        ("n,,m=ext,n=user,r=x", .malformed), ("n,,n=us=er,r=x", .malformed), ("n,,n=us=2c,r=x", .malformed),
        ("n,,n=,r=x", .malformed), ("n,,n=user,r=", .malformed), ("n,,n=user,r=a\u{1}", .malformed),
        ("q,,n=user,r=x", .malformed), ("n,b=c,n=user,r=x", .malformed), ("n,a=other,n=user,r=x", .authorizationDenied),
        ("p=tls-server-end-point,,n=user,r=x", .malformed), ("n,,n=\u{0},r=x", .malformed),
    ])
    func firstMessagesThatAreRefused(first: String, failure: SASLFailure) {
        #expect(Self.begun(first).1 == .failed(failure))
    }

    @Test func whatIsTooLongIsRefused() {
        let long = String(repeating: "x", count: 1025)
        #expect(Self.begun("n,,n=\(long),r=x").1 == .failed(.tooLong))
        #expect(Self.begun("n,,n=user,r=\(long)").1 == .failed(.tooLong))
        #expect(Self.begun("n,,n=user,r=x,e=\(String(repeating: "x", count: 5000))").1 == .failed(.tooLong))
        let first = "n,,n=user,r=x"
        var (server, step) = Self.begun(first)
        #expect(server.respond(Self.final(first, step) + [UInt8](repeating: 65, count: 9000)) == .failed(.tooLong))
        (server, step) = Self.begun("n,a=USER,n=user,r=x")
        guard case .challenge = step else { return #expect(Bool(false), "\(step)") }
    }

    @Test func aWrongPasswordNonceOrProofFails() {
        let first = "n,,n=user,r=x"
        var (server, step) = Self.begun(first)
        #expect(server.respond(Self.final(first, step, password: "pen")) == .failed(.wrongProof))
        #expect(server.respond(Self.final(first, step)) == .failed(.exchangeOver))
        (server, step) = Self.begun(first)
        #expect(server.respond(Self.final(first, step, nonce: "x")) == .failed(.wrongProof))
        (server, step) = Self.begun(first)
        #expect(server.respond(Self.final(first, step, channel: Array("y,,".utf8))) == .failed(.malformed))
        for message in ["", "c=biws", "c=biws,r=x,p=!", "p=AAAA", "c=!,r=x,p=AAAA", "c=biws,r=x,p=AAAA"] {
            (server, step) = Self.begun(first)
            guard case .failed = server.respond(Array(message.utf8)) else {
                Issue.record("\(message) was not refused")
                continue
            }
        }
        (server, step) = Self.begun(first)
        _ = server.respond(Self.final(first, step))
        #expect(server.respond([1]) == .failed(.malformed))
    }

    @Test func theChannelIsBound() {
        let first = "p=tls-server-end-point,,n=user,r=x"
        let header = Array("p=tls-server-end-point,,".utf8)
        var (server, step) = Self.begun(first, .scramSHA256Plus, binding: Self.binding)
        guard case .challenge = server.respond(Self.final(first, step, channel: header + Array("digest".utf8))) else {
            return #expect(Bool(false))
        }
        #expect(server.respond([]) == .proven)
        // Somebody in between has a certificate of his own.
        for other in [header + Array("others".utf8), header, []] {
            (server, step) = Self.begun(first, .scramSHA256Plus, binding: Self.binding)
            #expect(server.respond(Self.final(first, step, channel: other)) == .failed(.channelBinding))
        }
        #expect(Self.begun(first, .scramSHA256Plus).1 == .failed(.malformed))
        let others = ["p=tls-unique,,n=user,r=x", "p=tls-exporter,,n=user,r=x"]
        for other in others {
            #expect(
                Self.begun(other, .scramSHA256Plus, binding: Self.binding).1 == .failed(.unsupportedChannelBinding))
        }
        for flag in ["n", "y"] {
            #expect(Self.begun("\(flag),,n=user,r=x", .scramSHA256Plus, binding: Self.binding).1 == .failed(.malformed))
        }
    }

    // RFC 5802 §6
    @Test func aDowngradeIsNoticed() {
        #expect(Self.begun("y,,n=user,r=x", binding: Self.binding).1 == .failed(.downgrade))
        for (flag, binding) in [("y", nil), ("n", Self.binding), ("n", nil)] {
            guard case .challenge = Self.begun("\(flag),,n=user,r=x", binding: binding).1 else {
                Issue.record("\(flag) was refused")
                continue
            }
        }
    }
}
