import Directory
import MailConfig
import MailPolicy
import MailSyntax
import SMTPCore
import SQLEngine

/// Goes the way of a message that doesn't exist, by the functions that real ones are judged with. Sends nothing.
struct Explainer {
    /// The address of a client that nobody named: one that nobody has. // RFC 5737 §3
    static let stranger = IPAddress(bytes: [203, 0, 113, 1])

    let rules: PolicyRules
    let directory: DirectorySnapshot
    let answer: @Sendable (Lookup) async -> Answer
    let question: ExplainQuestion
    var explanation = Explanation(client: "")
    var client: ClientFacts
    var reversePath = ReversePath.null
    /// The sender before it was rewritten: what the client may send is judged by it.
    private var admittedSender = ReversePath.null
    var admitted: [AdmittedRecipient] = []
    /// The author that stands in the header in the end.
    var finalAuthor: EmailAddress?
    /// What the checks are said to find makes it junk.
    var isJunk = false
    /// What the question says of the chain of seals.
    var chainFound: AuthenticationWord?

    /// - Throws: `AdminError` where the question makes no sense.
    init(
        _ question: ExplainQuestion, rules: PolicyRules, directory: DirectorySnapshot,
        answer: @escaping @Sendable (Lookup) async -> Answer
    ) throws {
        self.question = question
        self.rules = rules
        self.directory = directory
        self.answer = answer
        guard let address = question.client.map({ IPAddress($0) }) ?? Self.stranger else {
            throw AdminError(
                .usage, "\"\(question.client ?? "")\" is not an IP address", remedy: "write it as 192.0.2.7")
        }
        let listener = try Self.listener(question, address, rules)
        client = ClientFacts(
            address: address, role: ClientRole(listener.kind), listener: listener.name,
            requiresLogin: listener.authentication == .required, tls: listener.kind.isImplicitTLS,
            isTrusted: rules.trusts(address))
        if client.role == .device { client.login = rules.device(at: address).flatMap { rules.login(of: $0) } }
        explanation.client = Self.describe(client, listener, rules)
    }

    /// The way of the message, up to where it ends.
    mutating func explain() async throws -> Explanation {
        if let login = question.auth, !logIn(login) { return explanation }
        guard try await judgeSender() else { return explanation }
        for recipient in question.to { try await judge(recipient) }
        guard !admitted.isEmpty else { return explanation }
        guard try judgeAuthentication() else { return explanation }
        guard let copies = try await judgeMessage() else { return explanation }
        try await followTargets(copies)
        return explanation
    }

    mutating func refuse(_ part: Explanation.Part, _ reply: PolicyReply) {
        var part = part
        part.reply = reply.text(code: true)
        explanation.parts.append(part)
        guard admitted.isEmpty else { return }
        explanation.outcome = reply.code < 500 ? .deferred : .refused
        explanation.summary = reply.text(code: true)
    }

    func run<Decision: Sendable>(
        _ evaluate: (PolicyRules, Answers) -> Evaluation<Decision>
    ) async throws -> (decision: Decision, trace: [TraceStep]) {
        try await Policy.run({ evaluate(rules, $0) }, answer: answer)
    }
}

extension PolicyReply {
    fileprivate func text(code: Bool) -> String { "\(self.code) \(enhanced) \(text)" }
}

// MARK: - Who it is

extension Explainer {
    /// The listener that was named, or the first of the kind that such a client comes to.
    private static func listener(
        _ question: ExplainQuestion, _ client: IPAddress, _ rules: PolicyRules
    ) throws -> Listener {
        let all = rules.manifest.listeners.filter(\.kind.takesMail)
        if let name = question.listener {
            guard let listener = all.first(where: { $0.name == name }) else {
                let names = all.map(\.name).joined(separator: ", ")
                throw AdminError(.usage, "no listener for mail is called \(name)", remedy: "name one of \(names)")
            }
            return listener
        }
        var kinds: [ListenerKind] = [.mx, .submission, .submissions, .device, .lmtp]
        if question.auth != nil || rules.needsNoLogin(client) { kinds = [.submission, .submissions, .device, .mx] }
        if rules.device(at: client) != nil { kinds.insert(.device, at: 0) }
        let takesLogins = question.auth == nil ? all : all.filter { $0.authentication != .off }
        let wanted = kinds.lazy.compactMap { kind in takesLogins.first { $0.kind == kind } }
        guard let listener = wanted.first ?? all.first else {
            throw AdminError(.unavailable, "no listener of the manifest takes mail", remedy: "write one in `listeners`")
        }
        return listener
    }

