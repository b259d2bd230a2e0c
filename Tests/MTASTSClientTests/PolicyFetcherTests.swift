import DNSCore
import MTASTSClient
import MailAuth
import MartletTesting
import NIOPosix
import Testing

/// Policies from web servers, good ones and others.
@Suite("Fetching policies", .enabled(if: Peer.present("openssl", "python3")))
struct PolicyFetcherTests {
    static let text = "version: STSv1\r\nmode: enforce\r\nmx: *.one.test\r\nmax_age: 86400\r\n"

    struct Case: Sendable, CustomStringConvertible {
        var host: String
        var failure = TLSReportFailure.policyFetchError
        var words: String
        var description: String { host }
    }

    /// Each server, and what is said of it; the first names the text.
    static let cases: [Case] = [
        Case(host: "silent.test", words: "did not answer in time"),
        Case(host: "drip.test", words: "did not answer in time"),
        Case(host: "endless.test", failure: .policyInvalid, words: "sends more than 65536 octets"),
        Case(host: "large.test", failure: .policyInvalid, words: "sends more than 65536 octets"),
        Case(host: "gone.test", words: "mta-sts.gone.test failed"),
        Case(host: "html.test", failure: .policyInvalid, words: "sends text/html, not text/plain"),
        Case(host: "redirect.test", words: "answers 302"),
        Case(host: "none.test", words: "answers 404"),
        Case(host: "named.test", failure: .webPKIInvalid, words: "the certificate of mta-sts.named.test is not valid"),
        Case(host: "old.test", failure: .webPKIInvalid, words: "the certificate of mta-sts.old.test is not valid"),
        Case(host: "stranger.test", failure: .webPKIInvalid, words: "is not valid"),
        Case(host: "nowhere.test", words: "the name mta-sts.nowhere.test can't be resolved"),
    ]

    static let files: [String: String] = [
        "good.test": text, "silent.test.hang": "", "drip.test.drip": text, "endless.test.endless": text,
        "large.test": String(repeating: "x", count: 65_537), "full.test": String(repeating: "x", count: 65_536),
        "gone.test.gone": text, "html.test.html": "<html>", "redirect.test.redirect": "good.test",
        "named.test": text, "old.test": text, "stranger.test": text,
    ]

    @Test("What a server sends is taken only as it must be", .timeLimit(.minutes(2)))
    func fetches() async throws {
        let shop = try await CertificateWorkshop.make()
        let hosts = files(but: ["named.test"]).map { "DNS:mta-sts.\($0)" }.joined(separator: ",")
        try await shop.issue("web", names: hosts)
        try await shop.issue("old", names: "DNS:mta-sts.old.test", days: -1)
        let stranger = try await CertificateWorkshop.make()
        try await stranger.issue("stranger", names: "DNS:mta-sts.stranger.test")
        for end in ["crt", "key"] {
            try shop.folder.write(stranger.folder.text(of: "stranger.\(end)"), to: "stranger.\(end)")
        }
        let server = try await PolicyServerPeer.start(
            shop, Self.files, certificates: ["old.test": "old", "stranger.test": "stranger"])
        let resolver = ScriptedResolver()
        for item in Self.cases where item.host != "nowhere.test" {
            resolver.addresses("mta-sts.\(item.host)", "127.0.0.1")
        }
        for host in ["good.test", "full.test"] { resolver.addresses("mta-sts.\(host)", "127.0.0.1") }
        let fetcher = HTTPSPolicyFetcher(
            group: .singletonMultiThreadedEventLoopGroup, resolver: resolver, patience: .seconds(3))
        let options = PolicyFetchOptions(caFile: shop.caFile, port: server.port)
        #expect(try await fetcher.fetch("good.test", options) == Array(Self.text.utf8))
        #expect(try await fetcher.fetch("full.test", options).count == 65_536)
        await withTaskGroup(of: Void.self) { group in
            for item in Self.cases {
                group.addTask {
                    do throws(PolicyFetchError) {
                        let text = try await fetcher.fetch(item.host, options)
                        Issue.record("\(item.host): \(text.count) octets")
                    } catch {
                        #expect(error.description.contains(item.words), "\(item.host): \(error)")
                        #expect(error.failure == item.failure, "\(item.host): \(error)")
                    }
                }
            }
        }
        let closed = PolicyFetchOptions(caFile: shop.caFile, port: Peer.freePorts(1)[0])
        await #expect(throws: PolicyFetchError.self) { try await fetcher.fetch("good.test", closed) }
        let unreadable = PolicyFetchOptions(caFile: shop.folder.file("nothing"), port: server.port)
        await #expect(throws: PolicyFetchError.self) { try await fetcher.fetch("good.test", unreadable) }
        await server.stop()
    }

    private func files(but missing: Set<String>) -> [String] {
        (Self.cases.map(\.host) + ["good.test", "full.test"]).filter { !missing.contains($0) }
    }
}
