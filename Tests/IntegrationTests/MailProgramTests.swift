import MartletTesting
import Testing

/// The programs that people read and send mail with.
@Suite(.serialized, .server())
struct MailProgramTests {
    // MARK: swaks

    private func swaks(_ words: String...) async throws -> ProcessResult {
        _ = try Peer.require("swaks")
        return try await ProcessRunner.run(["swaks", "--server", "127.0.0.1", "--helo", "peer.example"] + words)
    }

    @Test(.enabled(if: Peer.present("swaks"))) func swaksDelivers() async throws {
        let server = try server()
        let port = "\(server.port(25))"
        expectSuccess(try await swaks("--port", port, "--from", "a@b.example", "--to", ServerUnderTest.account))
        expectSuccess(
            try await swaks("--port", port, "--from", "a@b.example", "--to", ServerUnderTest.account, "--tls"))
        let twice = "\(ServerUnderTest.account),\(ServerUnderTest.second)"
        expectSuccess(try await swaks("--port", port, "--from", "<>", "--to", twice, "--pipeline"))
    }

    @Test(.enabled(if: Peer.present("swaks"))) func swaksIsRefused() async throws {
        let port = "\(try server().port(25))"
        let unknown = try await swaks("--port", port, "--from", "a@b.example", "--to", "nobody@example.test")
        #expect(unknown.status == 24 && unknown.text.contains("550 5.1.1"), "\(unknown)")
        let relay = try await swaks("--port", port, "--from", "a@b.example", "--to", "someone@elsewhere.example")
        #expect(relay.status == 24 && relay.text.contains("554 5.7.1"), "\(relay)")
        // Not even in our own name: who is not logged in does not send to others.
        let own = try await swaks("--port", port, "--from", ServerUnderTest.account, "--to", "x@elsewhere.example")
        #expect(own.status != 0, "\(own)")
    }

    @Test(.enabled(if: Peer.present("swaks")), arguments: ["PLAIN", "LOGIN"], [587, 465])
    func swaksSubmits(mechanism: String, standardPort: Int) async throws {
        let server = try server()
        let result = try await swaks(
            "--port", "\(server.port(standardPort))", standardPort == 465 ? "--tls-on-connect" : "--tls",
            "--auth", mechanism, "--auth-user", ServerUnderTest.account, "--auth-password", ServerUnderTest.password,
            "--from", ServerUnderTest.account, "--to", ServerUnderTest.second)
        expectSuccess(result)
        let path = result.output
        #expect(path.contains("235 2.7.0"), "\(path)")
    }

    @Test(.enabled(if: Peer.present("swaks"))) func swaksIsRefusedAtSubmission() async throws {
        let port = "\(try server().port(587))"
        let login = ["--auth-user", ServerUnderTest.account, "--auth-password"]
        let base = ["swaks", "--server", "127.0.0.1", "--port", port, "--to", ServerUnderTest.second]
        let wrong = try await ProcessRunner.run(
            base + ["--tls", "--auth", "PLAIN", "--from", ServerUnderTest.account] + login + ["wrong"])
        #expect(wrong.status == 28 && wrong.text.contains("535 5.7.8"), "\(wrong)")
        let forged = try await ProcessRunner.run(
            base + ["--tls", "--auth", "PLAIN", "--from", "ceo@example.test"] + login + [ServerUnderTest.password])
        #expect(forged.status == 23 && forged.text.contains("553 5.7.1"), "\(forged)")
        let plaintext = try await ProcessRunner.run(
            base + ["--auth", "PLAIN", "--from", ServerUnderTest.account] + login + [ServerUnderTest.password])
        #expect(plaintext.status == 28, "\(plaintext)")
    }

    // MARK: curl

    private func curl(_ words: String..., input: String = "") async throws -> ProcessResult {
        _ = try Peer.require("curl")
        let credentials = "\(ServerUnderTest.account):\(ServerUnderTest.password)"
        return try await ProcessRunner.run(
            ["curl", "--silent", "--show-error", "--insecure", "--max-time", "20", "--user", credentials] + words,
            input: input
        )
    }

    @Test(.enabled(if: Peer.present("curl"))) func curlListsReadsAndAppends() async throws {
        let server = try server()
        let base = "imaps://127.0.0.1:\(server.port(993))"
        let list = try await curl(base)
        expectSuccess(list)
        #expect(list.output.contains("INBOX") && list.output.contains("\\Sent"), "\(list)")
        let text = "From: a@b.example\r\nSubject: by curl\r\n\r\nappended by curl\r\n"
        let file = try server.folder.write(text, to: "append.eml")
        expectSuccess(try await curl("-T", file, "\(base)/Archive"))
        let found = try await curl("\(base)/Archive?SUBJECT%20%22by%20curl%22")
        #expect(found.output.contains("* SEARCH 1"), "\(found)")
        let read = try await curl("\(base)/Archive;MAILINDEX=1")
        #expect(read.output == text, "\(read)")
        let section = try await curl("\(base)/Archive;MAILINDEX=1;SECTION=TEXT")
        #expect(section.output == "appended by curl\r\n", "\(section)")
        let status = try await curl(base, "--request", "STATUS Archive (MESSAGES)")
        #expect(status.output.contains("MESSAGES 1"), "\(status)")
        expectSuccess(try await curl("\(base)/Archive;MAILINDEX=1", "--request", "STORE 1 +FLAGS (\\Deleted)"))
        let starttls = try await curl("--ssl-reqd", "imap://127.0.0.1:\(server.port(143))")
        #expect(starttls.output.contains("INBOX"), "\(starttls)")
    }

