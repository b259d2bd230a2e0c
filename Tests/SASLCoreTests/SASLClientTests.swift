import SASLCore
import Testing

@Suite struct SASLClientTests {
    let credentials = SASLCredentials(login: "tim", password: Secret("tanstaaftanstaaf"))

    @Test func plainSpeaksFirst() {
        var client = SASLClient(.plain, credentials: credentials)
        #expect(client.initialResponse() == Array("\0tim\0tanstaaftanstaaf".utf8))
        #expect(client.respond(to: []) == .failed(.exchangeOver))
    }

    @Test func plainAnswersTheEmptyChallenge() {
        var client = SASLClient(.plain, credentials: credentials)
        #expect(client.respond(to: []) == .response(Array("\0tim\0tanstaaftanstaaf".utf8)))
        #expect(client.respond(to: []) == .failed(.exchangeOver))
    }

    @Test func loginAnswersTwoPromptsWhateverTheySay() {
        var client = SASLClient(.login, credentials: credentials)
        #expect(client.initialResponse() == nil)
        #expect(client.respond(to: Array("User Name\0".utf8)) == .response(Array("tim".utf8)))
        #expect(client.respond(to: []) == .response(Array("tanstaaftanstaaf".utf8)))
        #expect(client.respond(to: []) == .failed(.exchangeOver))
    }

    @Test(arguments: SASLMechanism.allCases) func clientAndServerUnderstandEachOther(mechanism: SASLMechanism) {
        var client = SASLClient(mechanism, credentials: credentials)
        var server = SASLServer(mechanism)
        var step = server.start(initialResponse: client.initialResponse())
        while case .challenge(let challenge) = step {
            guard case .response(let response) = client.respond(to: challenge) else { break }
            step = server.respond(response)
        }
        #expect(step == .credentials(credentials))
    }

    @Test func theBestCommonMechanismIsChosen() {
        #expect(SASLClient.choose(offered: ["LOGIN", "plain", "XOAUTH2"]) == .plain)
        #expect(SASLClient.choose(offered: ["CRAM-MD5", "Login"]) == .login)
        #expect(SASLClient.choose(offered: ["CRAM-MD5"]) == nil)
        #expect(SASLClient.choose(offered: [String]()) == nil)
    }
}
