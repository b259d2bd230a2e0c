import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

@Suite struct SenderAdmissionTests {
    private func admit(
        _ path: WrittenPath, _ client: ClientFacts, _ directory: ScriptedDirectory = ScriptedDirectory()
    ) throws -> (decision: SenderDecision, trace: [TraceStep]) {
        try directory.run {
            Policy.admitSender(SenderFacts(client: client, path: path), rules: PolicyRules(Manifest()), $0)
        }
    }

    @Test func aStrangerMayUseAnyAddress() throws {
        let sender = try address("anyone@example.net")
        #expect(try admit(.address(sender), client(.mx)).decision == .accept(.address(sender)))
        #expect(try admit(.null, client(.mx)).decision == .accept(.null))
    }

    @Test func aStrangerNeedsADomain() throws {
        guard case .reject(let reply) = try admit(.unqualified("FBI"), client(.mx)).decision else {
            return #expect(Bool(false))
        }
        #expect(reply.code == 553 && reply.enhanced.description == "5.1.7")
    }

    @Test func submissionNeedsALogin() throws {
        let sender = try address("fbi@example.org")
        guard case .reject(let reply) = try admit(.address(sender), client(.submission)).decision else {
            return #expect(Bool(false))
        }
        #expect(reply.code == 530)
    }

    @Test(arguments: ["FBI@example.org", "info@Example.ORG"])
    func aLoginMayUseItsAddresses(text: String) throws {
        let result = try admit(.address(address(text)), client(.submission, login: "fbi@example.org"))
        #expect(result.decision == .accept(.address(try address(text))))
    }

    @Test(arguments: ["other@example.org", "fbi@example.net", "fbi@[192.0.2.1]"])
    func aLoginMayNotUseOthers(text: String) throws {
        for role in [ClientRole.submission, .mx] {
            let result = try admit(.address(address(text)), client(role, login: "fbi@example.org"))
            guard case .reject(let reply) = result.decision else { return #expect(Bool(false)) }
            #expect(reply.code == 553 && reply.enhanced.description == "5.7.1")
            #expect(reply.text.hasPrefix("<\(try address(text))>: Sender address rejected"))
        }
    }

    @Test func aLoginMayUseWhatItWasGranted() throws {
        let directory = ScriptedDirectory()
        directory.granted = [1: ["team@example.org": "granted to the members of team@example.org"]]
        let team = try address("team@example.org")
        let result = try admit(.address(team), client(.submission, login: "fbi@example.org"), directory)
        #expect(result.decision == .accept(.address(team)))
        #expect(
            result.trace == [
                TraceStep(
                    stage: "admission", rule: "sender-grant", origin: "directory revision 7",
                    before: "<team@example.org>", note: "granted to the members of team@example.org")
            ])
    }

    @Test func aGrantedAuthorNeedsNoSenderField() throws {
        let directory = ScriptedDirectory()
        directory.granted = [1: ["team@example.org": "granted to the members of team@example.org"]]
        let login = LoginFacts(account: 1, address: try address("fbi@example.org"))
        for (author, expected) in [
            ("team@example.org", SenderFieldDecision.keep), ("else@example.org", .write(login.address)),
        ] {
            let facts = SenderFieldFacts(login: login, author: try address(author), sender: nil)
            let result = try directory.run { Policy.judgeSenderField(facts, rules: PolicyRules(Manifest()), $0) }
            #expect(result.decision == expected, "\(author)")
        }
    }

    @Test(arguments: ["FBI", "", "two words"])
    func aPathWithoutADomainBecomesTheLogins(text: String) throws {
        let login = try address("fbi@example.org")
        let result = try admit(.unqualified(text), client(.submission, login: "fbi@example.org"))
        #expect(result.decision == .accept(.address(login)))
        #expect(
            result.trace == [
                TraceStep(
                    stage: "rewrite", rule: "sender-qualify", before: "<\(text)>", after: "<fbi@example.org>",
                    note: "has no domain"
                )
            ]
        )
    }

    @Test func notificationsMayHaveTheNullPath() throws {
        #expect(try admit(.null, client(.submission, login: "fbi@example.org")).decision == .accept(.null))
    }

    @Test func aDirectoryThatIsAwayDefers() throws {
        let directory = ScriptedDirectory()
        directory.failing = true
        let path = WrittenPath.address(try address("fbi@example.org"))
        let result = try admit(path, client(.submission, login: "fbi@example.org"), directory)
        guard case .reject(let reply) = result.decision else { return #expect(Bool(false)) }
        #expect(reply.code == 451 && reply.enhanced.isTemporaryFailure)
    }
}

@Suite struct HeaderFromTests {
    private func qualify(_ mailboxes: [String]?) throws -> HeaderFromDecision {
        let login = LoginFacts(account: 1, address: try address("fbi@example.org"))
        guard case .decided(let decision, _) = Policy.qualifyHeaderFrom(mailboxes, login: login) else {
            throw UnboundedEvaluation(lookups: [])
        }
        return decision
    }

    @Test func aNameGetsTheLoginsDomain() throws {
        #expect(try qualify(["FBI"]) == .qualify([.init(before: "FBI", after: try address("FBI@example.org"))]))
        let mixed = try qualify(["a@example.net", "root"])
        #expect(mixed == .qualify([.init(before: "root", after: try address("root@example.org"))]))
    }

    @Test func whatIsNoNameBecomesTheLogin() throws {
        #expect(try qualify(["<>\r\n"]) == .qualify([.init(before: "<>\r\n", after: try address("fbi@example.org"))]))
        #expect(try qualify([""]) == .qualify([.init(before: "", after: try address("fbi@example.org"))]))
    }

    @Test func aWholeAddressIsKeptAndAMissingOneAdded() throws {
        #expect(try qualify(["a@example.net"]) == .keep)
        #expect(try qualify(nil) == .add(try address("fbi@example.org")))
        #expect(try qualify([]) == .add(try address("fbi@example.org")))
    }
}
