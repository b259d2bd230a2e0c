import Directory
package import Logging
package import MTASTSClient
package import MailConfig
package import MailFetch
import MailIntake
import MailMove
package import MailPolicy
import MailStore
import MailSyntax
package import NetTransport
import OutboundQueue
package import ReportInbox
import SMTPDelivery
import SQLEngine

/// Everything an operator can do to what is kept, once. The command line uses it in its own process when no server runs;
/// the control socket uses it inside the server.
package struct Operations: Sendable {
    package let stores: Stores
    /// The server around these operations; nil in a command's own process.
    let server: (any RunningServer)?
    /// Who is noted in the revisions of the directory.
    let author: String
    /// What decisions are made by where no server runs.
    private let ownRules: PolicyRules?

    package init(
        stores: Stores, server: (any RunningServer)? = nil, author: String, rules: PolicyRules? = nil
    ) {
        ownRules = rules
        self.stores = stores
        self.server = server
        self.author = author
    }

    var directory: Directory { stores.directory }
    var manifest: Manifest { server?.manifest ?? stores.manifest }
    var rules: PolicyRules { server?.rules ?? ownRules ?? PolicyRules(stores.manifest) }

    /// Performs a request. Never throws: what went wrong is the answer.
    package func perform(_ request: AdminRequest) async -> AdminResponse {
        do {
            return try await dispatch(request)
        } catch {
            return .failed(AdminError(translating: error))
        }
    }

    private func dispatch(_ request: AdminRequest) async throws -> AdminResponse {
        switch request {
        case .status: .status(try running("status").status())
        case .reload: try await reload()
        case .directoryCheck: try directoryCheck()
        case .explain(let question): .explanation(try await explain(question))
        case .accountAdd(let address, let password, let name, let quota):
            try await accountAdd(address, password: password, name: name, quota: quota)
        case .accountList: .accounts(try await accountList())
        case .accountPassword(let address, let password): try await accountPassword(address, password)
        case .accountQuota(let address, let quota): try await accountQuota(address, quota)
        case .accountRemove(let address): try await accountRemove(address)
        case .accountEnable(let address): try await accountSetEnabled(address, true)
        case .accountDisable(let address): try await accountSetEnabled(address, false)
        case .accountAllowSender(let address, let senders): try await accountAllowSender(address, senders)
        case .accountDenySender(let address, let senders): try await accountDenySender(address, senders)
        case .aliasAdd(let address, let targets, let sendAs): try await aliasAdd(address, targets, sendAs: sendAs)
        case .aliasSendAs(let address, let who): try await aliasSendAs(address, who)
        case .aliasList(let domain): .aliases(try aliasList(domain))
        case .aliasRemove(let address, let targets): try await aliasRemove(address, targets)
        case .domainAdd(let domain, let kind, let postmaster):
            try await domainAdd(domain, kind, postmaster: postmaster)
        case .domainKind(let domain, let kind, let postmaster):
            try await domainKind(domain, kind, postmaster: postmaster)
        case .domainList: .domains(domainList())
        case .domainRemove(let domain): try await domainRemove(domain)
        case .dkimAdd(let domain, let selector, let algorithms):
            try await dkimAdd(domain, selector: selector, algorithms: algorithms)
        case .dkimList(let domain): .keys(try await dkimList(domain))
        case .dkimRotate(let question): .rotation(try await dkimRotate(question))
        case .dkimRecord(let domain, let selector): .keys(try await dkimRecord(domain, selector))
        case .dkimImport(let domain, let selector, let key):
            try await dkimImport(domain, selector: selector, privateKey: key)
        case .dkimExport(let domain, let selector): .key(try await dkimExport(domain, selector: selector))
        case .dnsRecords(let domain, let addresses): .zone(try await dnsRecords(domain, addresses))
        case .dnsCheck(let question): try await dnsCheck(question)
        case .queueList(let filter): .queue(try await queueList(filter))
        case .queueShow(let id): .queueEntry(try await queueShow(id))
        case .queueMessage(let id): .message(text: try await queueMessage(id))
        case .queueChange(let change, let filter): try await queueChange(change, filter)
        case .queueSummary: .queueSummary(try await queueSummary())
        case .queueRuleAdd(let from, let to, let route): try await queueRuleAdd(from: from, to: to, route: route)
        case .queueRuleList: .queueRules(try await queueRules())
        case .queueRuleRemove(let id): try await queueRuleRemove(id)
        case .trace(let query): .traces(try await trace(query))
        case .queueFlush: try await queueFlush()
        case .reportsPending(let all): .reports(try await reportsPending(all: all))
        case .reportsSend(let selection): .reports(try await reportsSend(selection))
        case .routeList: .routes(try await routeList())
        case .routeLoginBegin(let route, let sender, let wantsCode):
            try await routeLoginBegin(route, sender: sender, wantsCode: wantsCode)
        case .routeLoginPoll(let prompt): try await routeLoginPoll(prompt)
        case .routeLoginFinish(let prompt, let pasted): try await routeLoginFinish(prompt, pasted: pasted)
        case .routeLoginImport(let route, let sender, let file):
            try await routeLoginImport(route, sender: sender, file: file)
        case .routeTest(let route, let to, let from): try await routeTest(route, to: to, from: from)
        case .reportsDMARC(let filter): .dmarcReports(try await reportsDMARC(filter))
        case .reportsTLS(let filter): .tlsReports(try await reportsTLS(filter))
        case .reportsList(let filter): .receivedReports(try await reportsList(filter))
        case .reportsShow(let id): .receivedReport(try await reportsShow(id))
        case .reportsImport(let file, let content): .reportImports(try await reportsImport(file, content))
        case .reportsReread(let since): try await reportsReread(since)
        case .banList: .bans(try await banList())
        case .banAdd(let networks, let seconds, let reason):
            try await banAdd(networks, seconds: seconds, reason: reason)
        case .banRemove(let networks): try await banRemove(networks)
        case .selfTestBegin(let address, let port): .selfTest(try await selfTestBegin(address, sinkPort: port))
        case .selfTestEnd(let ticket): try await selfTestEnd(ticket)
        case .mailbox(let request): try await mailbox(request)
        case .moving(let request): .moving(try await moving(request))
        case .reindex(let request): .reindex(try await reindex(request))
        case .fetch(let request): try await fetch(request)
        }
    }

    private func reload() async throws -> AdminResponse {
        .done(lines: try await running("reload").reload())
    }

    func running(_ what: String) throws -> any RunningServer {
        guard let server else {
            throw AdminError(
                .unavailable,
                "\(what) needs a running server, and none runs on \(manifest.storage.dataDirectory)",
                remedy: "start it with: martlet serve --config FILE"
            )
        }
        return server
    }

    // MARK: What operators type

    func parseAddress(_ text: String) throws -> EmailAddress {
        guard let address = EmailAddress(text), address.domain != nil else {
            throw AdminError(.data, "\"\(text)\" is not an e-mail address", remedy: "write it as user@example.org")
        }
        return address
    }

    func parseDomain(_ text: String) throws -> DomainName {
        guard let domain = DomainName(text), !domain.isNumeric else {
            throw AdminError(.data, "\"\(text)\" is not a domain name", remedy: "write it as example.org")
        }
        return domain
    }

    /// A domain of this server, of any kind.
    func requireDomain(_ text: String) throws -> DirectoryDomain {
        let name = try parseDomain(text)
        guard let domain = directory.snapshot.domain(name) else { throw DirectoryError.noDomain(name) }
        return domain
    }

    func requireAccount(_ text: String) throws -> Account {
        let address = try parseAddress(text)
        guard let account = directory.snapshot.account(address) else {
            throw AdminError(
                .noUser,
                "there is no account \(address)",
                remedy: directory.snapshot.alias(address) == nil
                    ? "see: martlet account list" : "it is an alias: see martlet alias list"
            )
        }
        return account
    }
}

