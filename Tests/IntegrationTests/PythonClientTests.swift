import MartletTesting
import Testing

/// Python's own clients walk what the server can do; each case is a function in Tests/Fixtures/Clients.
@Suite(.serialized, .server())
struct PythonClientTests {
    @Test("smtplib", arguments: Peer.cases("smtp_cases"))
    func smtp(name: String) async throws {
        expectSuccess(try await server().python("smtp_cases", name))
    }

    @Test("imaplib", arguments: Peer.cases("imap_cases"))
    func imap(name: String) async throws {
        expectSuccess(try await server().python("imap_cases", name))
    }

    @Test("poplib", arguments: Peer.cases("pop3_cases"))
    func pop3(name: String) async throws {
        expectSuccess(try await server().python("pop3_cases", name))
    }

    @Test("changes of the directory", arguments: Peer.cases("directory_cases"))
    func directory(name: String) async throws {
        expectSuccess(try await server().python("directory_cases", name))
    }

    @Test func theScriptsHaveCases() {
        for (script, least) in [
            ("smtp_cases", 15), ("imap_cases", 18), ("pop3_cases", 8), ("hostile_cases", 10), ("directory_cases", 6),
        ] {
            #expect(Peer.cases(script).count >= least, "\(script)")
        }
    }
}

/// Peers that mean harm or know no better, over real sockets: the answer is clear, others are served on, nothing breaks.
@Suite(.serialized, .server(["MARTLET_SMTP_TIMEOUTS_COMMAND": "3s", "MARTLET_SMTP_TIMEOUTS_GREETING": "3s"]))
struct HostilePeerTests {
    @Test(arguments: Peer.cases("hostile_cases"))
    func isAnswered(name: String) async throws {
        let server = try server()
        expectSuccess(try await server.python("hostile_cases", name))
        #expect(server.isRunning)
    }
}

/// IMAP clients that mean harm or know no better: answered or ended, others are served on, and memory stays flat.
@Suite(.serialized, .server())
struct HostileIMAPClientTests {
    @Test(arguments: Peer.cases("imap_hostile_cases"))
    func isAnswered(name: String) async throws {
        let server = try server()
        expectSuccess(try await server.python("imap_hostile_cases", name, timeout: .seconds(300)))
        #expect(server.isRunning)
    }
}

/// POP3 clients that mean harm or know no better: answered or ended, others are served on, and nothing is lost.
@Suite(.serialized, .server())
struct HostilePOP3ClientTests {
    @Test(arguments: Peer.cases("pop3_hostile_cases"))
    func isAnswered(name: String) async throws {
        let server = try server()
        expectSuccess(try await server.python("pop3_hostile_cases", name, timeout: .seconds(300)))
        #expect(server.isRunning)
    }
}

/// The transcripts, played against the whole program; SMTPServerTests and their like play them against sessions alone.
@Suite(.serialized, .server(everyKind: true))
struct TranscriptTests {
    @Test("every keyword of EHLO, CAPA and CAPABILITY has a transcript that runs", arguments: ["smtp", "imap", "pop3"])
    func keywords(protocolName: String) async throws {
        expectSuccess(try await server().python("transcripts", "keywords", protocolName, timeout: .seconds(120)))
    }

    @Test("every transcript of commands runs", arguments: ["smtp", "imap", "pop3"])
    func commands(protocolName: String) async throws {
        expectSuccess(try await server().python("transcripts", "commands", protocolName, timeout: .seconds(120)))
    }
}

/// The transcripts of what is off until an operator asks for it.
@Suite(.serialized, .server(everyMechanism: true))
struct MechanismTranscriptTests {
    @Test(arguments: ["imap", "pop3"], ["keywords", "commands"])
    func everyMechanismHasATranscriptThatRuns(protocolName: String, what: String) async throws {
        expectSuccess(
            try await server().python("transcripts", what, protocolName, "every-mechanism", timeout: .seconds(120)))
    }
}

@Suite(.serialized, .server(["MARTLET_POP3_LOGIN_DELAY": "3600s"]))
struct LoginDelayTranscriptTests {
    @Test func theLoginDelayHasATranscriptThatRuns() async throws {
        expectSuccess(try await server().python("transcripts", "keywords", "pop3", "waiting", timeout: .seconds(120)))
    }
}
