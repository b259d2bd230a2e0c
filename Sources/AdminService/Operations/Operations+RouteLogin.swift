import DNSClient
import Logging
import MailConfig
import MailSyntax
import NIOPosix
package import OAuthClient
import OutboundQueue
import SQLEngine

extension Operations {
    /// `martlet route login`: what has to be done by a person.
    func routeLoginBegin(_ route: String, sender: String?, wantsCode: Bool) async throws -> AdminResponse {
        let login = try tokenLogin(route, sender: sender)
        return try await withTokens(login) { tokens in
            .loginPrompt(try await tokens.flow.begin(login.key, login.oauth2, wantsCode: wantsCode))
        }
    }

    /// Asks whether that person has done it.
    func routeLoginPoll(_ prompt: LoginPrompt) async throws -> AdminResponse {
        let login = try tokenLogin(of: prompt)
        return try await withTokens(login) { tokens in
            switch try await tokens.flow.poll(prompt, login.key, login.oauth2) {
            case .pending: return .loginPending(slowDown: false)
            case .slowDown: return .loginPending(slowDown: true)
            case .failed(let failure): throw failure
            case .token: return try await done(login, tokens)
            }
        }
    }

    func routeLoginFinish(_ prompt: LoginPrompt, pasted: String) async throws -> AdminResponse {
        let login = try tokenLogin(of: prompt)
        return try await withTokens(login) { tokens in
            try await tokens.flow.finish(prompt, pasted: pasted, login.key, login.oauth2)
            return try await done(login, tokens)
        }
    }

    func routeLoginImport(_ route: String, sender: String?, file: String) async throws -> AdminResponse {
        let login = try tokenLogin(route, sender: sender)
        return try await withTokens(login) { tokens in
            try await tokens.flow.importFile(Array(file.utf8), login.key, login.oauth2)
            return try await done(login, tokens)
        }
    }

    /// The state of each token, by route: for `martlet route list`.
    func tokenStates() async throws -> [RouteTokenState] {
        var states: [RouteTokenState] = []
        let logins = manifest.tokenLogins
        guard let first = logins.first else { return [] }
        _ = try await withTokens(first) { tokens in
            for login in logins {
                let status = await tokens.service.status(login.key, login.oauth2)
                let text = status.text(route: login.key.route, now: SystemClock().now())
                states.append(
                    RouteTokenState(
                        route: login.key.route, login: login.key.login, sender: login.sender?.description,
                        state: text, token: status))
            }
            return .done(lines: [])
        }
        return states
    }

    /// The end of every login: the token is tried.
    private func done(_ login: TokenLogin, _ tokens: RouteTokens) async throws -> AdminResponse {
        let remark = try await tokens.flow.check(login.key, login.oauth2)
        let status = await tokens.service.status(login.key, login.oauth2)
        let state = status.text(route: login.key.route, now: SystemClock().now())
        var lines = ["\(login.key.login) has logged in for route \(login.key.route): the token is \(state)"]
        if let remark { lines.append("note: \(remark)") }
        // What waits for the token goes by itself at its time, too; the login is done either way.
        if server != nil { _ = try? await stores.queue.flush() }
        lines.append("try it: martlet route test \(login.key.route)")
        return .done(lines: lines)
    }

    private func withTokens(
        _ login: TokenLogin, _ body: (RouteTokens) async throws -> AdminResponse
    ) async throws -> AdminResponse {
        do {
            if let tokens = server?.tokens { return try await body(tokens) }
            let resolver = try UnboundResolver(ServerSettings.resolver(manifest.server.dns))
            defer { resolver.stop() }
            let logger = Logger(label: "route") { _ in SwiftLogNoOpLogHandler() }
            let group = MultiThreadedEventLoopGroup.singleton
            return try await body(
                RouteTokens(database: stores.database, group: group, resolver: resolver, logger: logger))
        } catch let failure as TokenFailure {
            let status: ExitStatus =
                switch failure.kind {
                case .unreachable: .temporary
                case .client, .local: .config
                case .noToken, .revoked, .expired, .refused: .noPermission
                }
            throw AdminError(status, failure.text, remedy: failure.remedy(route: login.key.route))
        }
    }

    // MARK: Which login

    private func tokenLogin(of prompt: LoginPrompt) throws -> TokenLogin {
        let key = TokenKey(route: prompt.route, login: prompt.login)
        guard let login = manifest.tokenLogins.first(where: { $0.key == key }) else {
            throw AdminError(.unavailable, "the manifest has no login \(key) any more", remedy: "begin again")
        }
        return login
    }

    private func tokenLogin(_ route: String, sender: String?) throws -> TokenLogin {
        guard manifest.routing.routes.contains(where: { $0.name == route }) else {
            let names = manifest.routing.routes.map(\.name).joined(separator: ", ")
            throw AdminError(
                .data, "there is no route \"\(route)\"",
                remedy: names.isEmpty ? "write it under routing.routes" : "the manifest has \(names)")
        }
        let logins = manifest.tokenLogins.filter { $0.key.route == route }
        guard let first = logins.first else {
            throw AdminError(
                .data, "route \(route) logs in without OAuth 2",
                remedy: "write login.oauth2 of the route: see docs/oauth2.md")
        }
        if let sender {
            let address = EmailAddress(sender)
            guard
                let found = logins.first(where: { login in
                    login.sender?.description == sender || login.key.login == sender
                        || address.map { login.sender?.matches($0) ?? false } ?? false
                })
            else { throw AdminError(.data, "route \(route) has no login with oauth2 for the sender \(sender)") }
            return found
        }
        if let own = logins.first(where: { $0.sender == nil }) { return own }
        guard logins.count == 1 else {
            let senders = logins.compactMap(\.sender?.description).joined(separator: ", ")
            throw AdminError(.usage, "route \(route) has several logins", remedy: "name one with --sender: \(senders)")
        }
        return first
    }
}

/// The token of one login, for people and programs; nothing of it is secret.
package struct RouteTokenState: Codable, Sendable, Equatable {
    package var route: String
    package var login: String
    package var sender: String?
    /// In words: `valid until …`.
    package var state: String
    package var token: TokenStatus
}
