import MailConfig
import MailFetch
import MailSyntax
import NetTransport
import OAuthClient
import SASLCore
import SQLEngine

extension ServerAssembly {
    /// What fetches mail of other accounts.
    func fetchService(_ hostname: DomainName) throws -> FetchService {
        let ids = stores.ids
        let tokens = tokens
        let manifest = live.follow { $0 }
        let environment = FetchEnvironment(
            database: stores.database, mail: stores.mail, intake: stores.intake, ids: ids,
            connector: RemoteConnector(group: group, contexts: try ClientTLSContexts()) { ids.next() },
            hostname: hostname,
            login: { job in try await Self.login(of: job, manifest: manifest(), tokens: tokens) },
            refused: { job, login, reason in
                guard let key = Self.tokenLogin(of: job, manifest())?.key else { return }
                await tokens.service.refused(login.secret, key, reason: reason)
            },
            messageSize: live.follow(\.limits.messageSize), events: events, logger: backend.logger("fetch"))
        let service = FetchService(environment: environment)
        state.setFetching(service)
        return service
    }

    private static func tokenLogin(of job: FetchJob, _ manifest: Manifest) -> TokenLogin? {
        manifest.tokenLogins.first { $0.key.route == job.tokenRoute && $0.key.login == job.login }
    }

    private static func login(of job: FetchJob, manifest: Manifest, tokens: RouteTokens) async throws -> RemoteLogin {
        if let route = job.tokenRoute {
            guard let login = tokenLogin(of: job, manifest) else {
                throw RemoteFailure(
                    .local, "the route \(route) has no OAuth2 login \(job.login) any more",
                    remedy: "write it under routes in the manifest again")
            }
            do {
                let token = try await tokens.service.accessToken(login.key, login.oauth2)
                return RemoteLogin(user: job.login, secret: token, isToken: true)
            } catch {
                throw RemoteFailure(
                    .login, "there is no access token: \(error.text)", remedy: error.remedy(route: route))
            }
        }
        do {
            let text = try SecretText.read(.file(job.secretFile ?? ""))
            return RemoteLogin(user: job.login, secret: Secret(text))
        } catch let error as AdminError {
            throw RemoteFailure(
                .local, error.message, remedy: error.remedy ?? "the server's user must be able to read the file")
        }
    }
}