extension DomainName {
    /// Numbers at the end are those of an address, such as 192.0.2.1. RFC 3696 §2
    var isNumeric: Bool { labels.last?.allSatisfy { $0.isASCII && $0.isNumber } ?? true }
}

/// What operations need of the server that runs them.
package protocol RunningServer: Sendable {
    /// What operations log to, by the subsystem that they belong to.
    func logger(_ component: String) -> Logger
    /// The manifest in effect.
    var manifest: Manifest { get }
    /// What decisions are made by.
    var rules: PolicyRules { get }
    func status() -> ServerStatus
    /// Takes over what changed in the manifest, the certificates and the directory; says what it did, a line each.
    func reload() async throws -> [String]
    var selfTests: SelfTestRegistry { get }
    /// Who is kept out.
    var bans: BanTable { get }
    /// The tokens that deliveries use; nil before the server has put itself together.
    var tokens: RouteTokens? { get }
    /// The MTA-STS policies of others.
    var policies: PolicyKeeper? { get }
    /// What takes reports of others.
    var reports: ReportReceiver? { get }
    /// What fetches mail of other accounts.
    var fetching: FetchService? { get }
}

extension AdminError {
    /// The operator's words for an error of the rooms below.
    package init(translating error: any Error) {
        switch error {
        case let error as AdminError: self = error
        case let busy as DataDirectoryBusy: self = busy.error
        case let error as DirectoryError: self.init(error)
        case let error as DatabaseError:
            self.init(error.isTemporary ? .temporary : .ioError, "the database: \(error)")
        case let error as RewriteUnavailable: self.init(.temporary, "\(error)")
        case let error as SigningKeyError: self.init(.data, "\(error)")
        case let error as PasswordHashError: self.init(.data, "the password: \(error)")
        case let error as SystemError: self.init(.osError, error.description)
        case let error as RemoteFailure: self.init(error)
        case let error as MoveError: self.init(.data, error.message, remedy: error.remedy)
        case let error as MailStoreError: self.init(error)
        default: self.init(.software, "\(error)")
        }
    }

