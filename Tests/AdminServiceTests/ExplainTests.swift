import Foundation
import MailConfig
import MailPolicy
import MailSyntax
import MailTables
import SMTPServer
import SQLEngine
import Testing

@testable import AdminService
@testable import Directory

/// Each folder of Tests/Fixtures/explain holds a manifest, a question, and what is explained.
@Suite struct ExplainTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/explain")

    static let cases: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { !$0.hasPrefix(".") }
        .sorted()

    /// `example.org` with alice and bob, where `info` is an alias, `away` one that leads to `home@far.example`, and `team` one of both, who may send as it; whatever is sent to `catch.example` is alice's.
    static func directory() throws -> DirectorySnapshot {
        func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }
        let time = Timestamp(seconds: 0)
        let alice = try address("alice@example.org")
        let accounts = try ["alice", "bob"].enumerated().map { index, name in
            Account(
                id: AccountID(rawValue: Int64(index + 1)), address: try address("\(name)@example.org"), name: nil,
                isEnabled: true, quota: nil, createdAt: time)
        }
        let domains = [
            DirectoryDomain(
                id: 1, name: try #require(DomainName("example.org")), kind: .hosted, catchAll: nil, createdAt: time),
            DirectoryDomain(
                id: 2, name: try #require(DomainName("catch.example")), kind: .hosted, catchAll: alice, createdAt: time),
            DirectoryDomain(
                id: 3, name: try #require(DomainName("sends.example")), kind: .sendOnly, catchAll: nil, createdAt: time),
        ]
        let keys = try ["example.org", "sends.example"].enumerated().map { index, name in
            DKIMKeyRow(
                id: Int64(index), domain: try #require(DomainName(name)), selector: "rsa1", algorithm: "rsa",
                privateKey: "", createdAt: time)
        }
        let info = Alias(id: 1, address: try address("info@example.org"), targets: [alice])
        let away = Alias(id: 3, address: try address("away@example.org"), targets: [try address("home@far.example")])
        let team = Alias(
            id: 2, address: try address("team@example.org"), targets: accounts.map(\.address), membersSend: true)
        return DirectorySnapshot(
            revision: 7, domains: domains, accounts: accounts, aliases: [info, team, away], dkimKeys: keys,
            recipientDelimiters: "+")
    }

    static func explain(_ manifest: String, _ question: ExplainQuestion) async throws -> Explanation {
        let loaded = try ManifestLoader.load(text: manifest, file: "martlet.yaml").get()
        let directory = try directory()
        let answers = PolicyAnswers(
            snapshot: { directory }, hasRoom: { _, _ in true }, tables: TableStore(try TableSet(loaded.manifest)),
            sent: { _ in SendCounts(messages: .init(minute: 3, hour: 60, day: 100)) })
        var explainer = try Explainer(
            question, rules: PolicyRules(loaded), directory: directory, answer: { await answers.answer($0) })
        return try await explainer.explain()
    }

    private static func question(_ command: String) -> ExplainQuestion {
        var question = ExplainQuestion(from: "", to: [])
        var words = command.split(whereSeparator: \.isWhitespace).map(String.init)[...]
        while let option = words.popFirst(), let value = words.popFirst() {
            switch option {
            case "--from": question.from = value
            case "--to": question.to.append(value)
            case "--client": question.client = value
            case "--auth": question.auth = value
            case "--header-from": question.headerFrom = value
            case "--size": question.size = Int(value)
            case "--listener": question.listener = value
            case "--found": question.found = value.replacing(",", with: " ")
            default: Issue.record("unknown option \(option)")
            }
        }
        return question
    }

    private static func found(_ text: String, client: String? = nil) -> ExplainQuestion {
        var question = ExplainQuestion(from: "a@far.example", to: ["alice@example.org"], client: client)
        question.found = text
        return question
    }

    @Test func `there are at least twelve cases`() {
        #expect(Self.cases.count >= 12)
    }

    /// `RECORD_SNAPSHOTS=1` writes what is explained now, and fails.
    @Test(arguments: cases)
    func `a decision is explained`(name: String) async throws {
        let folder = Self.folder.appending(path: name)
        let manifest = try String(contentsOf: folder.appending(path: "martlet.yaml"), encoding: .utf8)
        let command = try String(contentsOf: folder.appending(path: "command"), encoding: .utf8)
        let explanation = try await Self.explain(manifest, Self.question(command))
        let file = folder.appending(path: "expected.txt")
        if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
            try explanation.text.write(to: file, atomically: true, encoding: .utf8)
            Issue.record("recorded \(name)")
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == explanation.text)
        let json = try JSONDecoder().decode(Explanation.self, from: JSONEncoder().encode(explanation))
        #expect(json == explanation)
        #expect(!explanation.summary.isEmpty)
    }

    @Test(arguments: [
        (ExplainQuestion(from: "not an address@", to: ["b@example.org"]), "not an address"),
        (ExplainQuestion(from: "", to: ["b@example.org"], client: "10.0.0"), "not an IP address"),
        (ExplainQuestion(from: "", to: ["b@example.org"], listener: "imap"), "no listener for mail is called imap"),
        (found("spf"), "\"spf\" is not a result"), (found("spf=perhaps"), "\"spf=perhaps\" is not a result"),
        (found("dmarc=fail"), "depends on the policy"), (found("list=yes"), "nothing was found"),
        (found("spf=fail", client: "10.0.0.1"), "one of our own clients"),
    ])
    func `a question that makes no sense is refused`(_ test: (ExplainQuestion, String)) async throws {
        let error = await #expect(throws: AdminError.self) {
            _ = try await Self.explain("server: {hostname: mail.example.org}\nrelay: {networks: [10.0.0.0/8]}", test.0)
        }
        #expect(error?.description.contains(test.1) == true)
    }
}
