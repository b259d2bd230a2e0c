package import Foundation
import Synchronization

/// The programs that Martlet is tested against, and where this machine has them.
///
/// A test that needs one says `.enabled(if: Peer.present("swaks"))`: without it the test is shown as skipped.
/// In continuous integration (`CI=true`) nothing is skipped, and the missing program fails the test.
package enum Peer {
    package static let isContinuousIntegration =
        ["true", "1"].contains(ProcessInfo.processInfo.environment["CI"]?.lowercased() ?? "")

    /// Whether tests that need these programs are to run.
    package static func present(_ names: String...) -> Bool {
        isContinuousIntegration || names.allSatisfy { path(of: $0) != nil }
    }

    /// Where a program is: a path as it stands, a name by `PATH` and the system's folders.
    package static func path(of name: String) -> String? {
        if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
        let search = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (search + ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"]).lazy.map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// The program's path, or why the test can't go on.
    package static func require(_ name: String) throws -> String {
        guard let path = path(of: name) else {
            throw ProcessFailure("\(name) is not installed: scripts/install-packages test")
        }
        return path
    }

    /// Port numbers of loopback that nobody listens on at this moment, below those the kernel gives to clients. No port is
    /// given away twice while a test that got it may not listen there yet.
    package static func freePorts(_ count: Int) -> [Int] {
        var ports: [Int] = []
        while ports.count < count {
            let port = Int.random(in: 20_000..<32_000)
            if given.withLock({ $0.take(port) }), isFree(port) { ports.append(port) }
        }
        return ports
    }

    /// The ports that were given away last.
    private struct GivenPorts {
        private static let most = 6000
        private var known: Set<Int> = []
        private var order: [Int] = []

        mutating func take(_ port: Int) -> Bool {
            guard known.insert(port).inserted else { return false }
            order.append(port)
            if order.count > Self.most { known.remove(order.removeFirst()) }
            return true
        }
    }

    private static let given = Mutex(GivenPorts())

    package static func isFree(_ port: Int, datagram: Bool = false) -> Bool {
        LoopbackSocket.canBind(port, datagram: datagram)
    }

    /// The root of the package, from where this file is.
    package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    package static let fixtures = root.appending(path: "Tests/Fixtures")

    /// Runs a Python case: a function `case_NAME` of a script in Tests/Fixtures/Clients.
    package static func python(
        _ script: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        timeout: Duration = .seconds(60)
    ) async throws -> ProcessResult {
        let file = fixtures.appending(path: "Clients/\(script).py").path
        return try await ProcessRunner.run(
            [try await pythonWithDKIM.value, "-B", file] + arguments,
            environment: environment,
            timeout: timeout
        )
    }

    /// The Python that has dkimpy: Debian's, or another that stands first in `PATH`.
    private static let pythonWithDKIM = Task<String, any Error> {
        var last = ""
        for name in ["/usr/bin/python3", "python3"] {
            guard let path = path(of: name) else { continue }
            let result = try await ProcessRunner.run([path, "-c", "import dkim, nacl.signing"])
            if result.succeeded { return path }
            last = result.errors
        }
        throw ProcessFailure("no python3 with dkimpy and PyNaCl: scripts/install-packages test\n\(last)")
    }

    /// The names of the functions `case_…` of a script, in order.
    package static func cases(_ script: String) -> [String] {
        let file = fixtures.appending(path: "Clients/\(script).py")
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("def case_"), let end = line.firstIndex(of: "(") else { return nil }
            return String(line[..<end].dropFirst("def case_".count))
        }
    }
}

/// A folder for one test's files, open to the users that peers become.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "martlet-it-\(UUID().uuidString.prefix(8))")
        path = url.path
        try FileManager.default.createDirectory(
            at: url,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
    }

    deinit {
        guard ProcessInfo.processInfo.environment["MARTLET_KEEP"] == nil else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, in folders that are made for it.
    @discardableResult
    package func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
        let url = URL(filePath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path)
        return url.path
    }

    package func makeFolder(_ name: String, mode: Int = 0o755) throws {
        try FileManager.default.createDirectory(
            atPath: file(name),
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: mode]
        )
    }

    package func text(of name: String) -> String {
        let data = (try? Data(contentsOf: URL(filePath: file(name)))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    /// The files below a folder, without folders themselves.
    package func files(in name: String) -> [String] {
        let all = (try? FileManager.default.subpathsOfDirectory(atPath: file(name))) ?? []
        return all.map { "\(file(name))/\($0)" }.filter { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
        }
    }
}

/// Waits until something holds, looking again every 20 ms until its time is up: for what another process does and tells
/// nobody of. Inside this process await the event.
package func eventually(
    within limit: Duration,
    _ what: String,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw ProcessFailure("it did not happen in \(limit): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
