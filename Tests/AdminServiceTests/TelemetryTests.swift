import Telemetry
import Testing

@Suite struct EventRenderingTests {
    private let time = EventTime(microseconds: 1_795_219_468_015_000)

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000Z"),
        (Int64(-1), "1969-12-31T23:59:59.999Z"),
        (Int64(951_782_400_000_000), "2000-02-29T00:00:00.000Z"),
        (Int64(4_107_542_399_999_999), "2100-02-28T23:59:59.999Z"),
    ])
    func `times are RFC 3339 in UTC`(microseconds: Int64, text: String) {
        #expect(EventTime(microseconds: microseconds).text == text)
    }

    @Test(arguments: [Int64.min, Int64.max])
    func `no time traps`(microseconds: Int64) {
        #expect(EventTime(microseconds: microseconds).text.hasSuffix("Z"))
    }

    private func login(_ user: String) -> MailEvent {
        let peer = MailEvent.Peer(session: "S1", listener: "imaps", client: "192.0.2.1", tls: "TLSv1.3")
        return .login(
            .init(
                outcome: .failure(reason: "invalid-credentials"), service: "imap", peer: peer, user: user,
                mechanism: "PLAIN"))
    }

    @Test func `a text line has time, name and fields in order`() {
        #expect(
            renderText(login("a@example.org"), at: time)
                == "2026-11-21T00:04:28.015Z mail login outcome=failure reason=invalid-credentials service=imap "
                + "user=a@example.org mechanism=PLAIN session=S1 listener=imaps client=192.0.2.1 tls=TLSv1.3")
    }

    @Test func `a JSON line has time, name and fields`() {
        let line = renderJSON(login("a\"b"), at: time)
        #expect(line.hasPrefix(#"{"time":"2026-11-21T00:04:28.015Z","event":"login","outcome":"failure","#))
        #expect(line.contains(#""user":"a\"b""#))
    }

    @Test(arguments: [
        "a\r\nmail accepted id=1", "\u{1B}[2J", "\u{0}", "\u{85}", "\u{2028}", "\u{202E}gpj", "\u{7F}", "\u{FEFF}",
        "\u{9B}31m",
    ])
    func `no peer writes a control character into the log`(hostile: String) {
        for line in [renderText(login(hostile), at: time), renderJSON(login(hostile), at: time)] {
            #expect(
                line.unicodeScalars.allSatisfy { scalar in
                    !(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value))
                        && ![0x2028, 0x202E, 0xFEFF].contains(scalar.value)
                })
            #expect(line.contains("\\"))
        }
    }

    @Test func `a value with blanks or equals signs is quoted`() {
        let line = renderText(login("a b=c \"d\" \\"), at: time)
        #expect(line.contains(#"user="a b=c \"d\" \\" mechanism"#))
    }

    @Test func `lists are joined in text and arrays in JSON`() {
        let peer = MailEvent.Peer(session: "S", listener: "mx", client: "::1")
        let event = MailEvent.accepted(
            .init(id: "I", peer: peer, from: "", to: ["a@b.c", "d@e.f"], size: 9, local: 2, remote: 0))
        #expect(renderText(event, at: time).contains("from=\"\" to=a@b.c,d@e.f size=9 local=2 remote=0"))
        #expect(renderJSON(event, at: time).contains(#""from":"","to":["a@b.c","d@e.f"],"size":9"#))
    }

    @Test func `a redacted value never shows`() {
        let secret = Redacted("hunter2")
        #expect("\(secret)" == "•••")
        #expect(String(reflecting: secret) == "•••")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(secret.reveal() == "hunter2")
    }

    @Test func `a recording sink keeps order`() {
        let sink = RecordingEventSink()
        sink.record(login("a"))
        sink.record(login("b"))
        #expect(sink.names == ["login", "login"])
        #expect(sink.events == [login("a"), login("b")])
    }
}
