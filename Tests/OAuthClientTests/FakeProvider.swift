import MailConfig
import MailSyntax
import SASLCore
import Synchronization

@testable import OAuthClient

/// A provider without a socket: it looks at every field, and says what the test wants.
final class FakeProvider: FormPoster {
    struct Request: Sendable {
        var url: String
        var fields: [String: String]
    }

    private struct State {
        var answers: [Result<EndpointAnswer, TokenFailure>] = []
        var requests: [Request] = []
        var gate: [CheckedContinuation<Void, Never>] = []
        var isShut = false
    }

    private let state = Mutex(State())

    var requests: [Request] { state.withLock(\.requests) }

    func answer(_ status: Int = 200, _ json: String) {
        state.withLock { $0.answers.append(.success(EndpointAnswer(status: status, body: Array(json.utf8)))) }
    }

    func fail(_ text: String) {
        state.withLock { $0.answers.append(.failure(TokenFailure(.unreachable, text))) }
    }

    /// Requests wait from now on, until `open`.
    func shut() { state.withLock { $0.isShut = true } }

    func open() {
        let waiting = state.withLock { state in
            state.isShut = false
            defer { state.gate = [] }
            return state.gate
        }
        for one in waiting { one.resume() }
    }

    func post(_ url: String, _ form: FormFields, caFile: String?) async throws(TokenFailure) -> EndpointAnswer {
        let fields = Dictionary(form.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { $0 + "," + $1 })
        state.withLock { $0.requests.append(Request(url: url, fields: fields)) }
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if state.isShut { state.gate.append(continuation) }
                return !state.isShut
            }
            if isOpen { continuation.resume() }
        }
        let answer = state.withLock { $0.answers.isEmpty ? nil : $0.answers.removeFirst() }
        switch answer {
        case .success(let answer): return answer
        case .failure(let failure): throw failure
        case nil: throw TokenFailure(.unreachable, "the test gave no answer")
        }
    }
}

extension OAuth2 {
    static let example = OAuth2(
        clientID: "client", clientSecret: .environment("CLIENT_SECRET"), tokenEndpoint: "https://id.example/token",
        deviceEndpoint: "https://id.example/device", authorizationEndpoint: "https://id.example/auth?x=1",
        scopes: ["mail", "offline"])
}
