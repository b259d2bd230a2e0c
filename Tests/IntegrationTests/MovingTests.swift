import Foundation
import MartletTesting
import Testing

/// Mail comes from Dovecot and goes back: Maildir, mbox, IMAP, fetch jobs. Imports, exports and the server are killed on the
/// way and go on. IT_LONG=1 moves 50,000 messages.
@Suite(.serialized, .server(), .enabled(if: Peer.present("dovecot", "mbsync")))
struct MovingTests {
    private static let isLong = ProcessInfo.processInfo.environment["IT_LONG"] == "1"

    private func run(_ server: ServerUnderTest, _ arguments: String...) async throws {
        var environment = server.scriptEnvironment
        environment["IT_MESSAGES"] = Self.isLong ? "50000" : "2000"
        let limit: Duration = Self.isLong ? .seconds(3600) : .seconds(300)
        expectSuccess(try await Peer.python("moving", arguments, environment: environment, timeout: limit))
    }

    @Test(arguments: ["packed", "maildir", "mbox", "live"])
    func moves(_ way: String) async throws {
        let server = try server()
        try await run(server, way)
        try? FileManager.default.removeItem(atPath: server.folder.file("dovecot"))
    }
}

/// Jobs fetch mail from Dovecot over POP3 and IMAP; the server is killed while they do, and each message comes once.
@Suite(.serialized, .server(), .enabled(if: Peer.present("dovecot")))
struct FetchTests {
    @Test func fetchesEachMessageOnce() async throws {
        let server = try server()
        expectSuccess(try await server.python("moving", "fetch", "begin", timeout: .seconds(180)))
        try await server.start()
        expectSuccess(try await server.python("moving", "fetch", "end", timeout: .seconds(180)))
        expectSuccess(try await server.python("moving", "hostile", timeout: .seconds(180)))
    }
}

/// Mail that is fetched while things go wrong: the server is killed again and again, tokens are withdrawn, messages can't
/// come. IT_ROUNDS says how often it is killed.
@Suite(.serialized, .enabled(if: Peer.present("dovecot", "openssl")))
struct FetchTroubleTests {
    @Test(arguments: Peer.cases("fetch_cases"))
    func fetches(name: String) async throws {
        var environment = ["IT_BINARY": try ServerUnderTest.binary()]
        for key in ["IT_ROUNDS", "IT_SEED"] { environment[key] = ProcessInfo.processInfo.environment[key] }
        let result = try await Peer.python("fetch_cases", [name], environment: environment, timeout: .seconds(300))
        #expect(result.succeeded, "\(result)")
    }

    @Test func theScriptHasCases() {
        #expect(Peer.cases("fetch_cases").count >= 3)
    }
}

/// What an operator does to mailboxes that people have open, and to messages that were damaged.
@Suite(.serialized, .enabled(if: Peer.present("openssl")))
struct MailboxCommandTests {
    @Test(arguments: Peer.cases("mailbox_cases"))
    func commands(name: String) async throws {
        let environment = ["IT_BINARY": try ServerUnderTest.binary()]
        let result = try await Peer.python("mailbox_cases", [name], environment: environment, timeout: .seconds(180))
        #expect(result.succeeded, "\(result)")
    }

    @Test func theScriptHasCases() {
        #expect(Peer.cases("mailbox_cases").count >= 3)
    }
}
