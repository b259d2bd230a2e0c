import MailSyntax
import Testing

@testable import SMTPCore

@Suite struct SMTPCommandParserTests {
    private func parse(_ line: String, dsn: Bool = false) -> Result<SMTPCommand, SMTPSyntaxError> {
        var parser = SMTPCommandParser()
        parser.offersDSN = dsn
        parser.offersAuthentication = true
        return Result { () throws(SMTPSyntaxError) in try parser.parse(Array(line.utf8)) }
    }

    private func sender(_ line: String, dsn: Bool = false) -> SMTPSender? {
        if case .success(.mail(let sender)) = parse(line, dsn: dsn) { return sender }
        return nil
    }

    private func refusal(_ line: String, dsn: Bool = false) -> Int? {
        if case .failure(.arguments(let reply)) = parse(line, dsn: dsn) { return reply.code }
        return nil
    }

    @Test(arguments: [
        ("MAIL FROM:<a@b.example>", "a@b.example"), ("mail from:<a@b.example>", "a@b.example"),
        ("MAIL FROM:<>", ""), ("MAIL FROM: <a@b.example>", "a@b.example"), ("MAIL FROM:<FBI>", "FBI"),
        ("MAIL FROM:<@x.example,@y.example:a@b.example>", "a@b.example"),
        ("MAIL FROM:<\"a>b\"@b.example>", "\"a>b\"@b.example"), ("MAIL FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("MAIL FROM:<a@b.example>  ", "a@b.example"),
    ])
    func `paths are read`(line: String, path: String) {
        #expect(sender(line)?.path.description == path)
    }

    @Test(arguments: [
        "MAIL", "MAIL FROM", "MAIL FROM:", "MAIL FROM:a@b.example", "MAIL FROM:<a@b.example",
        "MAIL FROM:<a b@c.example>",
        "MAIL FROM:<a@b.example>SIZE=1", "MAIL FROM:<a@>", "MAIL FROM:<@b.example>", "MAIL FROM:<a@b.example> =1",
        "RCPT TO:<>", "RCPT TO:<a@b..example>", "MAIL FROM:<.a>", "EHLO", "HELO a b", "BDAT", "BDAT x", "BDAT 1 2",
        "BDAT 99999999999999999999", "BDAT -1", "VRFY", "DATA x", "RSET x", "QUIT x", "AUTH", "AUTH PLAIN a b",
    ])
    func `bad arguments are refused`(line: String) {
        #expect(refusal(line) == 501)
    }

    @Test func `parameters are read`() {
        let sender = sender(
            "MAIL FROM:<a@b.example> SIZE=1000 BODY=8bitmime SMTPUTF8 RET=hdrs ENVID=x+2By AUTH=<>", dsn: true)
        #expect(sender?.size == 1000)
        #expect(sender?.body == .eightBitMIME)
        #expect(sender?.smtpUTF8 == true)
        #expect(sender?.dsnReturn == "HDRS")
        #expect(sender?.envelopeID == "x+y")
        #expect(sender?.authSender == "")
        let rcpt = parse("RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c.example", dsn: true)
        guard case .success(.rcpt(let recipient)) = rcpt else {
            Issue.record("\(rcpt)")
            return
        }
        #expect(recipient.notify == ["SUCCESS", "DELAY"])
        #expect(recipient.originalRecipient == "rfc822;a+b@c.example")
    }

    @Test(arguments: [
        "RET", "RET=BODY", "RET=FULL RET=FULL", "ENVID", "ENVID=a=b", "ENVID=+2b", "ENVID=+0A", "ENVID=+C3+A4",
        "ENVID=\u{e4}", "ENVID=" + String(repeating: "x", count: 101),
    ])
    func `bad reports of MAIL are refused`(parameter: String) {
        #expect(refusal("MAIL FROM:<a@b.example> \(parameter)", dsn: true) == 501)
    }

    @Test(arguments: [
        "NOTIFY", "NOTIFY=", "NOTIFY=ALWAYS", "NOTIFY=NEVER,FAILURE", "NOTIFY=NEVER,NEVER", "NOTIFY=SUCCESS,",
        "NOTIFY=SUCCESS,SUCCESS", "NOTIFY=NEVER NOTIFY=NEVER", "ORCPT", "ORCPT=rfc822", "ORCPT=rfc822;",
        "ORCPT=;a@b.example", "ORCPT=rfc822;a=b", "ORCPT=rfc822;+0D+0A", "ORCPT=rfc822;+C3+A4@b.example",
        "ORCPT=rfc822;\u{e4}@b.example", "ORCPT=a@b;c", "ORCPT=utf-8;\\x{110000}", "ORCPT=utf-8;\\x{0A}",
        "ORCPT=utf-8;\\x{+41}", "ORCPT=utf-8;\\x{41", "ORCPT=utf-8;a\\b", "ORCPT=utf-8;\u{85}",
        "ORCPT=rfc822;" + String(repeating: "x", count: 494),
    ])
    func `bad reports of RCPT are refused`(parameter: String) {
        #expect(refusal("RCPT TO:<a@b.example> \(parameter)", dsn: true) == 501)
    }

    @Test(arguments: [
        ("utf-8;gr\u{fc}n@b.example", "utf-8;gr\u{fc}n@b.example"),
        ("UTF-8;gr\\x{FC}n\\x{5C}@b.example", "UTF-8;gr\u{fc}n\\@b.example"),
        ("utf-8;gr+C3+BCn@b.example", "utf-8;gr\u{fc}n@b.example"), ("x400;/S=a", nil), ("x400;/S+3Da", "x400;/S=a"),
        ("rfc822;" + String(repeating: "x", count: 493), "rfc822;" + String(repeating: "x", count: 493)),
    ])
    func `original recipients are decoded`(written: String, read: String?) {
        let command = try? parse("RCPT TO:<a@b.example> ORCPT=\(written)", dsn: true).get()
        var original: String?
        if case .rcpt(let recipient) = command { original = recipient.originalRecipient }
        #expect(original == read)
    }

    @Test(arguments: [
        ("MAIL FROM:<a@b.example> FOO=1", 555), ("MAIL FROM:<a@b.example> RET=FULL", 555),
        ("MAIL FROM:<a@b.example> SIZE=1 SIZE=2", 501), ("MAIL FROM:<a@b.example> SIZE=x", 501),
        ("MAIL FROM:<a@b.example> SIZE", 501), ("MAIL FROM:<a@b.example> BODY", 501),
        ("MAIL FROM:<a@b.example> SMTPUTF8=1", 501), ("RCPT TO:<a@b.example> FOO FOO", 501),
        ("MAIL FROM:<a@b.example> BODY=9BIT", 501),
        ("MAIL FROM:<a@b.example> AUTH=+GG", 501), ("RCPT TO:<a@b.example> NOTIFY=NEVER", 555),
    ])
    func `bad parameters are refused`(line: String, code: Int) {
        #expect(refusal(line) == code)
    }

    @Test func `parameters of extensions that are not offered are unknown`() {
        let line = Array("MAIL FROM:<a@b.example> AUTH=<>".utf8)
        let unknown = SMTPReply(555, .init(5, 5, 4), "Unsupported option: AUTH")
        #expect(throws: SMTPSyntaxError.arguments(unknown)) { try SMTPCommandParser().parse(line) }
    }

    @Test(arguments: ["NOOP\t", "NOOP \t ", "NOOP x\t"])
    func `white space at the end is no part of a command`(line: String) {
        #expect((try? parse(line).get()) == .noop)
    }

    @Test func `NEVER stands alone`() {
        #expect(refusal("RCPT TO:<a@b.example> NOTIFY=NEVER,FAILURE", dsn: true) == 501)
        #expect(refusal("RCPT TO:<a@b.example> ORCPT=rfc822", dsn: true) == 501)
    }

    @Test(arguments: ["GET / HTTP/1.1", "POST /x HTTP/1.0", "Host: x", "\u{16}\u{3}\u{1}"])
    func `other protocols are recognized`(line: String) {
        #expect(parse(line) == .failure(.otherProtocol))
    }

    @Test(arguments: [
        ("1", 1), ("0", nil), ("00000000000000000007", 7), ("999999999999999999", 999_999_999_999_999_999),
        ("1000000000000000000", 999_999_999_999_999_999), ("99999999999999999999", 999_999_999_999_999_999),
    ])
    func `SIZE has up to twenty digits`(text: String, size: Int?) {
        #expect(sender("MAIL FROM:<a@b.example> SIZE=\(text)")?.path.description == "a@b.example")
        #expect(sender("MAIL FROM:<a@b.example> SIZE=\(text)")?.size == size)
        #expect(refusal("MAIL FROM:<a@b.example> SIZE=0\(text)x") == 501)
        #expect(refusal("MAIL FROM:<a@b.example> SIZE=\(String(repeating: "0", count: 20))\(text)") == 501)
    }

    @Test(arguments: ["\u{17F}TARTTLS", "R\u{17F}ET", "QU\u{131}T", "e\u{17F}mtp", "\u{FF24}ATA"])
    func `letters that only become ASCII in capitals make no verb`(line: String) {
        #expect(parse(line) == .failure(.unknownCommand))
        #expect(refusal("BDAT 1 LA\u{17F}T") == 501)
        #expect(refusal("MAIL FROM:<a@b.example> BODY=8B\u{131}TMIME") == 501)
    }

    @Test(arguments: ["", "ETRN x", "FOO", " NOOP", "NOOPX"])
    func `unknown verbs are unknown`(line: String) {
        #expect(parse(line) == .failure(.unknownCommand))
    }

    @Test func `no octets make it trap`() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("MAIL FROM:<>@\"\\ RCPTO=;,+[]\u{0}\u{FF}BDATUH0123456789abc".utf8)
        let parser = SMTPCommandParser()
        for _ in 0..<20_000 {
            let line = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            _ = try? parser.parse(Array("MAIL FROM:".utf8) + line)
            _ = try? parser.parse(line)
        }
    }
}
