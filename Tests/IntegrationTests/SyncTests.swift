import Foundation
import Glibc
import MartletTesting
import Testing

/// mbsync keeps a Maildir and the server alike, in both directions, and finds nothing to do when nothing changed.
@Suite(.serialized, .server(), .enabled(if: Peer.present("mbsync")))
struct SyncTests {
    /// - Parameter debug: tells what is said over the connection too.
    private func sync(_ server: ServerUnderTest, debug: Bool = false) async throws -> ProcessResult {
        _ = try Peer.require("mbsync")
        let result = try await ProcessRunner.run(
            ["mbsync", debug ? "-Dn" : "-V", "-c", server.folder.file("mbsyncrc"), "all"],
            environment: ["HOME": server.folder.path],
            timeout: .seconds(240)
        )
        expectSuccess(result)
        return result
    }

    private func configure(
        _ server: ServerUnderTest, maildir name: String = "maildir", isCompressed: Bool = true
    ) throws {
        let maildir = server.folder.file(name)
        try server.folder.makeFolder(name)
        try server.folder.write(
            """
            IMAPAccount martlet
            Host localhost
            Port \(server.port(993))
            User \(ServerUnderTest.account)
            Pass "\(ServerUnderTest.password)"
            SSLType IMAPS\(isCompressed ? "" : "\nDisableExtensions COMPRESS=DEFLATE")
            CertificateFile \(server.folder.file("sync")).crt

            IMAPStore far
            Account martlet

            MaildirStore near
            SubFolders Verbatim
            Path \(maildir)/
            Inbox \(maildir)/INBOX

            Channel all
            Far :far:
            Near :near:
            Patterns *
            Create Both
            Remove Both
            Expunge Both
            CopyArrivalDate yes
            SyncState *

            """,
            to: "mbsyncrc"
        )
    }

    /// Both sides as they are: files with their names (which hold flags), mailboxes with their highest mod-sequences.
    private func state(_ server: ServerUnderTest) async throws -> [String] {
        let far = try await server.python("tool", "state")
        expectSuccess(far)
        return server.folder.files(in: "maildir").filter { !$0.contains("/.") }.sorted() + [far.output]
    }

    /// Runs mbsync once more and expects that it changes nothing on either side.
    private func expectNothingToDo(_ server: ServerUnderTest, _ when: Comment) async throws {
        let before = try await state(server)
        _ = try await sync(server)
        let after = try await state(server)
        #expect(before == after, when)
    }

    @Test func syncsBothWays() async throws {
        let server = try server()
        // mbsync wants the name that it connects to in the certificate.
        let certificate = try await server.makeCertificate("sync", names: ["localhost", ServerUnderTest.hostname])
        try await server.stop()
        try await server.start(["MARTLET_TLS_CERTIFICATES": certificate])
        try configure(server)
        expectSuccess(try await server.python("tool", "fill", "5"))
        _ = try await sync(server)
        #expect(messages(server).count == 5, "pulled")
        try await expectNothingToDo(server, "a second run has nothing to do")
        // isync compresses wherever a server can, here too.
        let said = try await sync(server, debug: true)
        #expect(said.text.contains("COMPRESS DEFLATE"))

        // A flag and new messages here, and a deletion there
        let paths = messages(server)
        let marked = try #require(paths.first)
        let name = URL(filePath: marked).lastPathComponent
        let stem = name.split(separator: ":").first.map(String.init) ?? name
        try FileManager.default.moveItem(
            atPath: marked,
            toPath: server.folder.file("maildir/INBOX/cur/\(stem):2,F")
        )
        for number in 1...20 {
            let text = "Subject: local <\(number)>\n\nwritten here\n"
            try server.folder.write(text, to: "maildir/INBOX/new/1700000000.\(number).here")
        }
        _ = try await sync(server)
        expectSuccess(try await server.python("tool", "expect", "25", "1", "local <7>"))
        try await expectNothingToDo(server, "nothing to do again")

        // The rest without compression
        try configure(server, isCompressed: false)
        expectSuccess(try await server.python("tool", "delete-first"))
        _ = try await sync(server)
        #expect(messages(server).count == 24, "the deletion came here")
        try await expectNothingToDo(server, "nothing to do at the end")
    }

    /// Five thousand messages, with mbsync and then the server killed on the way there and on the way back: nothing is
    /// lost, nothing comes twice.
    @Test func resumesAfterInterruptions() async throws {
        let server = try server()
        let certificate = try await server.makeCertificate("sync", names: ["localhost", ServerUnderTest.hostname])
        try await server.stop()
        try await server.start(["MARTLET_TLS_CERTIFICATES": certificate])
        try configure(server, maildir: "large")
        expectSuccess(try await server.python("tool", "fill-fast", "4000", timeout: .seconds(200)))
        let command = ["mbsync", "-q", "-c", server.folder.file("mbsyncrc"), "all"]
        for part in [500, 2000] {
            let interrupted = try ChildProcess.start(command, environment: ["HOME": server.folder.path])
            try await eventually(within: .seconds(120), "mbsync has pulled \(part)") {
                messages(server, in: "large").count >= part || !interrupted.isRunning
            }
            interrupted.signal(SIGKILL)
            #expect(await interrupted.waitForExit(.seconds(20)))
        }
        _ = try await sync(server)
        #expect(messages(server, in: "large").count == 4000, "pulled, each once")

        // A thousand written here go there, over a server that is killed meanwhile
        for number in 4001...5000 {
            try server.folder.write(
                "Subject: filled \(number)\nMessage-ID: <\(number)@filled.example>\n\nwritten here\n",
                to: "large/INBOX/new/1700000000.\(number).here")
        }
        let pushing = try ChildProcess.start(command, environment: ["HOME": server.folder.path])
        try await eventually(within: .seconds(120), "some of them have arrived") {
            let count = try await server.python("tool", "count", ServerUnderTest.account)
            return (Int(count.output.filter(\.isNumber)) ?? 0) >= 4200 || !pushing.isRunning
        }
        server.signal(SIGKILL)
        #expect(await pushing.waitForExit(.seconds(60)))
        try await server.start(["MARTLET_TLS_CERTIFICATES": certificate])
        _ = try await sync(server)
        expectSuccess(try await server.python("tool", "subjects", "5000", timeout: .seconds(120)))
        #expect(messages(server, in: "large").count == 5000)
    }

    private func messages(_ server: ServerUnderTest, in maildir: String = "maildir") -> [String] {
        server.folder.files(in: "\(maildir)/INBOX/cur") + server.folder.files(in: "\(maildir)/INBOX/new")
    }
}
