import MailConfig
import MailSyntax
import Testing

@testable import MailPolicy

/// Users of this host, who send by the `sendmail` command.
@Suite
struct LocalUserTests {
    private func admit(
        _ path: WrittenPath, uid: UInt32 = 1000, name: String? = "fbi", trusted: [String] = [], failing: Bool = false
    ) throws -> (decision: SenderDecision, trace: [TraceStep]) {
        let directory = ScriptedDirectory()
        directory.failing = failing
        directory.recipients["boss@example.org"] = .targets(Expansion(local: []))
        directory.recipients["gone@example.org"] = .disabled
        directory.recipients["fbi@example.org"] = .targets(Expansion(local: []))
        var manifest = Manifest()
        manifest.server.hostname = "mail.example.org"
        manifest.rewrite.origin = DomainName("example.org")
        manifest.sendmail.trustedUsers = trusted
        let here = try #require(IPAddress("127.0.0.1"))
        let client = ClientFacts(address: here, role: .sendmail, localUser: uid, localUserName: name)
        return try directory.run {
            Policy.admitSender(SenderFacts(client: client, path: path), rules: PolicyRules(manifest), $0)
        }
    }

    @Test
    func `a name becomes the user's address, and the trace says who`() throws {
        let result = try admit(.unqualified("fbi"))
        #expect(result.decision == .accept(.address(try address("fbi@example.org"))))
        #expect(result.trace.last?.note == "accepted from uid=1000 (fbi)")
    }

    @Test(arguments: ["fbi@example.org", "nobody-here@example.org", "x@elsewhere.example"])
    func `addresses of oneself and of nobody are free`(text: String) throws {
        #expect(try admit(.address(address(text))).decision == .accept(.address(try address(text))))
    }

    @Test(arguments: ["boss@example.org", "gone@example.org", "BOSS@EXAMPLE.ORG"])
    func `addresses of others are refused`(text: String) throws {
        guard case .reject(let reply) = try admit(.address(address(text))).decision else {
            Issue.record("accepted")
            return
        }
        #expect(reply.code == 553 && reply.enhanced.description == "5.7.1")
        #expect(reply.text.contains("not owned by uid=1000 (fbi)"))
    }

    @Test
    func `root and trusted users may name anybody`() throws {
        let boss = try address("boss@example.org")
        #expect(try admit(.address(boss), uid: 0, name: "root").decision == .accept(.address(boss)))
        #expect(try admit(.address(boss), name: "www", trusted: ["www"]).decision == .accept(.address(boss)))
        guard case .reject = try admit(.address(boss), name: nil, trusted: ["www"]).decision else {
            Issue.record("a user without a name is not trusted")
            return
        }
    }

    @Test
    func `the null sender is everybody's, and a directory that is away defers`() throws {
        #expect(try admit(.null).decision == .accept(.null))
        guard case .reject(let reply) = try admit(.address(address("boss@example.org")), failing: true).decision else {
            Issue.record("accepted")
            return
        }
        #expect(reply.code == 451)
    }
}
