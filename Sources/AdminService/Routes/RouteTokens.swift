import DNSClient
import DNSCore
import Logging
import MailConfig
import MailSyntax
import NIOPosix
import OAuthClient
import SASLCore
import SMTPDelivery
import SQLEngine
import ServiceLifecycle

/// The tokens of the routes' logins: for deliveries, for `martlet route login`, for listings.
package struct RouteTokens: Sendable {
    let service: TokenService
    let flow: RouteLoginFlow

    init(
        database: any Database, group: MultiThreadedEventLoopGroup, resolver: (any DNSResolver)?, logger: Logger,
        clock: any WallClock = SystemClock()
    ) {
        let requests = TokenRequests(poster: HTTPFormPoster(group: group, resolver: resolver), clock: clock) {
            try SecretText.read($0)
        }
        service = TokenService(
            store: TokenStore(database: database), requests: requests, clock: clock, logger: logger)
        flow = RouteLoginFlow(requests: requests, service: service)
    }

    /// What a delivery asks for the token of a login.
    func source(route: String, login: String, _ oauth2: OAuth2) -> any AccessTokenSource {
        Source(service: service, key: TokenKey(route: route, login: login), oauth2: oauth2)
    }

    private struct Source: AccessTokenSource {
        let service: TokenService
        let key: TokenKey
        let oauth2: OAuth2

        func accessToken() async throws -> Secret { try await service.accessToken(key, oauth2) }
        func refused(_ token: Secret, reason: String) async { await service.refused(token, key, reason: reason) }
    }
}

/// Where secrets of the manifest are read.
enum SecretText {
    /// The first line of a file, or a variable of this process.
    ///
    /// - Throws: `AdminError` naming the file or the variable, never what is in it.
    static func read(_ source: SecretSource) throws -> String {
        switch source {
        case .file(let path):
            let bytes = try FileBytes.read(path, limit: 64 * 1024)
            let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
            guard let text = String(validating: line, as: UTF8.self), !text.isEmpty else {
                throw AdminError(.noInput, "the first line of \(path) holds no secret")
            }
            return text
        case .environment(let name):
            guard let text = ManifestFile.environment[name], !text.isEmpty else {
                throw AdminError(.noInput, "the environment variable \(name) is not set")
            }
            return text
        }
    }
}

/// A login of a route that gets tokens.
struct TokenLogin: Sendable, Equatable {
    var key: TokenKey
    var oauth2: OAuth2
    /// nil: the login of the route itself.
    var sender: AddressPattern?
}

extension Manifest {
    /// Every login with `oauth2`, in the order of the manifest.
    var tokenLogins: [TokenLogin] {
        routing.routes.flatMap { route -> [TokenLogin] in
            let logins: [(RouteLogin, AddressPattern?)] =
                route.senderLogins.map { ($0.login, $0.sender) } + (route.login.map { [($0, nil)] } ?? [])
            return logins.compactMap { login, sender in
                guard let oauth2 = login.oauth2 else { return nil }
                let key = TokenKey(route: route.name, login: login.username)
                return TokenLogin(key: key, oauth2: oauth2, sender: sender)
            }
        }
    }
}

/// Renews the tokens of the manifest in effect ahead of their end.
struct TokenRenewalService: Service {
    let tokens: RouteTokens
    let manifest: @Sendable () -> Manifest
    let clock: any WallClock

    /// So that a route that comes with a reload is seen.
    private static let longestWait = Duration.seconds(60)

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                let logins = manifest().tokenLogins
                var wait = Self.longestWait
                if !logins.isEmpty {
                    let grants = Dictionary(logins.map { ($0.key, $0.oauth2) }, uniquingKeysWith: { first, _ in first })
                    let next = await tokens.service.renewDue(grants)
                    wait = min(wait, max(next.since(clock.now()), .seconds(1)))
                }
                try await Task.sleep(for: wait)
            }
        }
        // A rotated refresh token that is on its way has to reach the disk.
        await tokens.service.finish()
    }
}
