import DNSCore
import Foundation
import MailReports
import MartletTesting
import NIOPosix
import Testing

/// Reports to a real HTTPS server, whose certificate nobody knows.
@Suite(.serialized, .enabled(if: Peer.present("openssl", "python3")))
struct ReportPosterTests {
    private struct Receiver {
        let folder: TemporaryFolder
        let port: Int
        let process: ChildProcess

        init() async throws {
            folder = try TemporaryFolder()
            let (chain, key) = (folder.file("r.crt"), folder.file("r.key"))
            let made = try await ProcessRunner.run([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "3",
                "-subj", "/CN=nobody.example", "-keyout", key, "-out", chain,
            ])
            #expect(made.succeeded, "\(made)")
            let port = Peer.freePorts(1).first ?? 0
            self.port = port
            try folder.makeFolder("taken", mode: 0o700)
            let script = Peer.fixtures.appending(path: "Clients/report_receiver.py").path
            try folder.write("", to: "log")
            let log = try FileHandle(forWritingTo: URL(filePath: folder.file("log")))
            process = try ChildProcess.start(
                [try Peer.require("python3"), "-B", script, "\(port)", chain, key, folder.file("taken")], output: log,
                errors: log)
            try await eventually(within: .seconds(20), "it listens") { [folder] in
                folder.text(of: "log").contains("listening")
            }
        }

        func stop() async {
            process.signal(SIGKILL)
            _ = await process.waitForExit(.seconds(5))
        }
    }

    private static func post(
        _ url: String, patience: Duration = .seconds(20), allowsPrivate: Bool = true
    ) async -> String? {
        let resolver = ScriptedResolver()
        resolver.addresses("reports.example", "127.0.0.1")
        let poster = HTTPSReportPoster(
            group: MultiThreadedEventLoopGroup.singleton, resolver: resolver, patience: patience,
            allowsPrivateAddresses: allowsPrivate)
        do throws(ReportPostError) {
            try await poster.post([1, 2, 3], type: "application/tlsrpt+gzip", to: url)
            return nil
        } catch {
            return error.description
        }
    }

    @Test func `a report is taken though the certificate is not valid, and nothing else is followed`() async throws {
        let receiver = try await Receiver()
        let base = "https://reports.example:\(receiver.port)/"
        let failure = await Self.post(base + "one?x=y")
        #expect(failure == nil, "\(failure ?? "")\n\(receiver.folder.text(of: "log"))")
        #expect(Array(try Data(contentsOf: URL(filePath: receiver.folder.file("taken/one?x=y")))) == [1, 2, 3])
        #expect(receiver.folder.text(of: "taken/one?x=y.type") == "application/tlsrpt+gzip")
        #expect(await Self.post(base + "refuse") == "reports.example answers 503")
        #expect(await Self.post(base + "move") == "reports.example answers 307")
        #expect(await Self.post(base + "hang", patience: .seconds(1)) == "reports.example did not answer in time")
        await receiver.stop()
        let gone = try #require(await Self.post(base + "one"))
        #expect(gone.hasPrefix("reports.example failed") && gone.contains("refused"), "\(gone)")
    }

    @Test func `hosts inside are not spoken to on a stranger's word`() async {
        for url in ["https://reports.example/", "https://127.0.0.1:8080/", "https://[::1]/", "https://user@10.0.0.1/x"]
        {
            #expect(await Self.post(url, allowsPrivate: false)?.hasSuffix("has no public address") == true)
        }
        #expect(await Self.post("https://gone.example/") == "the name gone.example can't be resolved")
        #expect(await Self.post("https:///x") == "https:///x names no host")
    }
}
