import Crypto
import FoundationEssentials
package import Logging
package import MailConfig
import MailSyntax
package import SASLCore
package import SQLEngine
import Synchronization

/// What an endpoint says of a token.
package enum TokenStanding: Sendable, Equatable {
    /// It is good; the value of the claim that names its owner.
    case active(owner: String)
    /// It is not, or no longer, or for somebody else.
    case inactive
    /// It is good, and not for this.
    case insufficientScope
    /// Nothing is known of it. The text is for the log.
    case unknown(String)
}

/// Asks an authorization server whose an access token is. // RFC 7662
///
/// Answers are remembered for a short time under a digest of the token, so that a phone that opens five connections asks
/// once; never beyond the token's own end. A bounded number of questions is under way at a time.
package final class TokenIntrospector: Sendable {
    /// Questions at a time; a login beyond them fails temporarily.
    private static let mostQuestions = 64
    /// Answers remembered.
    private static let mostAnswers = 4096

    private struct State {
        var settings = Manifest.TokenLogins()
        var answers: [[UInt8]: (standing: TokenStanding, until: Timestamp)] = [:]
        var questions = 0
    }

    private let poster: any FormPoster
    private let clock: any WallClock
    private let readSecret: @Sendable (String) throws -> String
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter readSecret: the secret in a file.
    package init(
        poster: any FormPoster, clock: any WallClock, logger: Logger,
        readSecret: @escaping @Sendable (String) throws -> String
    ) {
        self.poster = poster
        self.clock = clock
        self.logger = logger
        self.readSecret = readSecret
    }

    /// What is known of a token.
    package func standing(of token: Secret, _ settings: Manifest.TokenLogins) async -> TokenStanding {
        guard let endpoint = settings.introspectionEndpoint else { return .unknown("no endpoint is set") }
        let key = token.withBytes { Array(SHA256.hash(data: $0)) }
        let now = clock.now()
        let known: TokenStanding?
        let mayAsk: Bool
        (known, mayAsk) = state.withLock { state in
            if state.settings != settings {
                state.settings = settings
                state.answers = [:]
            }
            if let answer = state.answers[key], answer.until > now { return (answer.standing, false) }
            guard state.questions < Self.mostQuestions else { return (nil, false) }
            state.questions += 1
            return (nil, true)
        }
        if let known { return known }
        guard mayAsk else { return .unknown("too many tokens are being asked about") }
        let (standing, expiry) = await ask(endpoint, token, settings)
        let asked = clock.now()
        state.withLock { state in
            state.questions -= 1
            guard case .unknown = standing else {
                remember(&state, key, standing, until: expiry, settings, now: asked)
                return
            }
        }
        return standing
    }

    private func remember(
        _ state: inout State, _ key: [UInt8], _ standing: TokenStanding, until expiry: Timestamp?,
        _ settings: Manifest.TokenLogins, now: Timestamp
    ) {
        guard settings.cache > .zero, state.settings == settings else { return }
        if state.answers.count >= Self.mostAnswers { state.answers = state.answers.filter { $0.value.until > now } }
        if state.answers.count >= Self.mostAnswers { state.answers = [:] }
        let longest = now.adding(settings.cache)
        state.answers[key] = (standing, min(expiry ?? longest, longest))
    }

    private func ask(
        _ endpoint: String, _ token: Secret, _ settings: Manifest.TokenLogins
    ) async -> (TokenStanding, expiry: Timestamp?) {
        do {
            let answer = try await poster.post(endpoint, try form(token, settings), caFile: settings.caFile)
            return try Introspection(answer).standing(settings, now: clock.now())
        } catch {
            logger.warning(
                "a token can't be checked", metadata: ["endpoint": "\(endpoint)", "error": "\(error)"])
            return (.unknown("\(error)"), nil)
        }
    }

    // RFC 7662 §2.1
    private func form(_ token: Secret, _ settings: Manifest.TokenLogins) throws -> FormFields {
        var form = FormFields()
        form.add("token", String(decoding: token.bytes, as: UTF8.self))
        form.add("token_type_hint", "access_token")
        if let file = settings.clientSecretFile, let client = settings.clientID {
            // RFC 6749 §2.3.1: every server takes Basic, and only some take the secret in the form
            form.basic = .init(name: client, secret: Secret(try readSecret(file)))
        } else {
            form.add("client_id", settings.clientID)
        }
        return form
    }
}