    @Test(.enabled(if: Peer.present("curl"))) func curlSendsAndReadsByPOP3() async throws {
        let server = try server()
        expectSuccess(try await server.python("tool", "empty"))
        let mail =
            "From: \(ServerUnderTest.account)\nTo: \(ServerUnderTest.account)\nSubject: by smtps\n\nsent by curl\n"
        let file = try server.folder.write(mail, to: "send.eml")
        for (url, more) in [
            ("smtps://127.0.0.1:\(server.port(465))", "--silent"),
            ("smtp://127.0.0.1:\(server.port(587))", "--ssl-reqd"),
        ] {
            expectSuccess(
                try await curl(
                    url, more, "--crlf", "--mail-from", ServerUnderTest.account, "--mail-rcpt", ServerUnderTest.account,
                    "-T", file))
        }
        let base = "pop3s://127.0.0.1:\(server.port(995))"
        let list = try await curl("\(base)/")
        #expect(list.output.split(separator: "\r\n").count == 2, "\(list)")
        let message = try await curl("\(base)/2")
        #expect(message.output.hasSuffix("\r\n\r\nsent by curl\r\n"), "\(message)")
        #expect(message.output.contains("Subject: by smtps"))
        let uidls = try await curl("--request", "UIDL", "\(base)/")
        #expect(uidls.output.split(separator: "\r\n").count == 2, "\(uidls)")
    }

    // MARK: fetchmail

    @Test(.enabled(if: Peer.present("fetchmail")), arguments: ["pop3", "imap"], [true, false])
    func fetchmailReads(service: String, implicitTLS: Bool) async throws {
        _ = try Peer.require("fetchmail")
        let server = try server()
        expectSuccess(try await server.python("tool", "fill", "3"))
        let ports = ["pop3": (995, 110), "imap": (993, 143)][service] ?? (0, 0)
        let port = server.port(implicitTLS ? ports.0 : ports.1)
        let target = server.folder.file("fetched-\(service)-\(implicitTLS)")
        // fetchmail's sslproto "TLS1.2+" takes STARTTLS where `ssl` is not set
        let rules = """
            poll 127.0.0.1 service \(port) protocol \(service)
              user "\(ServerUnderTest.account)" password "\(ServerUnderTest.password)"
              keep fetchall no rewrite \(implicitTLS ? "ssl" : "") sslproto "TLS1.2+" no sslcertck
              mda "/bin/sh -c 'cat >> \(target)'"

            """
        let file = try server.folder.write(rules, to: "fetchmailrc", mode: 0o600)
        let home = ["FETCHMAILHOME": server.folder.path]
        let command = ["fetchmail", "-f", file, "--nosyslog", "--nodetach", "-d0", "--pidfile"]
        let first = try await ProcessRunner.run(command + [server.folder.file("fetchmail.pid")], environment: home)
        expectSuccess(first)
        let text = server.folder.text(of: "fetched-\(service)-\(implicitTLS)")
        for number in 1...3 { #expect(text.contains("Subject: filled \(number)"), "message \(number)\n\(first)") }
    }

    // MARK: mutt

    @Test(.enabled(if: Peer.present("mutt"))) func muttReadsAndCopies() async throws {
        _ = try Peer.require("mutt")
        let server = try server()
        expectSuccess(try await server.python("tool", "fill", "2"))
        let mailbox = server.folder.file("from-mutt")
        let settings = """
            set folder="imaps://127.0.0.1:\(server.port(993))/"
            set spoolfile="+INBOX"
            set imap_user="\(ServerUnderTest.account)"
            set imap_pass="\(ServerUnderTest.password)"
            set ssl_force_tls=yes
            set ssl_verify_host=no
            set ssl_verify_dates=no
            set certificate_file="\(server.data)/tls/self-signed.crt"
            set header_cache=""
            set confirmappend=no
            set confirmcreate=no
            set delete=yes
            set quit=yes
            set move=no
            set wait_key=no
            push "<tag-pattern>~s filled<enter><tag-prefix><copy-message>\(mailbox)<enter><quit>"

            """
        let file = try server.folder.write(settings, to: "muttrc")
        let result = try await ProcessRunner.run(
            ["script", "-qec", "mutt -n -F \(file)", "/dev/null"],
            environment: ["TERM": "vt100", "HOME": server.folder.path],
            timeout: .seconds(30)
        )
        let text = server.folder.text(of: "from-mutt")
        #expect(
            text.contains("Subject: filled 1") && text.contains("Subject: filled 2"),
            "\(result)\n\(server.log.suffix(2000))")
    }
}
