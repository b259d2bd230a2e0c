import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

/// Rules and tables in a few lines.
struct RoutingScript {
    var manifest = Manifest()
    var tables: [TablePurpose: [String: String]] = [:]
    var failing: Set<TablePurpose> = []
    var hosted: Set<String> = ["example.org"]

    init(_ yaml: String = "") throws {
        let text = "server: {hostname: a.example.org}\n\(yaml)"
        manifest = try ManifestLoader.load(text: text, file: "martlet.yaml").get().manifest
    }

    init(_ routes: [Manifest.Route], rules: [Manifest.RoutingRule] = []) {
        manifest.server.hostname = "a.example.org"
        manifest.routing.routes = routes
        manifest.routing.rules = rules
    }

    mutating func table(_ purpose: TablePurpose, _ entries: [String: String]) {
        tables[purpose] = entries
        let source = [TableSource(format: .text, content: .file("/t"))]
        switch purpose {
        case .transport: manifest.routing.transport = source
        case .senderRelay: manifest.routing.senderRelay = source
        case .credentials: manifest.routing.credentials = source
        default: manifest.routing.tlsPolicy = source
        }
    }

    func answer(_ lookup: Lookup) -> Answer {
        switch lookup {
        case .hosted(let domain): return .flag(hosted.contains(domain.ascii))
        case .table(let purpose, let key, _):
            if failing.contains(purpose) { return .unavailable("away") }
            let value = tables[purpose]?[EmailAddress.fold(key)]
            return .table(value.map { TableAnswer(value: $0, origin: "/t:1") })
        default: return .unavailable("not asked here")
        }
    }

    func route(
        _ recipient: String, from sender: String = "me@example.org", login: String? = nil, size: Int = 0,
        failed: Int = 0, pinned: String? = nil
    ) throws -> (decision: RouteDecision, trace: [TraceStep]) {
        let path = sender.isEmpty ? ReversePath.null : .address(try address(sender))
        let facts = RouteFacts(
            sender: path, recipient: try address(recipient), login: login, size: size, failedAttempts: failed,
            pinned: pinned)
        let rules = PolicyRules(manifest)
        let result = try Policy.run({ Policy.route(facts, rules: rules, $0) }, answerNow: answer)
        #expect(!result.trace.isEmpty, "a decision without a trace")
        return result
    }

    func plan(
        _ recipient: String, from sender: String = "me@example.org", failed: Int = 0
    ) throws -> RoutePlan {
        let result = try route(recipient, from: sender, failed: failed)
        guard case .deliver(let plan) = result.decision else {
            Issue.record("no delivery: \(result.decision)\n\(result.trace.text)")
            throw Missing()
        }
        return plan
    }

    func name(_ recipient: String, from sender: String = "me@example.org") throws -> String {
        try route(recipient, from: sender).decision.routeName
    }

    struct Missing: Error {}
}

private let isp = "kind: smarthost, hosts: [\"[mail.isp.example]:587\"]"

@Suite struct RoutingTests {
    @Test func withoutAnythingWrittenTheDomainsMXIsAsked() throws {
        let script = try RoutingScript()
        let direct = try script.plan("a@example.net")
        #expect(direct.kind == .direct && direct.name == "direct" && direct.hosts.count == 1)
        #expect(direct.hosts.first?.place == .domain("example.net"))
        #expect(direct.hosts.first?.tls.level == .may && direct.hosts.first?.login == nil)
        #expect(try script.route("a@example.org").decision == .local)
        #expect(try script.plan("a@[192.0.2.7]").hosts.first?.place == .host("192.0.2.7"))
        #expect(try script.plan("a@[IPv6:2001:db8::7]").hosts.first?.place == .host("2001:db8::7"))
        #expect(try script.route("a@example.net").trace.map(\.stage) == ["routing", "tls"])
    }