    private static func describe(_ client: ClientFacts, _ listener: Listener, _ rules: PolicyRules) -> String {
        var text = "\(client.address) on the listener \(listener.name) (\(listener.kind.rawValue))"
        if client.isTrusted { text += ", in a trusted network [\(rules.origin("relay.networks"))]" }
        if let device = client.login?.device.flatMap({ rules.device(named: $0) }) {
            text += ", known as the device \(device.name) [\(device.origin)]"
        }
        return text
    }

    /// Whether the login is one, its password supposed to be right.
    private mutating func logIn(_ login: String) -> Bool {
        var part = Explanation.Part(title: "AUTH \(login)")
        let refused = PolicyReply(535, EnhancedStatusCode(5, 7, 8), "Authentication credentials invalid")
        func step(_ rule: String, _ origin: String, _ note: String) {
            part.steps.append(
                TraceStep(stage: TraceStage.admission, rule: rule, origin: origin, before: login, note: note))
        }
        let listener = rules.manifest.listeners.first { $0.name == client.listener }
        if listener?.authentication == .off {
            step("login", TraceStep.builtIn, "refused: the listener \(client.listener) offers no login")
            refuse(part, PolicyReply(502, EnhancedStatusCode(5, 5, 1), "Command not implemented"))
            return false
        }
        if let device = rules.device(username: login) {
            guard device.networks.isEmpty || device.networks.contains(where: { $0.contains(client.address) }) else {
                step("device", device.origin, "refused: \(client.address) is not in its networks")
                refuse(part, refused)
                return false
            }
            step("device", device.origin, "the device \(device.name)")
            client.login = rules.login(of: device)
        } else {
            let origin = "directory revision \(directory.revision)"
            guard let account = directory.account(login: login) else {
                step("account", origin, "refused: there is no such account or device")
                refuse(part, refused)
                return false
            }
            guard account.isEnabled else {
                step("account", origin, "refused: the account is disabled")
                refuse(part, PolicyReply(535, EnhancedStatusCode(5, 7, 13), "Account disabled"))
                return false
            }
            step("account", origin, "the account \(account.address)")
            client.login = LoginFacts(account: account.id.rawValue, address: account.address)
        }
        part.reply = "235 2.7.0 Authentication successful"
        explanation.parts.append(part)
        return true
    }
}

// MARK: - The envelope

extension Explainer {
    private mutating func judgeSender() async throws -> Bool {
        let written = question.from == "<>" ? "" : question.from
        var part = Explanation.Part(title: "MAIL FROM:<\(written)>")
        if let size = question.size, let most = rules.manifest.limits.messageSize, size > most {
            part.title += " SIZE=\(size)"
            part.steps.append(
                TraceStep(
                    stage: TraceStage.admission, rule: "message-size", origin: rules.origin("limits.message_size"),
                    before: "\(size)", note: "refused: over \(most) octets"))
            let reply = SMTPReply.messageTooBig
            refuse(part, PolicyReply(reply.code, reply.enhanced ?? EnhancedStatusCode(5, 3, 4), reply.text))
            return false
        }
        var facts = SenderFacts(client: client, path: try Self.path(written))
        facts.release = try releaseFacts()
        if let release = facts.release { part.title += " HOLDFOR=\(release.request.dropFirst(4))" }
        let judged = facts
        let (decision, trace) = try await run { Policy.admitSender(judged, rules: $0, $1) }
        part.steps += trace
        switch decision {
        case .reject(let reply):
            refuse(part, reply)
            return false
        case .accept(let path), .rewritten(let path, _):
            reversePath = path
            admittedSender = path
            if case .rewritten(_, let admitted) = decision { admittedSender = admitted }
            part.reply = "250 2.1.0 Ok"
            explanation.parts.append(part)
            return true
        }
    }

    private func releaseFacts() throws -> FutureReleaseFacts? {
        guard let text = question.holdFor else { return nil }
        guard let wait = DurationText.duration(text), (1...999_999_999).contains(wait.components.seconds) else {
            throw AdminError(.usage, "\"\(text)\" is not how long a message may wait", remedy: "write 30m, 2h or 3d")
        }
        let now = SystemClock().now()
        let seconds = Int(wait.components.seconds)
        return FutureReleaseFacts(
            wish: .after(seconds: seconds), request: "for;\(seconds)", now: now,
            latest: now.adding(.seconds(rules.longestRelease)), declaredSize: question.size ?? 0)
    }

