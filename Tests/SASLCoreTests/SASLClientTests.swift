import MailSyntax
import SASLCore
import Testing

@Suite("SASL as a client")
struct SASLClientTests {
    static func client(
        _ mechanism: SASLClientMechanism, login: String = "tim", secret: String = "tanstaaftanstaaf",
        nonce: String = "n"
    ) -> SASLClient {
        let identity = SASLClientIdentity(
            login: login, secret: Secret(secret), host: "server.example.com", port: 143)
        return SASLClient(mechanism, identity: identity, nonce: nonce)
    }

    @Test("PLAIN speaks first, and answers the empty challenge where it can't")
    func plain() {
        let message = Array("\0tim\0tanstaaftanstaaf".utf8)
        var first = Self.client(.plain)
        #expect(first.initialResponse() == message)
        #expect(first.respond(to: []) == .failed(.exchangeOver))
        var second = Self.client(.plain)
        #expect(!second.isComplete)
        #expect(second.respond(to: []) == .response(message))
        #expect(second.isComplete)
        #expect(second.respond(to: []) == .failed(.exchangeOver))
    }

    @Test("LOGIN answers two prompts whatever they say")
    func login() {
        var client = Self.client(.login)
        #expect(client.initialResponse() == nil)
        #expect(client.respond(to: Array("User Name\0".utf8)) == .response(Array("tim".utf8)))
        #expect(!client.isComplete)
        #expect(client.respond(to: []) == .response(Array("tanstaaftanstaaf".utf8)))
        #expect(client.isComplete)
        #expect(client.respond(to: []) == .failed(.exchangeOver))
    }

    // RFC 2195 §2
    @Test("CRAM-MD5 gives the answer of its standard's example")
    func cramMD5() {
        var client = Self.client(.cramMD5)
        #expect(client.initialResponse() == nil)
        let challenge = Array("<1896.697170952@postoffice.reston.mci.net>".utf8)
        #expect(client.respond(to: challenge) == .response(Array("tim b913a602c7eda7a495b4e6e7334d3890".utf8)))
        #expect(client.isComplete)
        var empty = Self.client(.cramMD5)
        #expect(empty.respond(to: []) == .failed(.malformed(.cramMD5)))
    }

    @Test("XOAUTH2 sends the token, answers a refusal with an empty line and keeps its words")
    func xoauth2() {
        var client = Self.client(.xoauth2, login: "someuser@example.com", secret: "ya29.vF9dft4")
        let first = "user=someuser@example.com\u{1}auth=Bearer ya29.vF9dft4\u{1}\u{1}"
        #expect(client.initialResponse() == Array(first.utf8))
        #expect(client.isComplete)
        let blob = #"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}"#
        #expect(client.respond(to: Array(blob.utf8)) == .response([]))
        #expect(!client.isComplete)
        #expect(client.complaint == "status 401, scope https://mail.google.com/")
        #expect(client.respond(to: Array(blob.utf8)) == .failed(.exchangeOver))
    }

    // RFC 7628 §4.1, RFC 7628 §4.3
    @Test("OAUTHBEARER gives the message of its standard's example and answers a refusal with one octet")
    func oauthBearer() {
        var client = Self.client(
            .oauthBearer, login: "user@example.com", secret: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
        let expected = """
            bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI\
            HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB
            """
        #expect(client.initialResponse().map { Base64.encode($0) } == expected)
        let blob =
            "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24i"
            + "OiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0="
        let challenge = Base64.decode(blob.utf8) ?? []
        #expect(client.respond(to: challenge) == .response([1]))
        #expect(client.complaint == "status invalid_token, scope example_scope")
    }

    @Test(
        "A complaint is shown in words, whatever it looks like",
        arguments: [
            ("", "no reason given"), ("not json", "not json"), ("{\"a\":", "{\"a\":"),
            (
                #"{"error":"invalid_grant","error_description":"Token\nrevoked \u00e9"}"#,
                "invalid_grant, Token revoked é"
            ),
            (#"{"status": 400 , "x": {"error" : "deep"}}"#, "status 400, deep"), ("a\u{7}b", "a b"),
        ])
    func complaint(_ text: String, _ words: String) {
        #expect(BearerComplaint(Array(text.utf8)).description == words)
    }

    // RFC 7677 §3
    @Test("SCRAM-SHA-256 gives the messages of its standard's example and checks the server's signature")
    func scram() {
        var client = Self.client(.scramSHA256, login: "user", secret: "pencil", nonce: "rOprNGfwEbeRWgbNEkqO")
        #expect(client.initialResponse() == Array("n,,n=user,r=rOprNGfwEbeRWgbNEkqO".utf8))
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        let final = "c=biws,r=\(nonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        #expect(
            client.respond(to: Array("r=\(nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".utf8))
                == .response(Array(final.utf8)))
        #expect(!client.isComplete)
        var deceived = client
        let wrong = Array("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=".utf8)
        #expect(deceived.respond(to: wrong) == .failed(.impostor) || deceived.respond(to: wrong) != .response([]))
        #expect(!deceived.isComplete)
        #expect(
            client.respond(to: Array("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".utf8)) == .response([]))
        #expect(client.isComplete)
    }

