import Foundation
import Glibc
import MailConfig
import MailPolicy
import MailSyntax
import Testing

/// What a decision costs once its lookups are answered. Means something in a release build alone:
///
///     MARTLET_BENCH=1 swift test -c release -Xswiftc -enable-testing --filter DecisionCostTests
@Suite(.enabled(if: ProcessInfo.processInfo.environment["MARTLET_BENCH"] == "1"))
struct DecisionCostTests {
    private static let rounds = 20_000
    private static let mostMicroseconds = 50.0

    /// A manifest with more of everything than anybody has.
    private static let manifest: String = {
        let networks = (1...100).map { "10.\($0).0.0/16" }.joined(separator: ", ")
        let senders = (1...500).map { "\"@s\($0).example\"" }.joined(separator: ", ")
        let rules = (1...1000).map { "    - {match: u\($0)@example.org, send: false}" }.joined(separator: "\n")
        let routes = (1...200).map { "    - {route: isp, sender: \"@r\($0).example\"}" }.joined(separator: "\n")
        return """
            server: {hostname: mail.example.org}
            relay: {networks: [\(networks)], senders: [\(senders), "@example.org"], bind_header_from: true}
            sending:
              limits: {messages: {minute: 30, hour: 300, day: 3000}, recipients: {day: 9000}}
              rules:
            \(rules)
            rewrite:
              canonical: {"a@old.example": a@example.org}
              virtual: {"list@example.org": "a@example.net, b@example.net"}
              generic: {"@lan.example": office@isp.example}
            routing:
              routes: [{name: isp, kind: smarthost, hosts: ["[smtp.isp.example]:587"]}]
              rules:
            \(routes)
            """
    }()

    private func answer(_ lookup: Lookup) -> Answer {
        switch lookup {
        case .recipient: .recipient(.notHosted)
        case .mayUse: .sender(.own)
        case .quota: .quota(.fits)
        case .hosted(let domain): .flag(domain.ascii == "example.org")
        case .signingKeys(let domain): .selectors(domain.ascii == "example.org" ? ["rsa1"] : nil)
        case .signingTable: .signingTable([])
        case .firstHostedDomain: .domain(nil)
        case .table: .table(nil)
        case .sent: .sent(SendCounts())
        case .srs: .srs(.none)
        case .waiting: .octets(0)
        }
    }

    /// Of this thread, so that it means the same on a busy machine.
    private static func cpuMicroseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    private func measure<D: Sendable>(_ name: String, _ evaluate: (Answers) -> Evaluation<D>) throws {
        var answers = Answers()
        while case .need(let lookups) = evaluate(answers) {
            for lookup in lookups { answers[lookup] = answer(lookup) }
        }
        let start = Self.cpuMicroseconds()
        for _ in 0..<Self.rounds {
            guard case .decided = evaluate(answers) else {
                Issue.record("asks again")
                return
            }
        }
        let microseconds = (Self.cpuMicroseconds() - start) / Double(Self.rounds)
        print("decision \(name): \(microseconds) µs")
        #expect(microseconds < Self.mostMicroseconds, "\(name)")
    }

    @Test func `a decision costs less than fifty microseconds`() throws {
        let rules = PolicyRules(try ManifestLoader.load(text: Self.manifest, file: "m.yaml").get())
        let sender = try #require(EmailAddress("a@example.org"))
        let recipient = try #require(EmailAddress("user@example.net"))
        let login = LoginFacts(account: 1, address: sender)
        let address = try #require(IPAddress("10.100.2.3"))
        for facts in [
            ClientFacts(address: address, role: .submission, login: login),
            ClientFacts(address: address, role: .submission, isTrusted: rules.trusts(address)),
        ] {
            let who = facts.login == nil ? "network" : "login"
            try measure("sender, \(who)") {
                Policy.admitSender(SenderFacts(client: facts, path: .address(sender)), rules: rules, $0)
            }
            let to = RecipientFacts(
                client: facts, path: .address(recipient), sender: .address(sender), hostname: DomainName("example.org"))
            try measure("recipient, \(who)") { Policy.admitRecipient(to, rules: rules, $0) }
            let authors = HeaderAuthorFacts(client: facts, authors: [sender], isUnclear: false)
            try measure("author, \(who)") { Policy.judgeHeaderAuthors(authors, rules: rules, $0) }
        }
        let route = RouteFacts(sender: .address(sender), recipient: recipient, login: "a@example.org", size: 10_000)
        try measure("route") { Policy.route(route, rules: rules, $0) }
        try measure("generic") { Policy.rewriteOutgoing(sender, rules: rules, $0) }
        let signing = SigningFacts(origin: .login(login), headerFrom: sender)
        try measure("signing") { Policy.chooseSigning(signing, rules: rules, $0) }
    }
}
