package import Directory
package import OAuthClient

/// Every operation of an operator that reads or changes what the server keeps.
///
/// The command line makes one of these and either performs it itself, when no server runs on the data directory, or sends
/// it over the control socket. Addresses and domains are text as typed: `Operations` parses them, once, with one set of
/// error messages.
package enum AdminRequest: Codable, Sendable, Equatable {
    case status
    case reload
    /// What would keep a server from starting.
    case directoryCheck

    /// What would become of a message; nothing is sent.
    case explain(ExplainQuestion)

    /// `quota` in octets; nil leaves the account unlimited.
    case accountAdd(address: String, password: String, name: String?, quota: Int?)
    case accountList
    case accountPassword(address: String, password: String)
    case accountQuota(address: String, quota: Int?)
    case accountRemove(address: String)
    case accountEnable(address: String)
    case accountDisable(address: String)
    /// `senders`: addresses, or `@domain` for all of a domain.
    case accountAllowSender(address: String, senders: [String])
    case accountDenySender(address: String, senders: [String])

    /// `sendAs` as in `aliasSendAs`; nil leaves it as it is.
    case aliasAdd(address: String, targets: [String], sendAs: [String]?)
    /// Who may send as an alias, or as any address of `@domain`: accounts, `members`, or `nobody`.
    case aliasSendAs(address: String, who: [String])
    case aliasList(domain: String?)
    /// Removes the given targets, or the whole alias when there are none.
    case aliasRemove(address: String, targets: [String])

    /// `postmaster` names the account that reads postmaster and abuse of a hosted domain.
    case domainAdd(domain: String, kind: DomainKind = .hosted, postmaster: String?)
    case domainKind(domain: String, kind: DomainKind, postmaster: String?)
    case domainList
    case domainRemove(domain: String)

    /// Makes a key for each algorithm (`rsa`, `ed25519`); both when there are none.
    case dkimAdd(domain: String, selector: String?, algorithms: [String])
    case dkimList(domain: String?)
    case dkimRotate(KeyRotationQuestion)
    case dkimRecord(domain: String, selector: String?)
    /// Keeps a key that was made elsewhere, in PEM form.
    case dkimImport(domain: String, selector: String, privateKey: String)
    /// Answers with the private half too.
    case dkimExport(domain: String, selector: String)

    /// Addresses given by the operator; empty means those of the host's interfaces.
    case dnsRecords(domain: String, addresses: [String])
    /// Compares what a domain needs with what the world sees.
    case dnsCheck(DNSCheckQuestion)

    case queueList(QueueFilter)
    case queueShow(id: String)
    /// The whole message, as it is in the queue.
    case queueMessage(id: String)
    case queueChange(QueueChange, QueueFilter)
    case queueSummary
    case queueRuleAdd(from: String?, to: String?, route: String?)
    case queueRuleList
    case queueRuleRemove(id: Int)
    case queueFlush

    /// The histories of messages, newest first.
    case trace(TraceQuery)

    /// Reports to other domains that are counted for or wait; with `all` those that are done too.
    case reportsPending(all: Bool)
    case reportsSend(ReportSelection)

    case routeList
    /// Begins the login of a route, or of one of its senders: answers with what a person has to do.
    case routeLoginBegin(route: String, sender: String?, wantsCode: Bool)
    /// Asks whether it is done.
    case routeLoginPoll(prompt: LoginPrompt)
    /// Brings what the person pasted.
    case routeLoginFinish(prompt: LoginPrompt, pasted: String)
    /// Brings the text of a token file.
    case routeLoginImport(route: String, sender: String?, file: String)
    /// Visits the hosts of a route; sends a small message only where `to` is given.
    case routeTest(route: String, to: String?, from: String?)

    /// Reports of others: DMARC, TLS, the reports themselves, one of them.
    case reportsDMARC(ReportFilter)
    case reportsTLS(ReportFilter)
    case reportsList(ReportFilter)
    case reportsShow(id: Int64)
    /// A report or a message that brings some; `content` in Base64.
    case reportsImport(file: String, content: String)
    /// Looks for reports in mail that is stored.
    case reportsReread(since: String)

    case banList
    /// Addresses and networks; `seconds`: nil until they are removed.
    case banAdd(networks: [String], seconds: Int?, reason: String?)
    case banRemove(networks: [String])

    /// Makes what a self-test needs: credentials, a second account, a route to the sink. Only a running server answers.
    case selfTestBegin(address: String?, sinkPort: Int)
    case selfTestEnd(ticket: String)

    /// What imports and exports ask of the store.
    case moving(MovingRequest)
    case reindex(ReindexRequest)
    /// Mail of other accounts that comes here again and again.
    case fetch(FetchRequest)
    /// Mailboxes, and what was expunged from them.
    case mailbox(MailboxRequest)

    /// True for what only a running server can answer.
    package var needsServer: Bool {
        switch self {
        case .status, .reload, .selfTestBegin, .selfTestEnd: true
        default: false
        }
    }
}

/// What `martlet dns check` asks.
package struct DNSCheckQuestion: Codable, Sendable, Equatable {
    package var domain: String
    /// The server's public addresses; empty: those of the host's interfaces.
    package var addresses: [String]
    /// Another resolver; nil: as the manifest has it.
    package var resolver: String?
    /// Zones of block lists, or `none`; empty: the well-known ones.
    package var blockLists: [String]
    /// Whose port 25 is tried, or `none`; empty: large providers'.
    package var outboundHosts: [String]
    /// A name or an address, or `none`; nil: a public one.
    package var timeServer: String?

    package init(
        domain: String, addresses: [String] = [], resolver: String? = nil, blockLists: [String] = [],
        outboundHosts: [String] = [], timeServer: String? = nil
    ) {
        self.domain = domain
        self.addresses = addresses
        self.resolver = resolver
        self.blockLists = blockLists
        self.outboundHosts = outboundHosts
        self.timeServer = timeServer
    }
}