    private mutating func judge(_ recipient: String) async throws {
        var part = Explanation.Part(title: "RCPT TO:<\(recipient)>")
        var facts = RecipientFacts(
            client: client, path: try Self.path(recipient), sender: reversePath, declaredSize: question.size ?? 0,
            hostname: DomainName(rules.manifest.server.hostname))
        facts.admittedSender = admittedSender
        facts.earlierRecipients = admitted.count
        let judged = facts
        let (decision, trace) = try await run { Policy.admitRecipient(judged, rules: $0, $1) }
        part.steps = trace
        switch decision {
        case .reject(let reply): refuse(part, reply)
        case .accept(let recipient):
            // The ways out come later, a part for each.
            part.steps.removeAll { TraceStage.ofTheWayOut.contains($0.stage) }
            part.reply = "250 2.1.5 Ok"
            explanation.parts.append(part)
            admitted.append(recipient)
        }
    }

    private static func path(_ text: String) throws -> WrittenPath {
        if text.isEmpty { return .null }
        guard text.contains("@") else { return .unqualified(text) }
        guard let address = EmailAddress(text) else {
            throw AdminError(.usage, "\"\(text)\" is not an address", remedy: "write it as user@example.org")
        }
        return .address(address)
    }
}

// MARK: - The message

extension Explainer {
    /// - Returns: who gets a copy; nil where the message is refused.
    private mutating func judgeMessage() async throws -> [EmailAddress]? {
        var part = Explanation.Part(title: "message")
        let isOwn = MessageOrigin(client, rules: rules) != .stranger
        var author = try headerAuthor()
        if isOwn, rules.manifest.relay.bindsHeaderFrom {
            let facts = HeaderAuthorFacts(client: client, authors: author.map { [$0] } ?? [], isUnclear: false)
            let (decision, trace) = try await run { Policy.judgeHeaderAuthors(facts, rules: $0, $1) }
            part.steps += trace
            if case .reject(let reply) = decision {
                admitted = []
                refuse(part, reply)
                return nil
            }
        }
        if let login = client.login, author != nil {
            let facts = SenderFieldFacts(login: login, author: author, sender: nil)
            part.steps += try await run { Policy.judgeSenderField(facts, rules: $0, $1) }.trace
        }
        if let address = author, rules.rewriting.rewritesHeader(ofOwnClient: isOwn) {
            let facts = HeaderAddressFacts(.address(address), isSender: true)
            let (decision, trace) = try await run { Policy.rewriteHeaderAddress(facts, rules: $0, $1) }
            part.steps += trace
            switch decision {
            case .keep: break
            case .replace(let next): author = next
            case .unavailable: return deferMessage(part)
            }
        }
        let facts = CopyFacts(sender: reversePath, recipients: admitted.map(\.canonical))
        let (decision, trace) = try await run { Policy.chooseCopies(facts, rules: $0, $1) }
        part.steps += trace
        guard case .copies(let copies) = decision else { return deferMessage(part) }
        let signing = SigningFacts(origin: MessageOrigin(client, rules: rules), headerFrom: author)
        if admitted.contains(where: { !$0.remote.isEmpty }) {
            let (decision, trace) = try await run { Policy.chooseSigning(signing, rules: $0, $1) }
            part.steps += trace
            if case .sign(let author) = decision {
                part.steps += try await signingSteps(author, from: signing.headerFrom)
            }
            if !isOwn { part.steps += try await seal(author: author?.domain) }
        }
        finalAuthor = author
        explanation.parts.append(part)
        return copies
    }

    /// What the keys do that sign for an author, as it is when it leaves.
    private func signingSteps(_ author: EmailAddress, from: EmailAddress?) async throws -> [TraceStep] {
        if rules.rewriting.hasGeneric, author.folded == from?.folded,
            case .replace(let next) = try await run({ Policy.rewriteOutgoing(author, rules: $0, $1) }).decision
        {
            let steps = try await keySteps(next)
            if !steps.isEmpty { return [.signing(author, rewrittenTo: next)] + steps }
        }
        return try await keySteps(author)
    }

    private func keySteps(_ author: EmailAddress) async throws -> [TraceStep] {
        guard case .keys(let keys) = try await run({ Policy.chooseSigningKeys(author, rules: $0, $1) }).decision
        else { return [] }
        return keys.map { key in
            switch key {
            case .directory(let domain, let name):
                .signing(name, selectors: directory.signingKeys(domain).map(\.selector))
            case .table(let key, _): .signing(key.domain, selectors: [key.selector], origin: key.origin)
            }
        }
    }

    private mutating func deferMessage(_ part: Explanation.Part) -> [EmailAddress]? {
        admitted = []
        refuse(part, PolicyReply(451, EnhancedStatusCode(4, 3, 0), "Temporary lookup failure, try again later"))
        return nil
    }

    func headerAuthor() throws -> EmailAddress? {
        guard let text = question.headerFrom else { return reversePath.address ?? client.login?.address }
        guard let address = EmailAddress(text) else {
            throw AdminError(.usage, "\"\(text)\" is not an address", remedy: "write it as user@example.org")
        }
        return address
    }
}