    @Test func theSmarthostTakesAllThatNoRuleTakes() throws {
        let script = try RoutingScript(
            "outbound: {smarthost: {host: smtp.example.net, username: u, password_file: /p}}")
        let plan = try script.plan("a@example.net")
        #expect(plan.name == "smarthost" && plan.hosts.first?.place == .host("smtp.example.net"))
        #expect(plan.hosts.first?.port == 587 && plan.hosts.first?.tls.level == .secure)
        #expect(plan.hosts.first?.login?.proof == .password(.file("/p")))
        #expect(try script.name("a@[192.0.2.7]") == "smarthost")
        #expect(try script.route("a@example.org").decision == .local)
        let trace = try script.route("a@example.net").trace
        #expect(trace.first?.text.contains("routing/smarthost: a@example.net → [smtp.example.net]:587") == true)
    }

    @Test func aDirectoryThatIsAwayIsNoReasonToSend() throws {
        let facts = RouteFacts(sender: .null, recipient: try address("a@example.net"))
        let rules = PolicyRules(Manifest())
        let result = try Policy.run({ Policy.route(facts, rules: rules, $0) }) { _ in .unavailable("away") }
        guard case .fail(let reply, _) = result.decision else { return #expect(Bool(false)) }
        #expect(reply.enhanced.isTemporaryFailure)
    }

    // MARK: Rules

    @Test func onlyTheListedSendersAreRelayedWhenOnlyTheyAreListed() throws {
        let script = try RoutingScript(
            """
            routing:
              routes:
                - {name: isp, \(isp)}
              rules:
                - {route: isp, sender: ["@a.example", "@b.example"], except: {sender: boss@a.example}}
            """)
        #expect(try script.name("x@example.net", from: "u@a.example") == "isp")
        #expect(try script.name("x@example.net", from: "U@B.example") == "isp")
        #expect(try script.name("x@example.net", from: "u@c.example") == "direct")
        #expect(try script.name("x@example.net", from: "u@sub.a.example") == "direct")
        #expect(try script.name("x@example.net", from: "boss@a.example") == "direct")
        #expect(try script.name("x@example.net", from: "") == "direct")
        let trace = try script.route("x@example.net", from: "u@a.example").trace
        #expect(trace.first?.text == "routing/rule 1: <u@a.example> to x@example.net → isp [martlet.yaml:6]")
    }

    @Test func aRuleNeedsEachKindOfConditionAndNoException() throws {
        var rule = Manifest.RoutingRule(route: "isp")
        rule.when.senders = [.domain(try domain("example.org"))]
        rule.when.recipients = [.domain(try domain("example.net"))]
        rule.when.logins = ["Me@example.org", "printer"]
        rule.when.largerThan = 1000
        rule.except.recipients = [.address(try address("no@example.net"))]
        let route = try #require(
            try RoutingScript("routing: {routes: [{name: isp, \(isp)}]}").manifest.routing.routes.first)
        let script = RoutingScript([route], rules: [rule])
        func name(_ to: String, login: String?, size: Int) throws -> String {
            try script.route(to, login: login, size: size).decision.routeName
        }
        #expect(try name("x@example.net", login: "me@example.org", size: 1001) == "isp")
        #expect(try name("x@example.net", login: "Printer", size: 1001) == "isp")
        #expect(try name("x@example.net", login: "other@example.org", size: 1001) == "direct")
        #expect(try name("x@example.net", login: nil, size: 1001) == "direct")
        #expect(try name("x@example.net", login: "printer", size: 1000) == "direct")
        #expect(try name("no@example.net", login: "printer", size: 1001) == "direct")
        #expect(try name("x@example.com", login: "printer", size: 1001) == "direct")
    }

    @Test func theFirstRuleThatMatchesHoldsAndAnEmptyOneTakesTheRest() throws {
        let script = try RoutingScript(
            """
            routing:
              routes:
                - {name: isp, \(isp)}
                - {name: keep, kind: hold}
                - {name: drop, kind: discard}
                - {name: no, kind: fail, text: "5.7.2 Not there"}
                - {name: later, kind: fail, text: "4.7.2 Not now"}
              rules:
                - {route: keep, recipient: "@keep.example"}
                - {route: drop, recipient: "@drop.example"}
                - {route: no, recipient: "@no.example"}
                - {route: later, recipient: "@later.example"}
                - {route: direct, recipient: "@.direct.example"}
                - {route: isp}
            """)
        #expect(try script.route("x@keep.example").decision == .hold(route: "keep"))
        #expect(try script.route("x@drop.example").decision == .discard(route: "drop"))
        let no = PolicyReply(550, EnhancedStatusCode(5, 7, 2), "<x@no.example>: Not there")
        #expect(try script.route("x@no.example").decision == .fail(no, route: "no"))
        let later = PolicyReply(450, EnhancedStatusCode(4, 7, 2), "<x@later.example>: Not now")
        #expect(try script.route("x@later.example").decision == .fail(later, route: "later"))
        #expect(try script.name("x@sub.direct.example") == "direct")
        #expect(try script.name("x@example.net") == "isp")
        #expect(try script.name("x@example.net", from: "") == "isp")
    }

