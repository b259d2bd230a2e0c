import Testing

@testable import AdminService

@Suite struct CommandLineTests {
    @Test(arguments: [
        ("2GB", 2_000_000_000), ("500MB", 500_000_000), ("1GiB", 1 << 30), ("10 kB", 10_000), ("1g", 1_000_000_000),
        ("7B", 7),
    ])
    func `quotas have units`(text: String, octets: Int) throws {
        #expect(try QuotaText.parse(text) == octets)
    }

    @Test func `unlimited is a word`() throws {
        #expect(try QuotaText.parse("unlimited") == nil)
    }

    @Test(arguments: ["", "2", "0GB", "-1GB", "GB", "1.5GB", "9999999999TB", "2XB", "２GB"])
    func `other texts are refused with a remedy`(text: String) {
        let error = #expect(throws: AdminError.self) { try QuotaText.parse(text) }
        #expect(error?.status == .usage)
        #expect(error?.remedy != nil)
    }

    @Test func `tables line up and move no cursor`() {
        var table = TextTable(["A", "LONG"])
        table.add(["wide cell", "x\u{1B}[2Jy"])
        #expect(table.text == "A          LONG\nwide cell  x [2Jy\n")
    }

    @Test(arguments: [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000_000, "2 GB"), (999_960, "1 MB")])
    func `sizes are readable`(octets: Int, text: String) {
        #expect(Readable.size(octets) == text)
    }

    @Test func `made-up passwords differ and are easy to read out`() {
        let made = (0..<50).map { _ in PasswordGenerator.make() }
        #expect(Set(made).count == 50)
        #expect(made.allSatisfy { $0.count == 23 && !$0.contains { "0O1lIi".contains($0) } })
    }

    @Test(arguments: [
        ("rsa1", Set<String>(), "rsa1"), ("rsa1", Set(["rsa1"]), "rsa2"), ("ed", Set(["ed", "ed2"]), "ed3"),
    ])
    func `selectors count up`(usual: String, taken: Set<String>, free: String) {
        #expect(Operations.free(usual, taken) == free)
    }
}

@Suite struct SinkSessionTests {
    private let dialogue =
        "EHLO x\r\nMAIL FROM:<a@b.c> SIZE=3\r\nRCPT TO:<d@e.f>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"

    @Test func `a message is taken at every split`() {
        let bytes = Array(dialogue.utf8)
        for split in 0...bytes.count {
            var session = SinkSession()
            var replies: [String] = []
            var taken: [MailSink.Received] = []
            for part in [bytes[..<split], bytes[split...]] {
                session.received(Array(part))
                while let step = session.next() {
                    replies.append(String(step.reply.prefix(3)))
                    if let message = step.message { taken.append(message) }
                }
            }
            #expect(replies == ["250", "250", "250", "354", "250", "221"])
            #expect(taken.first?.from == "a@b.c")
            #expect(taken.first?.to == ["d@e.f"])
            #expect(taken.first?.message == Array("Subject: x\r\n\r\n.dot\r\n".utf8))
        }
    }

    @Test func `an endless message ends the session`() {
        var session = SinkSession()
        session.received(Array(repeating: 0x41, count: (1 << 20) + 1))
        #expect(session.next()?.isLast == true)
    }
}
