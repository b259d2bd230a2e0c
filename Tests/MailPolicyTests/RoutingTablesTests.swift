import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct RoutingTablesTests {
    private static let isp = "{name: isp, kind: smarthost, hosts: [\"[mail.isp.example]:587\"]}"

    @Test(
        "A transport is read as Postfix reads it",
        arguments: [
            ("smtp:[h.example]:2525", "[h.example]:2525"), ("relay:h.example", "h.example"),
            (":[h.example]", "[h.example]"), ("smtp:", "direct"), ("relay", "direct"), (":", "isp"),
            ("lmtp:[127.0.0.1]:24", "lmtp:[127.0.0.1]:24"), ("lmtp:unix:/run/lmtp", "lmtp:unix:/run/lmtp"),
            ("lmtp:inet:localhost", "lmtp:inet:localhost"), ("route:isp", "isp"), ("isp:", "isp"),
            ("isp:[other.example]", "isp:[other.example]"),
            ("smtp:[a.example], [b.example]:26", "[a.example],[b.example]:26"),
        ])
    func transports(_ value: String, _ name: String) throws {
        var script = try RoutingScript("routing: {routes: [\(Self.isp)], rules: [{route: isp}]}")
        script.table(.transport, ["example.net": value])
        #expect(try script.name("x@example.net") == name)
        #expect(try script.name("x@example.com") == "isp")
    }

    @Test(
        "A transport without a host keeps, drops or refuses mail",
        arguments: [
            ("error:5.1.6 She has moved", 550, "5.1.6"), ("error:Gone", 550, "5.0.0"),
            ("retry:4.2.1 Soon", 450, "4.2.1"),
            ("error:4.2.1 Soon", 450, "4.2.1"), ("error:", 550, "5.0.0"),
            // What can't be done waits for the operator: it never goes another way.
            ("maildrop:x", 451, "4.3.5"), ("route:gone", 451, "4.3.5"), ("smtp:[h", 451, "4.3.5"),
            ("smtp:unix:/run/x", 451, "4.3.5"), ("smtp:h:port", 451, "4.3.5"),
        ])
    func refusals(_ value: String, _ code: Int, _ status: String) throws {
        var script = try RoutingScript()
        script.table(.transport, ["@example.net": "discard:", "example.net": value])
        guard case .fail(let reply, _) = try script.route("x@example.net").decision else {
            return #expect(Bool(false), "not refused")
        }
        #expect(reply.code == code && reply.enhanced.description == status)
    }

    @Test func transportsAreFoundByAddressDomainParentsAndStar() throws {
        var script = try RoutingScript()
        script.table(
            .transport,
            [
                "u+tag@a.example": "discard:", "u@a.example": "smtp:[user]", "a.example": "smtp:[domain]",
                ".a.example": "smtp:[parent]", "*": "hold:",
            ])
        #expect(try script.route("u+tag@a.example").decision == .discard(route: "transport"))
        #expect(try script.name("u+other@a.example") == "[user]")
        #expect(try script.name("w@a.example") == "[domain]")
        #expect(try script.name("w@b.c.a.example") == "[parent]")
        #expect(try script.route("w@b.example").decision == .hold(route: "transport:hold"))
        #expect(try script.route("w@example.org").decision == .local)
    }

    @Test func senderRelaysGoBeforeRulesAndDunnoGoesOnWithThem() throws {
        var script = try RoutingScript("routing: {routes: [\(Self.isp)], rules: [{route: isp}]}")
        script.table(
            .senderRelay,
            [
                "one@a.example": "[mail.example.com]:submission", "@a.example": "dunno", "@b.example": "route:isp",
                "@c.example": " ", "<>": "[bounces.example]", "@d.example": "smtp:[x]:y",
            ])
        #expect(try script.plan("x@example.net", from: "one@a.example").hosts.first?.port == 587)
        #expect(try script.name("x@example.net", from: "One+t@A.example") == "[mail.example.com]:submission")
        #expect(try script.name("x@example.net", from: "two@a.example") == "isp")
        #expect(try script.name("x@example.net", from: "u@b.example") == "isp")
        #expect(try script.name("x@example.net", from: "u@c.example") == "isp")
        #expect(try script.name("x@example.net", from: "u@sub.a.example") == "isp")
        #expect(try script.name("x@example.net", from: "") == "[bounces.example]")
        guard case .fail(let reply, _) = try script.route("x@example.net", from: "u@d.example").decision else {
            return #expect(Bool(false))
        }
        #expect(reply.enhanced.description == "4.3.5")
    }

    @Test(
        "A table that doesn't answer defers",
        arguments: [TablePurpose.transport, .senderRelay, .credentials, .tlsPolicy])
    func failing(_ purpose: TablePurpose) throws {
        var isp = Manifest.Route(name: "isp", kind: .smarthost, hosts: [RouteHost(.host("mail.isp.example"))])
        isp.origin = "martlet.yaml:3"
        var script = RoutingScript([isp], rules: [.init(route: "isp")])
        script.table(purpose, [:])
        script.failing = [purpose]
        guard case .fail(let reply, _) = try script.route("x@example.net").decision else {
            return #expect(Bool(false), "not deferred")
        }
        #expect(reply.code == 451 && reply.enhanced.isTemporaryFailure)
    }

    // MARK: Credentials

    @Test func aLoginIsFoundBySenderThenHostThenNextHop() throws {
        var script = try RoutingScript("routing: {routes: [\(Self.isp)]}")
        script.table(
            .senderRelay,
            [
                "@a.example": "[mail.example.com]:587", "@b.example": "[Mail.example.net]",
                "@c.example": "[none.example]",
            ])
        script.table(
            .credentials,
            [
                "one@a.example": "one:pa:ss", "[mail.example.com]:587": "default:secret", "mail.example.net": "host:h",
                "[mail.example.net]": "hop:h", "x@direct.example": "stray:secret", "example.net": "stray:secret",
            ])
        func login(_ sender: String) throws -> PlannedLogin? {
            try script.plan("x@example.net", from: sender).hosts.first?.login
        }
        #expect(try login("one@a.example")?.username == "one")
        #expect(try login("one@a.example")?.proof == .text("pa:ss"))
        #expect(try login("two@a.example")?.username == "default")
        #expect(try login("u@b.example")?.username == "host")
        #expect(try login("u@c.example") == nil)
        // Whoever the table knows: mail by MX has no login.
        let direct = try script.plan("x@example.net", from: "x@direct.example")
        #expect(
            direct.kind == .direct && direct.hosts.first?.login == nil && direct.hosts.first?.asksLoginByHost == false)
    }

    @Test func routesAndSendersOnThemHaveLoginsOfTheirOwn() throws {
        let yaml = """
            routing:
              routes:
                - name: isp
                  kind: smarthost
                  hosts: ["[mail.isp.example]:587"]
                  login: {username: all, password_file: /p}
                  sender_logins:
                    - {sender: one@a.example, username: one, password_env: ONE}
                    - {sender: "@a.example", username: two, password_file: /two}
                - {name: open, kind: smarthost, hosts: ["[open.example]"]}
              rules:
                - {route: open, recipient: "@open.example"}
                - {route: isp, sender: "*"}
            """
        var script = try RoutingScript(yaml)
        script.table(.transport, ["other.example": "isp:[elsewhere.example]"])
        script.table(.credentials, ["@a.example": "table:t", "open.example": "open:o"])
        func login(_ sender: String, _ to: String = "x@example.net") throws -> PlannedLogin? {
            try script.plan(to, from: sender).hosts.first?.login
        }
        #expect(try login("one@a.example")?.proof == .password(.environment("ONE")))
        #expect(try login("u@a.example")?.username == "two")
        #expect(try login("u@b.example")?.username == "all")
        #expect(try login("u@b.example", "x@open.example")?.username == "open")
        // The login of a route isn't for a host that a table put in its place.
        #expect(try login("u@b.example", "x@other.example") == nil)
        let trace = try script.route("x@example.net", from: "one@a.example").trace
        #expect(
            trace.contains {
                $0.stage == "credentials" && $0.after == "one"
                    && $0.note?.contains("[mail.isp.example]:587 only") == true
            })
    }

    @Test func noTraceAndNoDescriptionHasAPassword() throws {
        var script = try RoutingScript()
        script.table(.senderRelay, ["@a.example": "mx.example.com"])
        script.table(.credentials, ["mx.example.com": "user:hunter2"])
        let result = try script.route("x@example.net", from: "u@a.example")
        #expect(!result.trace.text.contains("hunter2") && result.trace.text.contains("user"))
        #expect(!"\(result.decision)".contains("hunter2") && !String(reflecting: result.decision).contains("hunter2"))
    }

    @Test func aLoginByTheNameOfAnMXIsAskedForWhenTheHostIsKnown() throws {
        var script = try RoutingScript()
        script.table(.senderRelay, ["@a.example": "isp.example"])
        script.table(.credentials, ["mx1.isp.example": "mx:p", "isp.example": "domain:p"])
        let host = try #require(try script.plan("x@example.net", from: "u@a.example").hosts.first)
        #expect(host.asksLoginByHost && host.login?.username == "domain" && host.tls.level == .encrypt)
        let rules = PolicyRules(script.manifest)
        func login(_ name: String) throws -> PlannedLogin? {
            try Policy.run({ Policy.login(at: name, rules: rules, $0) }, answerNow: script.answer).decision.get()
        }
        #expect(try login("mx1.isp.example")?.username == "mx")
        #expect(try login("mx2.isp.example") == nil)
    }

    // MARK: TLS

    @Test func theTLSPolicyIsFoundByNextHopDomainAndParents() throws {
        var script = try RoutingScript(
            "routing: {routes: [\(Self.isp), {name: own, kind: smarthost, hosts: [\"[h]\"], tls: verify}]}")
        script.table(
            .transport, ["hop.example": "smtp:[h]:26", "isp.example": "route:isp", "own.example": "route:own"])
        script.table(
            .tlsPolicy,
            [
                "a.example": "secure match=nexthop:.dot.example", ".a.example": "none", "[h]:26": "verify",
                "[mail.isp.example]:587": "none", "[h]": "none",
            ])
        func tls(_ domain: String) throws -> TLSRequirement? { try script.plan("x@\(domain)").hosts.first?.tls }
        #expect(try tls("a.example") == TLSRequirement(level: .secure, match: ["nexthop", ".dot.example"]))
        #expect(try tls("b.c.a.example")?.level == TLSLevel.none)
        #expect(try tls("b.example")?.level == .may)
        #expect(try tls("hop.example")?.level == .verify)
        #expect(try tls("isp.example")?.level == TLSLevel.none)
        #expect(try tls("own.example")?.level == .verify)
    }

    @Test(
        "A TLS policy is a level and attributes",
        arguments: [
            ("encrypt", "encrypt", 0), ("may ciphers=high protocols=>=TLSv1.2", "may", 2), ("dane", "dane", 0),
            ("dane-only", "dane-only", 0),
            ("ENCRYPT", "encrypt", 0), ("secure, match=mail.example:.example servername=x.example", "secure", 0),
        ])
    func policies(_ text: String, _ level: String, _ remarks: Int) throws {
        let entry = try TLSPolicyEntry(parsing: text)
        #expect(entry.requirement.level.rawValue == level && entry.remarks.count == remarks)
    }

    @Test(
        "A TLS policy that can't be kept defers",
        arguments: ["", "half-dane", "encrypted", "may x", "may x=y", "fingerprint", "fingerprint match=ab:cd"])
    func brokenPolicies(_ text: String) {
        #expect(throws: TLSPolicyError.self) { try TLSPolicyEntry(parsing: text) }
    }

    @Test func aLoginAsksForTLSWhereItIsLeftOpen() throws {
        var script = try RoutingScript()
        script.table(.senderRelay, ["@a.example": "[h.example]:26", "@b.example": "[h.example]:465"])
        #expect(try script.plan("x@example.net", from: "u@a.example").hosts.first?.tls.level == .may)
        let implicit = try script.plan("x@example.net", from: "u@b.example").hosts.first
        #expect(implicit?.isTLSImplicit == true && implicit?.tls.level == .encrypt)
        script.table(.credentials, ["h.example": "u:p"])
        #expect(try script.plan("x@example.net", from: "u@a.example").hosts.first?.tls.level == .encrypt)
    }
}
