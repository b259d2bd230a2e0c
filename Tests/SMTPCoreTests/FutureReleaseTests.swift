import MailSyntax
import Testing

@testable import SMTPCore

/// HOLDFOR and HOLDUNTIL. // RFC 4865 §3
@Suite struct FutureReleaseTests {
    private let now = Timestamp(microseconds: 1_795_255_200_400_000)

    private func parse(_ parameters: String, offers: Bool = true) -> Result<SMTPFutureRelease?, SMTPSyntaxError> {
        var parser = SMTPCommandParser()
        parser.offersFutureRelease = offers
        return Result { () throws(SMTPSyntaxError) in
            guard case .mail(let sender) = try parser.parse(Array("MAIL FROM:<a@b.example> \(parameters)".utf8)) else {
                return nil
            }
            return sender.release
        }
    }

    private func refusal(_ parameters: String, offers: Bool = true) -> String? {
        guard case .failure(.arguments(let reply)) = parse(parameters, offers: offers) else { return nil }
        return "\(reply.code) \(reply.enhanced?.description ?? "")"
    }

    @Test(arguments: [("HOLDFOR=1", 1), ("holdfor=3600", 3600), ("SIZE=5 HOLDFOR=999999999", 999_999_999)])
    func `an interval is one to nine digits`(_ test: (String, Int)) throws {
        let release = try #require(try parse(test.0).get())
        #expect(release == .after(seconds: test.1))
        #expect(release.request == "for;\(test.1)")
        #expect(release.time(from: now) == now.adding(.seconds(test.1)))
    }

    @Test func `a time is kept as it was written`() throws {
        let release = try #require(try parse("HOLDUNTIL=2026-11-21T12:00:00.25+02:00").get())
        #expect(release.time(from: now) == Timestamp(microseconds: 1_795_255_200_250_000))
        #expect(release.request == "until;2026-11-21T12:00:00.25+02:00")
    }

    @Test(arguments: [
        "HOLDFOR", "HOLDFOR=", "HOLDFOR=0", "HOLDFOR=01", "HOLDFOR=1000000000", "HOLDFOR=-1", "HOLDFOR=1h",
        "HOLDFOR=+31", "HOLDUNTIL", "HOLDUNTIL=", "HOLDUNTIL=3600", "HOLDUNTIL=2026-11-21T10:00:00",
        "HOLDUNTIL=2026-02-30T10:00:00Z", "HOLDUNTIL=2026-11-21T10:00:00Z.", "HOLDFOR=1 HOLDFOR=1",
        "HOLDFOR=60 HOLDUNTIL=2026-11-21T10:00:00Z", "HOLDUNTIL=2026-11-21T10:00:00Z HOLDFOR=60",
    ])
    func `anything else is refused`(_ parameters: String) {
        #expect(refusal(parameters) == "501 5.5.4")
    }

    @Test func `where it is not offered the parameter is unknown`() {
        #expect(refusal("HOLDFOR=60", offers: false) == "555 5.5.4")
        #expect(refusal("HOLDUNTIL=x", offers: false) == "555 5.5.4")
    }

    private func session(
        _ role: SMTPSessionConfiguration.Role, longest: Int,
        change: (inout SMTPSessionConfiguration) -> Void = { _ in }
    ) -> SMTPSession {
        var configuration = SMTPSessionConfiguration(
            hostname: "mx.example.org", role: role, offersTLS: true, limits: SMTPLimits())
        configuration.futureRelease = longest
        change(&configuration)
        return SMTPSession(configuration: configuration, isTLS: true)
    }

    private func keyword(_ session: SMTPSession) -> String? {
        session.keywords.first { $0.hasPrefix("FUTURERELEASE") }
    }

    // RFC 4865 §4.2
    @Test func `EHLO tells users the longest wait and the latest time`() {
        var session = session(.submission, longest: 86_400)
        #expect(keyword(session) == nil)
        _ = session.lineReceived(Array("EHLO c".utf8), now: now)
        #expect(keyword(session) == "FUTURERELEASE 86400 2026-11-22T10:00:00Z")
        // Not what would be true later: the client goes by what it was told.
        _ = session.lineReceived(Array("NOOP".utf8), now: now.adding(.seconds(100)))
        #expect(session.latestRelease == Timestamp(seconds: 1_795_255_200 + 86_400))
        _ = session.lineReceived(Array("HELO c".utf8), now: now)
        #expect(session.latestRelease == nil)
        _ = session.lineReceived(Array("EHLO c".utf8), now: now)
        session.tlsEstablished()
        #expect(session.latestRelease == nil)
    }

    @Test(arguments: [SMTPSessionConfiguration.Role.mx, .lmtp, .device, .sendmail])
    func `nobody else is told`(_ role: SMTPSessionConfiguration.Role) {
        var session = session(role, longest: 86_400)
        _ = session.lineReceived(Array((role == .lmtp ? "LHLO c" : "EHLO c").utf8), now: now)
        #expect(keyword(session) == nil)
        #expect(!session.offersFutureRelease)
    }

    @Test func `nothing is offered when it is off, or where nobody can log in`() {
        for (longest, authentication) in [(0, SMTPSessionConfiguration.Authentication.required), (60, .off)] {
            var session = session(.submission, longest: longest) { $0.authentication = authentication }
            _ = session.lineReceived(Array("EHLO c".utf8), now: now)
            #expect(keyword(session) == nil)
        }
    }
}
