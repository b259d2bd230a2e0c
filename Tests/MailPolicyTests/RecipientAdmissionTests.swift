import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct RecipientAdmissionTests {
    private func admit(
        _ path: WrittenPath, _ client: ClientFacts, _ directory: ScriptedDirectory, size: Int = 0,
        hostname: String = "mail.example.org", server: String = "192.0.2.9"
    ) throws -> (decision: RecipientDecision, trace: [TraceStep]) {
        let facts = RecipientFacts(
            client: client, path: path, declaredSize: size, hostname: DomainName(hostname), server: IPAddress(server))
        return try directory.run { Policy.admitRecipient(facts, rules: PolicyRules(Manifest()), $0) }
    }

    private func reply(_ decision: RecipientDecision) throws -> String {
        guard case .reject(let reply) = decision else {
            Issue.record("accepted")
            return ""
        }
        return "\(reply.code) \(reply.enhanced) \(reply.text)"
    }

    private func target(_ account: Int64, _ text: String) throws -> ExpandedTarget {
        ExpandedTarget(account: account, address: try address(text))
    }

    @Test func strangersDoNotRelay() throws {
        for role in [ClientRole.mx, .submission, .lmtp] {
            let result = try admit(.address(address("a@example.net")), client(role), ScriptedDirectory())
            #expect(try reply(result.decision) == "554 5.7.1 <a@example.net>: Relay access denied")
        }
        let literal = try admit(.address(address("a@[192.0.2.9]")), client(.mx), ScriptedDirectory())
        #expect(try reply(literal.decision).hasPrefix("554 5.7.1"))
    }

    @Test func aLoginSendsAnywhere() throws {
        let result = try admit(
            .address(address("a@example.net")), client(.submission, login: "fbi@example.org"), ScriptedDirectory()
        )
        let recipient = try address("a@example.net")
        #expect(result.decision == .accept(AdmittedRecipient(address: recipient, local: [], remote: [recipient])))
    }

    @Test func unknownAndDisabledAreRefused() throws {
        let directory = ScriptedDirectory()
        directory.recipients["off@example.org"] = .disabled
        let unknown = try admit(.address(address("no@example.org")), client(.mx), directory)
        #expect(try reply(unknown.decision) == "550 5.1.1 <no@example.org>: User unknown")
        let disabled = try admit(.address(address("off@example.org")), client(.mx), directory)
        #expect(try reply(disabled.decision) == "550 5.2.1 <off@example.org>: Mailbox disabled")
    }

    @Test func anAliasIsExpandedWithATrace() throws {
        let directory = ScriptedDirectory()
        let expansion = Expansion(
            local: [try target(1, "fbi@example.org")], remote: [try address("x@example.net")],
            steps: [ExpansionStep(rule: "alias", before: "info@example.org", after: "fbi@example.org, x@example.net")],
            origin: "directory revision 7"
        )
        directory.recipients["info@example.org"] = .targets(expansion)
        let result = try admit(.address(address("info@example.org")), client(.mx), directory)
        guard case .accept(let admitted) = result.decision else { return #expect(Bool(false)) }
        #expect(admitted.local == expansion.local && admitted.remote == expansion.remote)
        #expect(
            result.trace.text == """
                expansion/alias: info@example.org → fbi@example.org, x@example.net [directory revision 7]
                admission/recipient: <info@example.org> → fbi@example.org, x@example.net [directory revision 7]
                routing/mx: x@example.net → MX of example.net [built in]
                tls/outbound: example.net → may (unless TLSA records or an MTA-STS policy ask for more) [built in]
                """
        )
    }

    @Test func quotaIsJudgedWithTheDeclaredSize() throws {
        let directory = ScriptedDirectory()
        directory.recipients["fbi@example.org"] = .targets(Expansion(local: [try target(1, "fbi@example.org")]))
        let path = WrittenPath.address(try address("fbi@example.org"))
        #expect(throws: Never.self) { try admit(path, client(.mx), directory, size: 1234) }
        #expect(directory.asked.last == .quota(account: 1, size: 1234))
        let full = ScriptedDirectory()
        full.recipients = directory.recipients
        full.full = [1]
        let result = try admit(path, client(.mx), full)
        #expect(try reply(result.decision) == "452 4.2.2 <fbi@example.org>: Mailbox is over quota")
    }

    @Test func oneFullMailboxBehindAnAliasKeepsNothingBack() throws {
        let directory = ScriptedDirectory()
        let both = [try target(1, "a@example.org"), try target(2, "b@example.org")]
        directory.recipients["all@example.org"] = .targets(Expansion(local: both))
        directory.full = [2]
        let result = try admit(.address(address("all@example.org")), client(.mx), directory)
        guard case .accept(let admitted) = result.decision else { return #expect(Bool(false)) }
        #expect(admitted.local == both)
        #expect(result.trace.contains { $0.rule == "quota" && $0.before == "b@example.org" })
    }

    @Test(arguments: [
        ("mail.example.org", ["example.org", "a.example"], "postmaster@example.org"),
        ("mail.example.org", ["mail.example.org", "example.org"], "postmaster@mail.example.org"),
        ("mail.example.net", ["b.example", "a.example"], "postmaster@a.example"),
        ("example.org", ["example.org"], "postmaster@example.org"),
    ])
    func postmasterAloneIsOurs(hostname: String, hosted: [String], expected: String) throws {
        let directory = ScriptedDirectory()
        directory.hosted = Set(hosted)
        directory.recipients[expected] = .targets(Expansion(local: [try target(1, "fbi@example.org")]))
        let result = try admit(.unqualified("PostMaster"), client(.mx), directory, hostname: hostname)
        guard case .accept(let admitted) = result.decision else { return #expect(Bool(false)) }
        #expect(admitted.address.description == expected)
        #expect(result.trace.first?.rule == "postmaster")
    }

    @Test(arguments: [
        ("postmaster@mail.example.org", "postmaster@example.org"), ("Abuse@MAIL.example.org", "postmaster@example.org"),
        ("MAILER-DAEMON@mail.example.org", "postmaster@example.org"),
        ("postmaster@[192.0.2.1]", "postmaster@example.org"), ("postmaster@[192.0.2.2]", nil),
        ("fbi@mail.example.org", nil), ("postmaster@mail.example.net", nil),
    ])
    func thePostmasterOfTheHostIsOurs(written: String, expected: String?) throws {
        let directory = ScriptedDirectory()
        directory.hosted = ["example.org"]
        directory.recipients["postmaster@example.org"] = .targets(Expansion(local: [try target(1, "fbi@example.org")]))
        let result = try admit(.address(address(written)), client(.mx), directory, server: "192.0.2.1")
        switch result.decision {
        case .accept(let admitted): #expect(admitted.address.description == expected)
        case .reject(let reply): #expect(expected == nil && reply.code == 554)
        }
    }

    @Test func theHostsAddressesAreTheDomainsWhereItIsOne() throws {
        let directory = ScriptedDirectory()
        directory.hosted = ["mail.example.org"]
        let local = [try target(1, "a@mail.example.org")]
        directory.recipients["abuse@mail.example.org"] = .targets(Expansion(local: local))
        let result = try admit(.address(address("abuse@mail.example.org")), client(.mx), directory)
        guard case .accept(let admitted) = result.decision else { return #expect(Bool(false)) }
        #expect(admitted.address.description == "abuse@mail.example.org")
    }

    @Test func postmasterWithoutAnyDomainWaits() throws {
        let directory = ScriptedDirectory()
        directory.hosted = []
        let result = try admit(.unqualified("postmaster"), client(.mx), directory)
        #expect(try reply(result.decision).hasPrefix("451 4.3.0"))
    }

    @Test func otherNamesNeedADomainOrALogin() throws {
        let stranger = try admit(.unqualified("fbi"), client(.mx), ScriptedDirectory())
        #expect(try reply(stranger.decision).hasPrefix("550 5.1.3"))
        let empty = try admit(.null, client(.mx), ScriptedDirectory())
        #expect(try reply(empty.decision).hasPrefix("501 5.1.3"))
        let directory = ScriptedDirectory()
        directory.recipients["bob@example.org"] = .targets(Expansion(local: [try target(2, "bob@example.org")]))
        let user = try admit(.unqualified("bob"), client(.submission, login: "fbi@example.org"), directory)
        guard case .accept(let admitted) = user.decision else { return #expect(Bool(false)) }
        #expect(admitted.address.description == "bob@example.org")
    }

    @Test func aDirectoryThatIsAwayDefers() throws {
        let directory = ScriptedDirectory()
        directory.failing = true
        let result = try admit(.address(address("a@example.net")), client(.mx), directory)
        #expect(try reply(result.decision).hasPrefix("451 4.3.0"))
    }
}
