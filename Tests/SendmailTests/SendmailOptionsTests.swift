import Testing

@testable import Sendmail

@Suite
struct SendmailOptionsTests {
    private func options(_ line: String, name: String = "sendmail") throws -> SendmailOptions {
        try SendmailOptions(name: name, arguments: line.split(separator: " ").map(String.init))
    }

    @Test
    func `PHP, cron and others call it their way`() throws {
        let php = try options("-t -i")
        #expect(php.readsRecipients && php.ignoresDots && php.mode == .send)
        let cron = try options("-FCronDaemon -odi -oem -oi root")
        #expect(cron.fullName == "CronDaemon" && cron.ignoresDots && cron.recipients == ["root"])
        let debian = try options("-i -FCronDaemon -B8BITMIME -oem root")
        #expect(debian.bodyType == "8BITMIME" && debian.recipients == ["root"])
        let joined = try options("-tif a@example.org")
        #expect(joined.readsRecipients && joined.ignoresDots && joined.sender == "a@example.org")
        let git = try options("-i -f me@example.org -- -odd@example.org b@example.org")
        #expect(git.recipients == ["-odd@example.org", "b@example.org"])
        let old = try options("-bm -f <> -N success,failure -R hdrs -V id+1 -O x=y -X file -v -G a@b")
        #expect(old.sender == "" && old.recipients == ["a@b"])
        #expect(try old.mailParameters == " RET=HDRS ENVID=id+2B1")
        #expect(try old.recipientParameters == " NOTIFY=SUCCESS,FAILURE")
    }

    @Test(arguments: [
        ("sendmail", "-bp", SendmailOptions.Mode.listQueue), ("mailq", "", .listQueue), ("sendmail", "-q", .flushQueue),
        ("sendmail", "-q30m", .flushQueue), ("sendmail", "-bs", .smtp), ("sendmail", "-bv a@b", .verify),
        ("newaliases", "", .newAliases), ("sendmail", "-bi", .newAliases), ("sendmail", "-I", .newAliases),
    ])
    func `modes are known by name and option`(name: String, line: String, mode: SendmailOptions.Mode) throws {
        #expect(try options(line, name: name).mode == mode)
    }

    @Test(arguments: ["-bd", "-bD", "-bq", "-z", "-f", "--config"])
    func `what is not done is refused`(line: String) {
        #expect(throws: SendmailOptions.Misuse.self) { try options(line) }
    }

    @Test(arguments: [("-N sometimes", true), ("-N never,failure", true), ("-R all", false)])
    func `DSN options are checked`(line: String, isNotify: Bool) throws {
        let options = try options(line)
        #expect(throws: SendmailOptions.Misuse.self) {
            _ = isNotify ? try options.recipientParameters : try options.mailParameters
        }
    }
}

@Suite
struct DotEnderTests {
    /// In one piece and octet by octet.
    private func pass(_ text: String) -> (whole: String, bytes: String, isOver: Bool) {
        var whole = DotEnder()
        let first = whole.pass(Array(text.utf8)[...]) + whole.finish()
        var single = DotEnder()
        var second: [UInt8] = []
        for byte in text.utf8 { second += single.pass([byte]) }
        second += single.finish()
        return (String(decoding: first, as: UTF8.self), String(decoding: second, as: UTF8.self), whole.isOver)
    }

    @Test(arguments: [
        ("a\n.\nb\n", "a\n"), ("a\r\n.\r\nb", "a\r\n"), (".\n", ""), ("a\n..\nb\n", "a\n..\nb\n"), ("a\n.", "a\n"),
        ("a.\n.b\n", "a.\n.b\n"), ("a\n.\rb\n", "a\n.\rb\n"), ("", ""), ("no end", "no end"),
    ])
    func `a dot alone on its line ends the text`(text: String, wanted: String) {
        let found = pass(text)
        #expect(found.whole == wanted)
        #expect(found.bytes == wanted)
    }
}

@Suite
struct HeaderRecipientsTests {
    @Test(arguments: [
        (
            "To: a@example.org, \"B, C\" <b@example.org>\nCc: root\nBcc: d@example.org\n\n",
            "a@example.org b@example.org root d@example.org"
        ),
        ("To: Friends: a@x.test, b@x.test;\n\n", "a@x.test b@x.test"), ("To: undisclosed-recipients:;\n\n", ""),
        ("To: a@x.test\nResent-To: b@x.test\n\n", "b@x.test"), ("Subject: x\n\n", ""),
        ("To:\n c@x.test,\n d@x.test\n\n", "c@x.test d@x.test"),
    ])
    func `recipients stand in To, Cc and Bcc`(header: String, wanted: String) {
        #expect(HeaderRecipients.of(Array(header.utf8)) == wanted.split(separator: " ").map(String.init))
    }
}