    private init(_ error: RemoteFailure) {
        let status: ExitStatus =
            switch error.kind {
            case .name: .noHost
            case .login, .mechanism: .noPermission
            case .malformed: .protocolError
            case .local: .config
            case .connect, .tls, .refused: .unavailable
            case .timeout, .lost: .temporary
            }
        self.init(status, error.text, remedy: error.remedy)
    }

    private init(_ error: MailStoreError) {
        switch error {
        case .alreadyExists, .specialUseTaken: self.init(.cannotCreate, "\(error)")
        case .invalidName, .cannotDeleteInbox, .hasChildren, .notSelectable: self.init(.data, "\(error)")
        case .noSuchMailbox, .messagesGone:
            self.init(.noInput, "\(error)", remedy: "it may have been deleted meanwhile: begin again")
        case .messageUnavailable:
            self.init(.ioError, "\(error)", remedy: "its file is gone or damaged: look at the disk, or restore it")
        case .overQuota, .uidsExhausted, .tooManyKeywords, .tooManyGrants, .tooManyAnnotations:
            self.init(.unavailable, "\(error)")
        }
    }

    private init(_ error: DirectoryError) {
        switch error {
        case .alreadyExists: self.init(.cannotCreate, "\(error)")
        case .notFound: self.init(.noUser, "\(error)")
        case .noDomain(let domain):
            self.init(
                .noHost,
                "\(domain) is not a domain of this server",
                remedy: "add it first: martlet domain add \(domain) --postmaster ADDRESS"
            )
        case .sendOnly(let domain):
            self.init(
                .noHost,
                "\(domain) only sends: its addresses are elsewhere",
                remedy: "to keep its mail here: martlet domain kind \(domain) hosted --postmaster ADDRESS"
            )
        case .invalid: self.init(.data, "\(error)")
        case .inUse: self.init(.unavailable, "\(error)")
        }
    }
}
