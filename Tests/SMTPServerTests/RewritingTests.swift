import Directory
import MailConfig
import MailIntake
import MailMessage
import MailPolicy
import MailSyntax
import OutboundQueue
import SMTPCore
import SMTPServer
import Testing

/// What rewriting makes of messages as they are taken in.
@Suite struct RewritingTests {
    struct Taken {
        var replies: [String]
        var acceptance: Acceptance?
        var text = ""

        var header: [String] {
            let head = text.split(separator: "\r\n\r\n", maxSplits: 1).first ?? ""
            return head.split(separator: "\r\n").map(String.init)
        }
        var remote: [String] { acceptance?.remote.map(\.address.description) ?? [] }
        var local: [Int64] { acceptance?.local.map(\.account.rawValue) ?? [] }
        var last: String { replies.last ?? "" }
    }

    private static let source = TableSource(format: .text, content: .entries([]))

    /// Sends a message from loopback, which is a trusted network unless `isStranger`.
    func send(
        _ lines: [String], from: String = "alice@example.org", to: [String], isStranger: Bool = false,
        role: SMTPSessionConfiguration.Role = .mx, tables: [TablePurpose: [String: String]] = [:],
        rewrite change: (inout Manifest.Rewrite) throws -> Void = { _ in }
    ) async throws -> Taken {
        var manifest = Manifest()
        manifest.server.hostname = "mx.example.org"
        if !isStranger { manifest.relay.networks = [try #require(IPNetwork("127.0.0.0/8"))] }
        for purpose in tables.keys { Self.name(purpose, &manifest.rewrite) }
        try change(&manifest.rewrite)
        let rules = PolicyRules(manifest)
        let backend = FakeBackend(tables: tables)
        let server = TestServer(backend: backend)
        let replies = Replies()
        try await server.run(role, adjust: { $0.rules = rules }) { client, _ in
            _ = await client.reply()
            await client.send(role == .lmtp ? "LHLO c.example\r\n" : "EHLO c.example\r\n")
            _ = await client.reply()
            await client.send("MAIL FROM:<\(from)>\r\n")
            await replies.add(client.reply())
            for recipient in to {
                await client.send("RCPT TO:<\(recipient)>\r\n")
                await replies.add(client.reply())
            }
            guard await replies.last.hasPrefix("2") else {
                await client.send("QUIT\r\n")
                return
            }
            await client.send("DATA\r\n")
            _ = await client.reply()
            await client.send(lines.joined(separator: "\r\n") + "\r\n.\r\nQUIT\r\n")
            await replies.add(client.reply())
        }
        var taken = Taken(replies: await replies.all, acceptance: backend.messages.first)
        if taken.acceptance != nil { taken.text = try backend.text(0) }
        return taken
    }

    private actor Replies {
        private(set) var all: [String] = []
        var last: String { all.last ?? "" }
        func add(_ reply: String) { all.append(reply) }
    }

    private static func name(_ purpose: TablePurpose, _ rewrite: inout Manifest.Rewrite) {
        switch purpose {
        case .senderCanonical: rewrite.senderCanonical = [source]
        case .recipientCanonical: rewrite.recipientCanonical = [source]
        case .canonical: rewrite.canonical = [source]
        case .virtual: rewrite.virtual = [source]
        case .senderBCC: rewrite.senderBCC = [source]
        case .recipientBCC: rewrite.recipientBCC = [source]
        case .headerChecks: rewrite.headerChecks = [source]
        case .mimeHeaderChecks: rewrite.mimeHeaderChecks = [source]
        case .nestedHeaderChecks: rewrite.nestedHeaderChecks = [source]
        default: Issue.record("no table for \(purpose)")
        }
    }

    private static let message = [
        "From: Alice <alice@example.org>", "To: bob@far.example, root", "Subject: hello", "", "body alice@example.org",
    ]

    @Test func `canonical addresses stand in envelope and header`() async throws {
        let tables: [TablePurpose: [String: String]] = [
            .canonical: ["alice@example.org": "a@isp.example", "bob@far.example": "bob@new.example"]
        ]
        let taken = try await send(Self.message, to: ["bob@far.example"], tables: tables)
        #expect(taken.acceptance?.reversePath.description == "a@isp.example")
        #expect(taken.remote == ["bob@new.example"])
        #expect(taken.acceptance?.remote.first?.originalRecipient == "rfc822;bob@far.example")
        #expect(taken.header.contains("From: Alice <a@isp.example>"))
        #expect(taken.header.contains("To: bob@new.example, root@mx.example.org"))
        #expect(taken.text.hasSuffix("\r\n\r\nbody alice@example.org\r\n"))
        #expect(taken.acceptance?.index.envelope.from.first?.host == Array("isp.example".utf8))
    }

    @Test func `the header of a stranger is not rewritten, its envelope is`() async throws {
        let tables: [TablePurpose: [String: String]] = [.canonical: ["alice@example.org": "a@isp.example"]]
        let own = try await send(Self.message, to: ["alice@example.org"], isStranger: true, tables: tables)
        #expect(own.acceptance?.reversePath.description == "a@isp.example")
        #expect(own.header.contains("From: Alice <alice@example.org>"))
        let all = try await send(
            Self.message, to: ["alice@example.org"], isStranger: true, tables: tables
        ) { $0.headerClients = .all }
        #expect(all.header.contains("From: Alice <a@isp.example>"))
    }

    @Test func `virtual aliases expand a recipient and leave the header alone`() async throws {
        let tables: [TablePurpose: [String: String]] = [
            .virtual: ["info@example.org": "alice@example.org, x@far.example"]
        ]
        let taken = try await send(Self.message, to: ["info@example.org"], isStranger: true, tables: tables)
        #expect(taken.local == [1])
        #expect(taken.remote == ["x@far.example"])
        #expect(taken.header.contains("To: bob@far.example, root"))
    }

    @Test func `copies stand in the envelope alone and are silent`() async throws {
        let tables: [TablePurpose: [String: String]] = [
            .senderBCC: ["alice@example.org": "archive@far.example"],
            .recipientBCC: ["bob@far.example": "alice@example.org"],
        ]
        let taken = try await send(Self.message, to: ["bob@far.example"], tables: tables)
        #expect(taken.remote == ["bob@far.example", "archive@far.example"])
        #expect(taken.local == [1])
        #expect(taken.acceptance?.remote.last?.notify == .never)
        #expect(!taken.text.contains("archive"))
    }

    @Test(arguments: [
        ("IGNORE", "-"), ("REPLACE Subject: bye", "Subject: bye"), ("PREPEND X-A: 1", "X-A: 1|Subject: hello"),
        ("WARN x", "Subject: hello"), ("DUNNO", "Subject: hello"), ("STRIP why", "-"),
    ])
    func `header checks change fields`(_ action: String, _ expected: String) async throws {
        let tables: [TablePurpose: [String: String]] = [.headerChecks: ["subject: hello": action]]
        let taken = try await send(Self.message, to: ["bob@far.example"], tables: tables)
        let fields = taken.header.filter { $0.hasPrefix("Subject") || $0.hasPrefix("X-A") }.joined(separator: "|")
        #expect((fields.isEmpty ? "-" : fields) == expected)
        #expect(taken.header.first?.hasPrefix("Received:") == true)
        #expect(taken.text.hasSuffix("\r\n\r\nbody alice@example.org\r\n"))
    }

    @Test func `header checks see folded fields, and those that are removed leave the rest`() async throws {
        let lines = ["X-Long: a", "\tb", "Subject: s", "", "text"]
        let tables: [TablePurpose: [String: String]] = [.headerChecks: ["x-long: a\n\tb": "REPLACE X-Short: a\nb"]]
        let taken = try await send(lines, to: ["bob@far.example"], tables: tables)
        #expect(taken.header.dropLast(3).suffix(3) == ["X-Short: a", "\tb", "Subject: s"])
    }

    @Test func `header checks refuse, discard, redirect, copy and hold`() async throws {
        func taken(_ action: String, role: SMTPSessionConfiguration.Role = .mx) async throws -> Taken {
            try await send(
                Self.message, to: ["alice@example.org"], role: role,
                tables: [.headerChecks: ["subject: hello": action]])
        }
        let refused = try await taken("REJECT 5.7.2 go away")
        #expect(refused.last == "550 5.7.2 go away")
        #expect(refused.acceptance == nil)
        let discarded = try await taken("DISCARD")
        #expect(discarded.last.hasPrefix("250 2.0.0"))
        #expect(discarded.local.isEmpty && discarded.remote.isEmpty)
        let redirected = try await taken("REDIRECT x@far.example")
        #expect(redirected.local.isEmpty)
        #expect(redirected.remote == ["x@far.example"])
        let copied = try await taken("BCC x@far.example")
        #expect(copied.local == [1])
        #expect(copied.remote == ["x@far.example"])
        let held = try await taken("HOLD")
        #expect(held.acceptance?.held == true)
    }

    @Test func `our own Received can be checked too`() async throws {
        var own = ""
        let plain = try await send(Self.message, to: ["bob@far.example"])
        own = plain.header.first ?? ""
        #expect(own.hasPrefix("Received: from c.example"))
        let lines = ["Received: from inside", "Subject: x", "", "text"]
        let tables: [TablePurpose: [String: String]] = [.headerChecks: ["received: from inside": "IGNORE"]]
        let taken = try await send(lines, to: ["bob@far.example"], tables: tables)
        #expect(taken.header.filter { $0.hasPrefix("Received") }.count == 1)
    }

    @Test func `a table that does not answer defers`() async throws {
        let atMail = try await send(
            Self.message, to: ["bob@far.example"], tables: [.senderCanonical: ["alice@example.org": "!"]])
        #expect(atMail.replies.first?.hasPrefix("451 4.3.0") == true)
        let inHeader = try await send(
            Self.message, to: ["bob@far.example"], tables: [.canonical: ["root@mx.example.org": "!"]])
        #expect(inHeader.last.hasPrefix("451 4.3.0"))
        let checks = try await send(
            Self.message, to: ["bob@far.example"], tables: [.headerChecks: ["subject: hello": "!"]])
        #expect(checks.last.hasPrefix("451 4.3.0"))
        let copies = try await send(
            Self.message, to: ["bob@far.example"], tables: [.recipientBCC: ["bob@far.example": "!"]])
        #expect(copies.last.hasPrefix("451 4.3.0"))
        for taken in [atMail, inHeader, checks, copies] { #expect(taken.acceptance == nil) }
    }

    @Test func `a stranger hears nothing of what an alias sends on`() async throws {
        let taken = try await send(Self.message, from: "joe@far.example", to: ["away@example.org"], isStranger: true)
        #expect(taken.remote == ["x@far.example"])
        #expect(taken.acceptance?.remote.first?.notify == .never)
        #expect(taken.acceptance?.forwardedFrom == nil)
        let own = try await send(Self.message, to: ["away@example.org"])
        #expect(own.acceptance?.remote.first?.notify == .standard)
    }

    @Test func `with SRS what an alias sends on leaves from an address of ours`() async throws {
        let taken = try await send(
            Self.message, from: "joe@far.example", to: ["away@example.org", "alice@example.org"], isStranger: true
        ) { $0.srs = .init(domain: try #require(DomainName("example.org")), secret: .environment("X")) }
        #expect(taken.acceptance?.forwardedFrom?.description == "SRS0=joe@example.org")
        #expect(taken.acceptance?.reversePath.description == "joe@far.example")
        #expect(taken.acceptance?.remote.first?.notify == .standard)
    }

    @Test func `copies and redirection work for LMTP too`() async throws {
        let copied = try await send(
            Self.message, to: ["alice@example.org"], role: .lmtp,
            tables: [.headerChecks: ["subject: hello": "BCC x@far.example"]])
        #expect(copied.last.hasPrefix("250 2.1.5"))
        #expect(copied.acceptance?.remote.map(\.address.description) == ["x@far.example"])
    }
}
