import Directory
import MailConfig
import MailFetch
import MailStore
import MailSyntax
import OAuthClient
import SQLEngine

// Mail of other accounts that comes here again and again.
extension Operations {
    private var fetchStore: FetchStore { FetchStore(database: stores.database) }

    func fetch(_ request: FetchRequest) async throws -> AdminResponse {
        switch request {
        case .list: return .fetchJobs(try await fetchList())
        case .add(let definition): return try await fetchAdd(definition)
        case .remove(let name):
            guard try await fetchStore.remove(name) else { throw Self.noJob(name) }
            server?.fetching?.changed()
            return .done(lines: ["\(name) is not fetched any more; what came stays"])
        case .pause(let name, let paused):
            guard try await fetchStore.setPaused(name, paused, now: SystemClock().now()) else {
                throw Self.noJob(name)
            }
            server?.fetching?.changed()
            return .done(lines: [paused ? "\(name) is paused" : "\(name) is fetched again"])
        case .run(let name, let again, let skipping):
            guard let job = try await fetchStore.job(name) else { throw Self.noJob(name) }
            try await fetchStore.runNow(job, again: again, skipping: skipping, now: SystemClock().now())
            server?.fetching?.changed()
            let when = server == nil ? "runs when the server starts" : "runs now"
            let paused = job.isPaused ? "; it is paused: martlet fetch pause \(name) --off" : ""
            return .done(lines: ["\(name) \(when)\(paused)"])
        }
    }

    private static func noJob(_ name: String) -> AdminError {
        AdminError(.noInput, "there is no fetch job \(name)", remedy: "see: martlet fetch list")
    }

    private func fetchList() async throws -> [FetchJobSummary] {
        try await fetchStore.jobs().map { job in
            let account = directory.snapshot.account(id: job.account)
            let state =
                job.isPaused ? "paused" : job.failures > 0 ? "failing" : job.lastSuccess == nil ? "new" : "ok"
            return FetchJobSummary(
                name: job.name, account: account?.address.description ?? "", mailbox: job.mailbox,
                from: "\(job.way.rawValue)://\(job.remote.shown)" + (job.way == .imap ? "/\(job.folder)" : ""),
                user: job.login, security: job.remote.security.rawValue, keep: job.keeps, idle: job.idles,
                everySeconds: Int(job.interval.components.seconds), state: state,
                lastRun: job.lastRun.map(Self.time), lastSuccess: job.lastSuccess.map(Self.time),
                nextRun: job.isPaused ? nil : Self.time(job.nextRun), messages: job.messages,
                octets: Int(clamping: job.octets), failures: job.failures, error: job.error, remedy: job.remedy)
        }
    }

    private func fetchAdd(_ definition: FetchJobDefinition) async throws -> AdminResponse {
        let account = try requireAccount(definition.account)
        guard let way = FetchJob.Way(rawValue: definition.way),
            let security = RemoteHost.Security(rawValue: definition.security)
        else { throw AdminError(.usage, "\(definition.way) with \(definition.security) is nothing known") }
        let name = definition.name
        guard (1...64).contains(name.utf8.count),
            name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"\"'/\\".utf8.contains($0) })
        else {
            throw AdminError(.data, "\"\(name)\" is no name of a job", remedy: "use letters, digits, - and _")
        }
        guard (definition.passwordFile != nil) != (definition.oauth2Route != nil) else {
            throw AdminError(.usage, "give a password's file or a route with OAuth2, one of them")
        }
        guard security != .none || definition.insecure || definition.oauth2Route == nil else {
            throw AdminError(.data, "a token is not sent without TLS", remedy: "use --tls tls or starttls")
        }
        if let file = definition.passwordFile, !file.hasPrefix("/") {
            throw AdminError(.data, "the password's file must be an absolute path, not \(file)")
        }
        if let route = definition.oauth2Route, oauth2(route: route, login: definition.user) == nil {
            throw AdminError(
                .data, "the route \(route) has no OAuth2 login \(definition.user)",
                remedy: "write it under routes in the manifest, then: martlet route login \(route)")
        }
        let standard = way == .imap ? (security == .tls ? 993 : 143) : (security == .tls ? 995 : 110)
        let port = definition.port ?? standard
        guard (1...65_535).contains(port) else { throw AdminError(.data, "\(port) is not a port") }
        guard (10...604_800).contains(definition.every) else {
            throw AdminError(.data, "--every is 10 seconds up to 7 days")
        }
        guard !definition.idle || way == .imap else { throw AdminError(.usage, "POP3 has nothing to wait on") }
        let job = FetchJob(
            name: name, account: account.id, mailbox: MailboxName.canonical(definition.mailbox), way: way,
            remote: RemoteHost(
                host: definition.host, port: port, security: security, verifies: !definition.insecure,
                authorities: definition.authorities),
            login: definition.user, secretFile: definition.passwordFile, tokenRoute: definition.oauth2Route,
            folder: definition.folder, keeps: definition.keep, interval: .seconds(definition.every),
            idles: definition.idle, skips: definition.onlyNew)
        guard try await fetchStore.add(job, now: SystemClock().now()) else {
            throw AdminError(
                .cannotCreate, "there is a fetch job \(name) already",
                remedy: "choose another name, or: martlet fetch remove \(name)")
        }
        server?.fetching?.changed()
        return .done(lines: ["\(name): mail of \(job.login) at \(job.remote.shown) comes to \(account.address)"])
    }

    private func oauth2(route: String, login: String) -> OAuth2? {
        manifest.tokenLogins.first { $0.key.route == route && $0.key.login == login }?.oauth2
    }
}
