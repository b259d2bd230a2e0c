import MailAuth
import MailConfig
import MailSyntax
import NIOCore
import NIOPosix
import NetTransport
import SQLEngine

/// One line of the self-test's table.
package struct SelfTestResult: Codable, Sendable, Equatable {
    package var name: String
    package var passed: Bool
    /// What was seen, or what went wrong.
    package var detail: String
    package var milliseconds: Int
}

/// Sends mail around a running server as clients do, and says what worked.
///
/// It needs the control socket: there it gets a temporary password for the account, a second account, and a route from a
/// reserved domain to its own sink on loopback. All of it is removed at the end, and by the server itself if the test dies.
package struct SelfTest: Sendable {
    private let context: CommandContext
    private let address: String?
    private let report: @Sendable (SelfTestResult) -> Void

    /// - Parameters:
    ///   - address: the account that sends; nil lets the server choose.
    ///   - report: called with each result as it comes.
    package init(
        context: CommandContext,
        address: String?,
        report: @escaping @Sendable (SelfTestResult) -> Void = { _ in }
    ) {
        self.context = context
        self.address = address
        self.report = report
    }

    /// Runs every check and returns the results in order.
    ///
    /// - Throws: `AdminError` when the test can't begin: no server, no account.
    package func run() async throws -> [SelfTestResult] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let sink = try await MailSink(group: group)
        let results: [SelfTestResult]
        do {
            results = try await withThrowingTaskGroup(of: Void.self) { tasks in
                // Before the first thing that can fail: only its end closes the sink, which its loop must outlive.
                // A sink that fails shows in the checks that wait for its mail.
                tasks.addTask { try? await sink.run() }
                defer { tasks.cancelAll() }
                return try await withTicket(sinkPort: sink.port) { ticket in
                    await SelfTestRun(ticket: ticket, sink: sink, group: group, report: report).perform()
                }
            }
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
        return results
    }

    private func withTicket(
        sinkPort: Int,
        _ body: (SelfTestTicket) async -> [SelfTestResult]
    ) async throws -> [SelfTestResult] {
        let answer = try context.performOnServer(.selfTestBegin(address: address, sinkPort: sinkPort))
        guard case .selfTest(let ticket) = answer else {
            throw AdminError(.protocolError, "the server's answer is not one to a self-test")
        }
        var results = await body(ticket)
        let clock = ContinuousClock()
        let start = clock.now
        var last = SelfTestResult(
            name: "cleaning up", passed: true, detail: "account and password removed", milliseconds: 0)
        do {
            _ = try context.performOnServer(.selfTestEnd(ticket: ticket.ticket))
        } catch {
            last.passed = false
            last.detail = AdminError(translating: error).message
        }
        last.milliseconds = (clock.now - start).wholeMilliseconds
        report(last)
        results.append(last)
        return results
    }

    /// The results as a table for a person.
    package static func table(_ results: [SelfTestResult]) -> String {
        var table = TextTable(["CHECK", "RESULT", "TIME", "SEEN"])
        for result in results {
            table.add([result.name, result.passed ? "ok" : "FAILED", "\(result.milliseconds) ms", result.detail])
        }
        let failed = results.filter { !$0.passed }.count
        let verdict =
            failed == 0 ? "All \(results.count) checks passed." : "\(failed) of \(results.count) checks FAILED."
        return table.text + "\n\(verdict)\n"
    }
}

extension SelfTest {
    /// The results for a program.
    package static func json(_ results: [SelfTestResult]) throws -> String { try PrettyJSON.text(results) + "\n" }
}
