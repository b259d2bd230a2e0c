import SASLCore
import Testing

/// OAUTHBEARER and XOAUTH2 on the server's side.
@Suite struct SASLTokenTests {
    private static func step(_ message: String, _ mechanism: SASLMechanism = .oauthBearer) -> SASLStep {
        var server = SASLServer(mechanism)
        return server.start(initialResponse: Array(message.utf8))
    }

    @Test(arguments: [
        (
            "n,a=ann@example.com,\u{1}host=h\u{1}port=143\u{1}auth=Bearer vF9.-_~+/==\u{1}\u{1}",
            "ann@example.com" as String?
        ),
        ("n,,\u{1}auth=Bearer vF9.-_~+/==\u{1}\u{1}", nil), ("y,,\u{1}auth=bEARER  vF9.-_~+/==\u{1}\u{1}", nil),
        ("n,a=a=2Cb=3D,\u{1}auth=Bearer vF9.-_~+/==\u{1}\u{1}", "a,b="),
    ])
    func tokensAreRead(message: String, login: String?) {
        #expect(Self.step(message) == .token(SASLToken(login: login, token: Secret("vF9.-_~+/=="))))
    }

    @Test func theOlderFormIsRead() {
        let message = "user=ann@example.com\u{1}auth=Bearer abc\u{1}\u{1}"
        #expect(Self.step(message, .xoauth2) == .token(SASLToken(login: "ann@example.com", token: Secret("abc"))))
        for bad in [
            "", "\u{1}\u{1}", "auth=Bearer abc\u{1}\u{1}", "user=\u{1}auth=Bearer abc\u{1}\u{1}",
            "user=a\u{1}auth=Bearer abc\u{1}", "user=a\u{1}auth=Basic abc\u{1}\u{1}", "user=a\u{1}\u{1}",
        ] {
            #expect(Self.step(bad, .xoauth2) == .failed(.malformed), "\(bad.debugDescription)")
        }
    }

    @Test(arguments: [
        "", "\u{1}", "n,,", "n,,\u{1}", "n,,\u{1}\u{1}", "n,,\u{1}auth=Bearer\u{1}\u{1}",
        "n,,\u{1}auth=Bearer \u{1}\u{1}",
        "n,,\u{1}auth=Basic abc\u{1}\u{1}", "p=tls-unique,,\u{1}auth=Bearer a\u{1}\u{1}",
        "n,b=c,\u{1}auth=Bearer a\u{1}\u{1}",
        "n,a=a=b,\u{1}auth=Bearer a\u{1}\u{1}", "n,,x\u{1}auth=Bearer a\u{1}\u{1}", "n,,\u{1}au th=Bearer a\u{1}\u{1}",
        "n,,\u{1}auth=Bearer a\u{e4}\u{1}\u{1}", "n,,\u{1}auth=Bearer a b\u{1}\u{1}", "n,,\u{1}auth=Bearer a\u{1}",
        "n,,\u{1}=x\u{1}auth=Bearer a\u{1}\u{1}",
    ])
    func otherMessagesAreNot(message: String) {
        #expect(Self.step(message) == .failed(.malformed))
    }

    @Test func longTokensAreTakenAndLongerOnesNot() {
        func message(_ count: Int) -> String {
            "n,,\u{1}auth=Bearer \(String(repeating: "t", count: count))\u{1}\u{1}"
        }
        guard case .token(let token) = Self.step(message(8192)) else { return #expect(Bool(false)) }
        #expect(token.token.count == 8192)
        #expect(Self.step(message(8193)) == .failed(.tooLong))
        #expect(Self.step(message(100_000)) == .failed(.tooLong))
    }

    // RFC 7628 §3.2.3
    @Test func aRefusedTokenIsExplainedBeforeTheExchangeFails() {
        var server = SASLServer(.oauthBearer)
        _ = server.start(initialResponse: Array("n,,\u{1}auth=Bearer a\u{1}\u{1}".utf8))
        let explanation = SASLToken.Refusal.invalidToken.explanation(
            for: .oauthBearer, scope: "mail \"x\"", discovery: "https://id.example/")
        #expect(
            String(decoding: explanation, as: UTF8.self)
                == #"{"status":"invalid_token","scope":"mail \"x\"","openid-configuration":"https://id.example/"}"#)
        #expect(server.refuseToken(explanation) == .challenge(explanation))
        #expect(server.respond([1]) == .failed(.tokenRefused))
        #expect(server.respond([1]) == .failed(.exchangeOver))
        #expect(
            String(decoding: SASLToken.Refusal.insufficientScope.explanation(for: .xoauth2, scope: "s"), as: UTF8.self)
                == #"{"status":"403","schemes":"Bearer","scope":"s"}"#)
    }

    @Test func whatIsOfferedDependsOnSettingsAndConnection() {
        let all = SASLOffer(scram: true, channelBinding: true, tokens: true)
        let binding = all.binding(endPoint: [1])
        #expect(all.mechanisms(isSecure: true, binding: binding) == SASLMechanism.allCases)
        #expect(all.mechanisms(isSecure: true, binding: all.binding(endPoint: nil)).first == .scramSHA256)
        #expect(all.mechanisms(isSecure: false, binding: nil) == [.scramSHA256, .plain, .login])
        #expect(SASLOffer().binding(endPoint: [1]) == nil)
        #expect(SASLOffer.passwords.mechanisms(isSecure: true, binding: nil) == [.plain, .login])
    }
}