    // MARK: Fallback and pins

    @Test func afterItsAttemptsTheFallbackFollowsAndACycleEnds() throws {
        let script = try RoutingScript(
            """
            routing:
              routes:
                - {name: direct, kind: direct, fallback: {route: isp, after: 3}}
                - {name: isp, \(isp), fallback: {route: last, after: 2}}
                - {name: last, kind: smarthost, hosts: ["[last.example]"]}
            """)
        for (failed, name) in [(0, "direct"), (2, "direct"), (3, "isp"), (4, "isp"), (5, "last"), (99, "last")] {
            #expect(try script.plan("x@example.net", failed: failed).name == name)
        }
        var a = Manifest.Route(name: "a", kind: .smarthost, hosts: [RouteHost(.host("a"))])
        a.fallback = .init(route: "b", after: 1)
        var b = Manifest.Route(name: "b", kind: .smarthost, hosts: [RouteHost(.host("b"))])
        b.fallback = .init(route: "a", after: 1)
        let cycle = RoutingScript([a, b], rules: [.init(route: "a")])
        #expect(try cycle.plan("x@example.net", failed: 7).name == "b")
    }

    @Test func aPinGoesBeforeRulesAndOneThatIsGoneIsPassedOver() throws {
        let script = try RoutingScript(
            "routing: {routes: [{name: isp, \(isp)}, {name: keep, kind: hold}], rules: [{route: keep}]}")
        #expect(try script.route("x@example.net", pinned: "isp").decision.routeName == "isp")
        #expect(try script.route("x@example.net", pinned: "direct").decision.routeName == "direct")
        #expect(try script.route("x@example.net", pinned: "gone").decision == .hold(route: "keep"))
        #expect(try script.route("x@example.org", pinned: "isp").decision == .local)
    }

    // MARK: Plans

    @Test func aPlanHasWhatTheRouteSaysAndElseWhatIsStandard() throws {
        let script = try RoutingScript(
            """
            outbound: {helo_name: out.example.org, bind: [192.0.2.9]}
            routing:
              routes:
                - name: isp
                  kind: smarthost
                  hosts: ["[a.isp.example]:465", {host: "b.isp.example:587", weight: 3}, "[c.isp.example]"]
                  choose: weight
                  source_addresses: [192.0.2.1]
                  helo_name: isp.example.org
                - {name: lists, kind: lmtp, hosts: ["unix:/run/lists", "[::1]"]}
              rules:
                - {route: isp, sender: me@example.org}
                - {route: lists, recipient: "@lists.example"}
            """)
        let plan = try script.plan("x@example.net")
        #expect(plan.hosts.map(\.port) == [465, 587, 25] && plan.hosts.map(\.weight) == [1, 3, 1])
        #expect(plan.hosts.map(\.isTLSImplicit) == [true, false, false])
        #expect(plan.hosts.allSatisfy { $0.tls.level == .encrypt })
        #expect(plan.choice == .weight && plan.heloName == "isp.example.org")
        #expect(plan.sourceAddresses == [try #require(IPAddress("192.0.2.1"))])
        let direct = try script.plan("x@example.net", from: "other@example.org")
        #expect(direct.heloName == "out.example.org" && direct.sourceAddresses.count == 1)
        let lists = try script.plan("x@lists.example", from: "")
        #expect(lists.kind == .lmtp && lists.hosts.map(\.port) == [24, 24])
        #expect(lists.hosts.map(\.place) == [.socket(path: "/run/lists"), .host("::1")])
        #expect(lists.hosts.allSatisfy { $0.tls.level == .none })
    }
}
