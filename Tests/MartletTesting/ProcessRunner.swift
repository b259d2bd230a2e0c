package import Foundation
import Glibc
import Synchronization

/// What a command did.
package struct ProcessResult: Sendable, CustomStringConvertible {
    /// The exit status; 128 + the signal when one ended it.
    package var status: Int
    package var output: String
    package var errors: String
    /// It was killed because its time was up.
    package var timedOut: Bool

    package var succeeded: Bool { status == 0 && !timedOut }

    /// Both streams, errors last.
    package var text: String { output + errors }

    package var description: String {
        "status \(status)\(timedOut ? " (killed: its time was up)" : "")\n\(output)\(errors)"
    }
}

/// A command that could not be run, or did not do what was asked.
package struct ProcessFailure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Runs commands to their end with what they read, a time limit, and what they wrote.
package enum ProcessRunner {
    /// Runs a command.
    ///
    /// Output goes through files, so that a command that writes much never waits for this process.
    /// - Parameters:
    ///   - command: the program, by path or by name in `PATH`, and its arguments.
    ///   - input: what it reads on standard input.
    ///   - environment: variables added to, or replacing, this process's.
    ///   - folder: where it runs.
    ///   - timeout: after which it is killed.
    /// - Throws: `ProcessFailure` when it can't be started.
    package static func run(
        _ command: [String],
        input: String = "",
        environment: [String: String] = [:],
        folder: String? = nil,
        timeout: Duration = .seconds(60)
    ) async throws -> ProcessResult {
        let files = try CapturedFiles(input: input)
        defer { files.remove() }
        let process = try ChildProcess.start(
            command,
            environment: environment,
            folder: folder,
            input: files.input,
            output: files.output,
            errors: files.errors
        )
        let timedOut = await !process.waitForExit(timeout)
        if timedOut {
            process.signal(SIGKILL)
            _ = await process.waitForExit(.seconds(10))
        }
        return ProcessResult(
            status: process.status ?? -1,
            output: files.text("out"),
            errors: files.text("err"),
            timedOut: timedOut
        )
    }
}

/// Three files that stand for a command's streams.
private struct CapturedFiles {
    let folder: URL
    let input: FileHandle
    let output: FileHandle
    let errors: FileHandle

    init(input text: String) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "martlet-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, content) in [("in", text), ("out", ""), ("err", "")] {
            try Data(content.utf8).write(to: folder.appending(path: name))
        }
        input = try FileHandle(forReadingFrom: folder.appending(path: "in"))
        output = try FileHandle(forWritingTo: folder.appending(path: "out"))
        errors = try FileHandle(forWritingTo: folder.appending(path: "err"))
    }

    func text(_ name: String) -> String {
        let data = (try? Data(contentsOf: folder.appending(path: name))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    func remove() {
        for handle in [input, output, errors] { try? handle.close() }
        try? FileManager.default.removeItem(at: folder)
    }
}

/// A process that this one started, and nobody else's.
package final class ChildProcess: Sendable {
    private struct State {
        var status: Int?
        var waiters: [UUID: CheckedContinuation<Bool, Never>] = [:]
    }

    private let state = Mutex(State())
    package let processID: Int32

    private init(processID: Int32) {
        self.processID = processID
    }

    /// Starts a command.
    ///
    /// - Throws: `ProcessFailure` when there is no such program.
    package static func start(
        _ command: [String],
        environment: [String: String] = [:],
        folder: String? = nil,
        input: FileHandle = .nullDevice,
        output: FileHandle = .nullDevice,
        errors: FileHandle = .nullDevice
    ) throws -> ChildProcess {
        guard let name = command.first, let path = Peer.path(of: name) else {
            throw ProcessFailure("there is no program \(command.first ?? "")")
        }
        // Martlet reads MARTLET_… as settings: those meant for the tests stay here.
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MARTLET_") }
        let child = ChildProcess(
            processID: try ProgramStart.start(
                path,
                arguments: Array(command.dropFirst()),
                environment: inherited.merging(environment) { _, new in new },
                folder: folder,
                streams: [input, output, errors]
            ))
        Thread.detachNewThread { child.watch() }
        return child
    }

    /// The exit status; nil while it runs.
    package var status: Int? { state.withLock { $0.status } }

    package var isRunning: Bool { status == nil }

    /// Sends a signal, unless it ended already: its number may be another's by then.
    package func signal(_ signal: Int32) {
        state.withLock { state in
            if state.status == nil { kill(processID, signal) }
        }
    }

    /// Waits for the end; false when it did not come in time.
    package func waitForExit(_ timeout: Duration) async -> Bool {
        let id = UUID()
        let timer = Task {
            try await Task.sleep(for: timeout)
            take(id)?.resume(returning: false)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.status == nil { state.waiters[id] = continuation }
                return state.status != nil
            }
            if isOver { continuation.resume(returning: true) }
        }
    }

    private func take(_ id: UUID) -> CheckedContinuation<Bool, Never>? {
        state.withLock { $0.waiters.removeValue(forKey: id) }
    }

    /// Waits for the end, on a thread of its own.
    ///
    /// The process is a zombie, whose number nobody else gets, until its status stands in the state.
    private func watch() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let waiters = state.withLock { state in
            var status: Int32 = 0
            waitpid(processID, &status, 0)
            let signal = status & 0x7F
            state.status = Int(signal == 0 ? status >> 8 & 0xFF : 128 + signal)
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: true) }
    }
}
