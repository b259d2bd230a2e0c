import Foundation
import Glibc
import Synchronization

/// A Martlet of a test's own: set up by `quickstart` in a temporary folder, run as a child process, stopped at the end.
package final class ServerUnderTest: Sendable {
    /// The domain and accounts of every server; the password is that of all.
    package static let domain = "example.test"
    package static let hostname = "mail.example.test"
    package static let account = "alice@example.test"
    package static let second = "bob@example.test"
    package static let password = "correct horse 1"

    package let folder: TemporaryFolder
    package let offset: Int
    private let environment: [String: String]
    private let process = Mutex<ChildProcess?>(nil)

    /// - Parameter environment: overrides of the manifest, `MARTLET_…`.
    package init(environment: [String: String] = [:]) throws {
        folder = try TemporaryFolder()
        offset = Self.freeOffset()
        self.environment = environment.merging(["HOME": folder.path]) { mine, _ in mine }
    }

    // MARK: Where things are

    package var config: String { folder.file("martlet.yaml") }
    package var data: String { folder.file("data") }
    package var log: String { folder.text(of: "log") }
    package var processID: Int32? { process.withLock { $0?.processID } }
    package var isRunning: Bool { process.withLock { $0?.isRunning ?? false } }

    /// The port of a listener, by its standard number.
    package func port(_ standard: Int) -> Int { standard + offset }

    /// The value of MARTLET_LISTENERS with a listener of each kind; devices may log in without TLS.
    package var everyListener: String {
        let kinds = [
            ("mx", 25), ("submission", 587), ("submissions", 465), ("imap", 143), ("imaps", 993), ("pop3", 110),
            ("pop3s", 995), ("lmtp", 24), ("device", 2525),
        ]
        return kinds.map { kind, standard in
            let more = kind == "device" ? ";auth_without_tls=true" : ""
            return "kind=\(kind);address=127.0.0.1;port=\(port(standard))\(more)"
        }.joined(separator: ",")
    }

    /// What the Python scripts are told.
    package var scriptEnvironment: [String: String] {
        [
            "IT_HOST": "127.0.0.1", "IT_OFFSET": "\(offset)", "IT_ACCOUNT": Self.account, "IT_SECOND": Self.second,
            "IT_PASSWORD": Self.password, "IT_DOMAIN": Self.domain, "IT_HOSTNAME": Self.hostname,
            "IT_FOLDER": folder.path, "IT_CONFIG": config, "IT_BINARY": (try? Self.binary()) ?? "",
            "IT_PID": "\(processID ?? 0)",
        ]
    }

    /// The program: `MARTLET_BINARY`, or the one built beside the tests.
    package static func binary() throws -> String {
        if let named = ProcessInfo.processInfo.environment["MARTLET_BINARY"], !named.isEmpty {
            guard FileManager.default.isExecutableFile(atPath: named) else {
                throw ProcessFailure("MARTLET_BINARY is \(named), which can't be run")
            }
            return named
        }
        let arguments = ProcessInfo.processInfo.arguments.map { URL(filePath: $0).deletingLastPathComponent() }
        let beside = arguments + [Peer.root.appending(path: ".build/debug")]
        for folder in beside {
            let candidate = folder.appending(path: "martlet").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        }
        throw ProcessFailure("the martlet program is not beside the tests: build it, or name it in MARTLET_BINARY")
    }

    private static func freeOffset() -> Int {
        while true {
            let offset = Int.random(in: 11_000..<31_000)
            if [24, 25, 2525, 110, 143, 465, 587, 993, 995, 8080].allSatisfy({ Peer.isFree($0 + offset) }) {
                return offset
            }
        }
    }

    // MARK: Life

    /// Makes manifest, domain, keys and the two accounts.
    ///
    /// - Parameter domain: another than that of every server, for one that sends to such a server.
    package func setUp(domain: String = ServerUnderTest.domain) async throws {
        let secret = try folder.write(Self.password + "\n", to: "password", mode: 0o600)
        try await succeed(
            "quickstart", "alice@\(domain)", "--hostname", "mail.\(domain)", "--data", data, "--listen", "127.0.0.1",
            "--port-offset", "\(offset)", "--password-file", secret)
        try await succeed("account", "add", "bob@\(domain)", "--password-file", secret)
    }

    /// Takes a manifest of `examples/` instead of quickstart's, with texts replaced: ports, hosts, paths.
    /// - Throws: `ProcessFailure` for a text that the example doesn't have.
    package func useExample(_ name: String, replacing texts: [String: String]) throws {
        let file = Peer.root.appending(path: "examples/\(name).yaml")
        var text = try String(contentsOf: file, encoding: .utf8)
        for (old, new) in texts {
            guard text.contains(old) else { throw ProcessFailure("\(file.path) does not have \(old)") }
            text = text.replacingOccurrences(of: old, with: new)
        }
        try folder.makeFolder("data", mode: 0o700)
        try folder.write(text, to: "martlet.yaml", mode: 0o600)
    }

    /// Starts the server and returns when it says it is ready.
    package func start(_ more: [String: String] = [:]) async throws {
        let notifications = try NotificationSocket(path: folder.file("notify-\(UUID().uuidString.prefix(8))"))
        try folder.write("", to: "log")
        let handle = try FileHandle(forWritingTo: URL(filePath: folder.file("log")))
        defer { try? handle.close() }
        let child = try ChildProcess.start(
            [try Self.binary(), "serve", "--config", config],
            environment: environment.merging(more) { _, new in new }
                .merging(["NOTIFY_SOCKET": notifications.path]) { _, new in new },
            folder: folder.path,
            output: handle,
            errors: handle
        )
        process.withLock { $0 = child }
        try await eventually(within: .seconds(30), "the server is ready\n\(log)") {
            guard child.isRunning else { throw ProcessFailure("the server ended: \(child.status ?? -1)\n\(log)") }
            return notifications.next(milliseconds: 20)?.contains("READY=1") ?? false
        }
    }

    /// SIGTERM, and the exit status. Throws when the server does not leave in time; then it is killed.
    @discardableResult
    package func stop() async throws -> Int {
        guard let child = process.withLock({ $0 }) else { return 0 }
        child.signal(SIGTERM)
        if await !child.waitForExit(.seconds(30)) {
            child.signal(SIGKILL)
            _ = await child.waitForExit(.seconds(5))
            throw ProcessFailure("the server did not stop within 30 seconds of SIGTERM\n\(log)")
        }
        return child.status ?? -1
    }

    /// Makes a self-signed certificate for some names and returns the value of MARTLET_TLS_CERTIFICATES that names it.
    package func makeCertificate(_ file: String, names: [String]) async throws -> String {
        let chain = folder.file("\(file).crt")
        let key = folder.file("\(file).key")
        let result = try await ProcessRunner.run([
            try Peer.require("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes",
            "-days", "30", "-subj", "/CN=\(names.first ?? "")", "-keyout", key, "-out", chain,
            "-addext", "subjectAltName=" + names.map { "DNS:\($0)" }.joined(separator: ","),
        ])
        guard result.succeeded else { throw ProcessFailure("openssl req: \(result)") }
        return "chain=\(chain);key=\(key)"
    }

    package func signal(_ signal: Int32) {
        process.withLock { $0 }?.signal(signal)
    }

    // MARK: Commands

    /// Runs `martlet …` on this server's manifest.
    package func command(_ words: [String], input: String = "") async throws -> ProcessResult {
        try await run(words, input: input)
    }

    /// Runs `martlet …` and returns what it printed; an error when it failed.
    @discardableResult
    package func succeed(_ words: String...) async throws -> String {
        try await succeed(words)
    }

    /// Runs `martlet …` and returns what it printed; an error when it failed.
    @discardableResult
    package func succeed(_ words: [String]) async throws -> String {
        let result = try await run(words)
        guard result.succeeded else { throw ProcessFailure("martlet \(words.joined(separator: " ")): \(result)") }
        return result.output
    }

    private func run(_ words: [String], input: String = "") async throws -> ProcessResult {
        try await ProcessRunner.run(
            [try Self.binary()] + words + ["--config", config],
            input: input,
            environment: environment
        )
    }

    /// Runs a Python script of Tests/Fixtures/Clients against this server.
    package func python(
        _ script: String,
        _ arguments: String...,
        timeout: Duration = .seconds(60)
    ) async throws -> ProcessResult {
        try await Peer.python(script, arguments, environment: scriptEnvironment, timeout: timeout)
    }
}
