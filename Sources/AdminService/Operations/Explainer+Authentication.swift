import Directory
import MailConfig
import MailPolicy
import MailSyntax

// The checks of a stranger's message, and who seals it when it goes on.
extension Explainer {
    /// Which checks are made, and what follows from what `--found` says that they find.
    /// - Returns: false where the message is refused.
    mutating func judgeAuthentication() throws -> Bool {
        let found = try question.found.map { try FoundResults($0) }
        guard MessageOrigin(client, rules: rules) == .stranger else {
            guard found == nil else {
                throw AdminError(
                    .usage, "mail of \(client.address) is not checked: it is one of our own clients",
                    remedy: "leave out --found, or name another --client")
            }
            return true
        }
        var part = Explanation.Part(title: "checks")
        if let exemption = exemption() {
            part.steps.append(exemption)
            explanation.parts.append(part)
            return true
        }
        let author = try headerAuthor()?.domain
        let (modes, origin) = rules.authentication.modes(for: author)
        let usual = Self.checks(rules.authentication.settings.modes)
        part.steps += zip(Self.checks(modes), usual).map { check, usual in
            let setting = rules.origin("authentication.\(check.name)")
            return TraceStep(
                stage: TraceStage.authentication, rule: check.name,
                origin: check.text == usual.text ? setting : origin ?? setting, note: check.text)
        }
        guard let found else {
            explanation.parts.append(part)
            return true
        }
        let facts = found.facts(client: client.address, sender: reversePath, author: author, modes)
        chainFound = found.word("arc")
        let (decision, trace) = Policy.judgeAuthentication(facts, rules: rules)
        part.steps += trace
        switch decision.disposition {
        case .accept: break
        case .junk: isJunk = true
        case .refuse(let reply):
            admitted = []
            refuse(part, reply)
            return false
        }
        explanation.parts.append(part)
        return true
    }

    /// Why nothing of a stranger is checked.
    private func exemption() -> TraceStep? {
        guard !rules.checks(client) else { return nil }
        let settings = rules.authentication.settings
        let stage = TraceStage.authentication
        if rules.authentication.areOff { return TraceStep(stage: stage, rule: "checks", note: "all are off") }
        guard let network = settings.exempt.first(where: { $0.contains(client.address) }) else {
            return TraceStep(stage: stage, rule: "checks", note: "none of what comes in by \(client.listener)")
        }
        return TraceStep(
            stage: stage, rule: "exempt", origin: rules.origin("authentication.exempt_networks"),
            before: "\(client.address)", note: "not checked: it is in \(network)")
    }

    private typealias Modes = Manifest.Authentication.Modes

    /// The checks by their settings, and what is done about each.
    private static func checks(_ modes: Modes) -> [(name: String, text: String)] {
        func text(_ mode: Manifest.Authentication.Mode, isMade: Bool = false) -> String {
            mode == .off && isMade ? "off, made for dmarc" : mode.rawValue
        }
        return [
            ("iprev", text(modes.reverse)), ("spf", text(modes.spf, isMade: modes.checksSPF)),
            ("dkim", text(modes.dkim, isMade: modes.checksDKIM)), ("arc", text(modes.arc)),
            ("dmarc", text(modes.dmarc)),
        ]
    }

    /// Who seals what goes on, and with which key.
    func seal(author: DomainName?) async throws -> [TraceStep] {
        let modes = rules.authentication.modes(for: author).modes
        let isChecked = rules.checks(client) && !modes.areOff
        let chain: AuthenticationWord? = modes.arc == .off ? nil : chainFound ?? AuthenticationWord.none
        let facts = SealingFacts(isChecked: isChecked, chain: chain, recipients: admitted)
        let (decision, trace) = try await run { Policy.chooseSealing(facts, rules: $0, $1) }
        guard case .seal(let domain) = decision else { return trace }
        let key = directory.signingKeys(domain).first { $0.isActive && $0.algorithm == "rsa" }
        return trace + [.sealing(domain, selector: key?.selector)]
    }
}

/// What a question says that the checks have found: `spf=fail dkim=none dmarc=fail p=reject`.
struct FoundResults {
    private static let methods = ["iprev", "spf", "dkim", "arc", "dmarc"]
    private static let remedy =
        "write it as \"spf=fail dkim=none dmarc=fail p=reject\", with any of iprev, spf, dkim, arc, dmarc, p, sealer=DOMAIN, "
        + "name=HOST and list=yes"

    private var words: [(method: String, word: AuthenticationWord)] = []
    private var wanted: AuthenticationFacts.Request?
    private var sealer: DomainName?
    private var clientName: DomainName?
    private var isListMail = false

    init(_ text: String) throws {
        for pair in text.split(whereSeparator: { $0.isWhitespace || $0 == "," || $0 == ";" }) {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let name = parts.first?.lowercased(), let value = parts.last?.lowercased() else {
                throw AdminError(.usage, "\"\(pair)\" is not a result", remedy: Self.remedy)
            }
            try read(name, value)
        }
        guard !words.isEmpty else { throw AdminError(.usage, "nothing was found", remedy: Self.remedy) }
        if word("dmarc") == .fail, wanted == nil {
            throw AdminError(
                .usage, "what follows from dmarc=fail depends on the policy of the author's domain",
                remedy: "add p=none, p=quarantine or p=reject")
        }
    }

    private mutating func read(_ name: String, _ value: String) throws {
        let wrong = AdminError(.usage, "\"\(name)=\(value)\" is not a result", remedy: Self.remedy)
        switch name {
        case "p":
            guard let request = AuthenticationFacts.Request(rawValue: value) else { throw wrong }
            wanted = request
        case "sealer":
            guard let domain = DomainName(value) else { throw wrong }
            sealer = domain
        case "name":
            guard let domain = DomainName(value) else { throw wrong }
            clientName = domain
        case "list":
            guard value == "yes" || value == "no" else { throw wrong }
            isListMail = value == "yes"
        default:
            guard Self.methods.contains(name), let word = AuthenticationWord(rawValue: value) else { throw wrong }
            words.append((name, word))
        }
    }

    /// The first of a method.
    func word(_ method: String) -> AuthenticationWord? { words.first { $0.method == method }?.word }

    /// Without what is not checked.
    func facts(
        client: IPAddress, sender: ReversePath, author: DomainName?, _ modes: Manifest.Authentication.Modes
    ) -> AuthenticationFacts {
        var facts = AuthenticationFacts(client: client)
        facts.clientName = clientName
        facts.author = author
        func identity(_ method: String, _ subject: String) -> CheckedIdentity? {
            word(method).map { CheckedIdentity($0, of: subject) }
        }
        if modes.reverse != .off { facts.reverse = identity("iprev", "policy.iprev=\(client)") }
        if modes.checksSPF {
            facts.spf = identity("spf", sender.address?.domain.map { "smtp.mailfrom=\($0)" } ?? "smtp.helo")
        }
        if modes.checksDKIM {
            facts.dkim = words.filter { $0.method == "dkim" && $0.word != .none }
                .map { CheckedIdentity($0.word, of: "header.d") }
        }
        if modes.arc != .off, word("arc") != AuthenticationWord.none {
            facts.arc = identity("arc", sealer.map { "d=\($0)" } ?? "")
            if word("arc") == .pass, let sealer { facts.seals = [SealFacts(domain: sealer, sawPass: true)] }
        }
        if modes.dmarc != .off {
            facts.dmarc = identity("dmarc", "header.from" + (author.map { "=\($0)" } ?? ""))
            facts.policyDomain = author
            facts.wanted = wanted ?? .none
        }
        facts.isListMail = isListMail
        return facts
    }
}
