import Testing

@testable import Compat

@Suite struct MainCFTests {
    private func read(_ text: String) -> MainCF { MainCF(Array(text.utf8)) }

    @Test func `comments and empty lines end no continuation`() {
        let main = read("a = 1,\n# comment\n\n\t2\n  # indented comment\n 3\nb=4 \r\n")
        #expect(main["a"]?.value == "1,\t2 3")
        #expect(main["a"]?.line == 1)
        #expect(main["b"] == MainCF.Entry(name: "b", value: "4", line: 7))
        #expect(main.problems.isEmpty)
    }

    @Test func `there are no comments behind values`() {
        #expect(read("relayhost = [mx.test] # the provider")["relayhost"]?.value == "[mx.test] # the provider")
    }

    @Test func `the last line of a name holds, and says so`() {
        let main = read("a = 1\nb = 2\na = 3\n")
        #expect(main.entries.map(\.name) == ["a", "b"])
        #expect(main["a"] == MainCF.Entry(name: "a", value: "3", line: 3))
        #expect(main.problems.map(\.kind) == [.overridden])
        #expect(main.problems.first?.line == 3)
    }

    @Test(arguments: [
        ("just words\n", "no `=` after `just words`"), ("= 3", "no parameter name before `=`"),
        ("two words = 3", "no `=` after `two`"), (" a = 1", "the first line begins with a blank"),
    ])
    func `lines that Postfix would not start with are told`(text: String, message: String) {
        #expect(read(text).problems == [MainCF.Problem(kind: .malformed, line: 1, message: message)])
    }

    @Test func `octets that are no text are told`() {
        #expect(MainCF([0x61, 0x3D, 0xFF]).problems.map(\.kind) == [.malformed])
        #expect(read("a = \0").problems.map(\.kind) == [.malformed])
        #expect(read("").entries.isEmpty)
    }
}

@Suite struct MasterCFTests {
    private func read(_ text: String) -> MasterCF { MasterCF(Array(text.utf8)) }

    @Test func `services with overrides, in each way of writing them`() throws {
        let master = read(
            """
            # service type  private unpriv  chroot  wakeup  maxproc command + args
            smtp      inet  n       -       y       -       -       smtpd
            127.0.0.1:submission inet n - y - - smtpd
              -o syslog_name=postfix/submission
              -o smtpd_tls_security_level=encrypt -osmtpd_sasl_auth_enable=yes
              -o { smtpd_client_restrictions = permit_sasl_authenticated, reject } -v
            # -o milter_macro_daemon_name=ORIGINATING
            [::1]:25 inet n - y - - smtpd
            dovecot unix - n n - - pipe flags=DRhu user=vmail argv={ a b } ${user}

            """)
        #expect(master.problems.isEmpty)
        #expect(master.services.map(\.name) == ["smtp", "127.0.0.1:submission", "[::1]:25", "dovecot"])
        let submission = try #require(master.services.dropFirst().first)
        #expect(
            submission.overrides.map(\.name) == [
                "syslog_name", "smtpd_tls_security_level", "smtpd_sasl_auth_enable", "smtpd_client_restrictions",
            ])
        #expect(submission.overrides.last?.value == "permit_sasl_authenticated, reject")
        #expect(submission.arguments == ["-v"])
        #expect(submission.port == ("127.0.0.1", "submission"))
        #expect(master.services[2].port == ("::1", "25"))
        #expect(master.services[0].port == (nil, "smtp"))
        #expect(master.services[3].arguments == ["flags=DRhu", "user=vmail", "argv={", "a", "b", "}", "${user}"])
    }

    @Test func `what stands twice is told, and the last one holds`() {
        let master = read(
            """
            submission inet n - y - - smtpd
              -o smtpd_client_restrictions=permit_sasl_authenticated,reject
              -o smtpd_client_restrictions=permit_mynetworks
            submission inet n - n - - smtpd
            """)
        #expect(master.problems.map(\.kind) == [.overridden, .overridden])
        #expect(master.services.count == 1)
        #expect(master.services.first?.overrides.isEmpty == true)
    }

    @Test(arguments: [
        "smtp inet n - y -", "smtp tcp n - y - - smtpd", "smtp inet n - y - - smtpd -o",
        "smtp inet n - y - - smtpd -o x",
        "smtp inet n - y - - smtpd -o { a = b", "smtp inet n - y - - smtpd { a }b", " smtp inet n - y - - smtpd",
    ])
    func `malformed services are told`(text: String) {
        #expect(read(text).problems.map(\.kind) == [.malformed])
        #expect(read(text).services.isEmpty)
    }
}
