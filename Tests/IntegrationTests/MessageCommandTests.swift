import Foundation
import MartletTesting
import Testing

/// `martlet check message` and `check arc` beside a name server, without a manifest and without a server.
@Suite(.enabled(if: Peer.present("unbound", "python3", "openssl")), .timeLimit(.minutes(2)))
struct MessageCommandTests {
    private struct Report: Decodable {
        struct Signature: Decodable {
            var result: String
            var domain: String?
            var selector: String?
            var algorithm: String?
        }

        var dkim: [Signature]
    }

    private static func fixture(_ name: String) -> String { Peer.fixtures.appending(path: "DKIM/\(name)").path }

    private let home: TemporaryFolder

    init() throws {
        home = try TemporaryFolder()
    }

    private func check(_ zone: ZonePeer, _ arguments: String...) async throws -> ProcessResult {
        try await ProcessRunner.run(
            [try ServerUnderTest.binary(), "check"] + arguments + ["--dns", zone.forwarder],
            environment: ["HOME": home.path], folder: home.path)
    }

    /// RFC 6376 appendix A, RFC 8463 appendix A
    @Test func `the signed messages of the standards pass, and fail when a word is changed`() async throws {
        let records = try String(contentsOfFile: Self.fixture("records"), encoding: .utf8)
        let zone = try await ZonePeer.start(
            zones: ["example.com."], records: records.split(separator: "\n").map(String.init))
        for (name, signers) in [
            ("rfc6376-a.eml", ["example.com brisbane rsa-sha256"]),
            (
                "rfc8463-a.eml",
                ["football.example.com brisbane ed25519-sha256", "football.example.com test rsa-sha256"]
            ),
        ] {
            let told = try await check(zone, "message", Self.fixture(name), "--json")
            #expect(told.status == 0, "\(name): \(told)")
            let report = try JSONDecoder().decode(Report.self, from: Data(told.output.utf8))
            #expect(report.dkim.map(\.result) == signers.map { _ in "pass" }, "\(name): \(told.output)")
            #expect(
                report.dkim.map { "\($0.domain ?? "") \($0.selector ?? "") \($0.algorithm ?? "")" } == signers)
            let text = try String(contentsOfFile: Self.fixture(name), encoding: .utf8)
            try home.write(text.replacing("hungry", with: "Hungry"), to: "changed.eml")
            let changed = try await check(zone, "message", home.file("changed.eml"))
            #expect(changed.status == 1 && changed.output.contains("body hash did not verify"), "\(name): \(changed)")
            let header = text.replacing("Is dinner ready?", with: "Is supper ready?")
            try home.write(header, to: "changed.eml")
            let forged = try await check(zone, "message", home.file("changed.eml"))
            #expect(forged.status == 1 && forged.output.contains("signature did not verify"), "\(name): \(forged)")
        }
        await zone.stop()
        let late = try await check(zone, "message", Self.fixture("rfc6376-a.eml"))
        #expect(late.status == 75 && late.output.contains("temperror"), "\(late)")
    }

    @Test func `a chain that dkimpy seals passes, and fails when a word is changed`() async throws {
        let key = try await ProcessRunner.run(["openssl", "genrsa", "-traditional", "2048"]).output
        try home.write(key, to: "key.pem")
        let der = try await ProcessRunner.run(
            ["openssl", "rsa", "-in", home.file("key.pem"), "-pubout", "-outform", "PEM"])
        let digits = der.output.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
        let pieces = stride(from: 0, to: digits.utf8.count, by: 200).map { "\"\(digits.dropFirst($0).prefix(200))\"" }
        let zone = try await ZonePeer.start(
            zones: ["peer.example."],
            records: ["s._domainkey.peer.example. TXT \"v=DKIM1; p=\" \(pieces.joined(separator: " "))"])
        let message =
            "Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.org\r\n"
            + "From: a@example.org\r\nTo: b@example.net\r\nSubject: One\r\nDate: today\r\n\r\nHello\r\n"
        try home.write(message, to: "in.eml")
        let sealed = try await Peer.python("dkim_peer", ["arc-sign", home.path, "peer.example"])
        #expect(sealed.succeeded, "\(sealed)")
        let told = try await check(zone, "arc", home.file("out.eml"))
        #expect(told.status == 0 && told.output.contains("peer.example"), "\(told)")
        let text = try String(contentsOfFile: home.file("out.eml"), encoding: .utf8)
        try home.write(text.replacing("Hello", with: "Hallo"), to: "changed.eml")
        let changed = try await check(zone, "arc", home.file("changed.eml"))
        #expect(changed.status == 1 && changed.output.contains("message signature 1"), "\(changed)")
        await zone.stop()
    }
}