    @Test(
        "SCRAM refuses what a server may not send",
        arguments: [
            ("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", SASLClientFailure.foreignNonce),
            ("r=n,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .foreignNonce),
            ("r=nx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", .iterations(4095)),
            ("r=nx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001", .iterations(1_000_001)),
            ("r=nx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999", .malformed(.scramSHA256)),
            ("m=x,r=nx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", .malformed(.scramSHA256)),
            ("r=nx,s=,i=4096", .malformed(.scramSHA256)), ("", .malformed(.scramSHA256)),
            ("e=other-error", .refused("other-error")),
        ])
    func scramRefuses(_ challenge: String, _ failure: SASLClientFailure) {
        var client = Self.client(.scramSHA256)
        _ = client.initialResponse()
        #expect(client.respond(to: Array(challenge.utf8)) == .failed(failure))
        #expect(!client.isComplete)
        #expect(client.respond(to: []) == .failed(.exchangeOver))
    }

    @Test("A comma and an equals sign in a name are escaped")
    func scramNames() {
        var client = Self.client(.scramSHA256, login: "a=b,c")
        #expect(client.initialResponse() == Array("n,,n=a=3Db=2Cc,r=n".utf8))
    }

    @Test(arguments: [SASLMechanism.plain, .login]) func `client and server understand each other`(
        _ mechanism: SASLMechanism
    ) throws {
        var client = Self.client(try #require(SASLClientMechanism(rawValue: mechanism.rawValue)))
        var server = SASLServer(mechanism)
        var step = server.start(initialResponse: client.initialResponse())
        while case .challenge(let challenge) = step {
            guard case .response(let response) = client.respond(to: challenge) else { break }
            step = server.respond(response)
        }
        #expect(step == .credentials(SASLCredentials(login: "tim", password: Secret("tanstaaftanstaaf"))))
    }

    @Test("The strongest common mechanism comes first; a filter and a connection in clear leave out others")
    func candidates() {
        func names(_ offered: [String], _ filter: [String] = [], token: Bool = false, clear: Bool = false) -> [String] {
            SASLClientMechanism.candidates(offered: offered, filter: filter, hasToken: token, mayReveal: !clear)
                .map(\.rawValue)
        }
        let all = ["login", "PLAIN", "XOAUTH2", "cram-md5", "SCRAM-SHA-256", "GSSAPI", "OAUTHBEARER"]
        #expect(names(all) == ["SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"])
        #expect(names(all, token: true) == ["OAUTHBEARER", "XOAUTH2"])
        #expect(names(all, ["login", "PLAIN"]) == ["PLAIN", "LOGIN"])
        #expect(names(all, ["!scram-sha-256", "!CRAM-MD5"]) == ["PLAIN", "LOGIN"])
        #expect(names(all, clear: true) == ["SCRAM-SHA-256", "CRAM-MD5"])
        #expect(names(all, token: true, clear: true) == [])
        #expect(names(["GSSAPI"]) == [] && names([]) == [])
    }
}
