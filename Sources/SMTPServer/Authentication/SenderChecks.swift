import DNSCore
import MailAuth
import MailSyntax
import Synchronization

/// What can be checked before a message has come: who the client is, and whom it sends for.
struct SenderFindings: Sendable {
    var helo: SPFResult?
    /// Of MAIL FROM; where that is null, of HELO.
    var sender: SPFResult?
    var reverse: ReverseResult?
}

/// The checks that begin at MAIL, while the client goes on talking.
///
/// They end with this object, which belongs to the transaction.
final class SenderChecks: Sendable {
    struct Subject: Sendable {
        var client: IPAddress
        var helo: String
        var path: ReversePath
        var receiver: DomainName
        var now: Timestamp
    }

    /// Which checks are made.
    struct Choice: Sendable {
        var spf: Bool
        var reverse: Bool
    }

    /// What the task has found.
    private final class Finished: Sendable {
        let findings = Mutex<SenderFindings?>(nil)
    }

    /// Cancelled by `deinit`, and when time is up.
    private let task: Task<SenderFindings, Never>
    private let outcome = Finished()

    /// nil while there is something to wait for.
    var finished: SenderFindings? { outcome.findings.withLock { $0 } }

    init(_ subject: Subject, _ choice: Choice, backend: any SMTPBackend, resolver: any DNSResolver) {
        task = Task { [outcome] in
            let findings = await Self.run(subject, choice, backend, resolver)
            outcome.findings.withLock { $0 = findings }
            return findings
        }
    }

    deinit {
        task.cancel()
    }

    /// What was found; what is still missing when time is up is a temporary error.
    func findings(within limit: Duration) async -> SenderFindings {
        await withDiscardingTaskGroup { group in
            group.addTask { [task] in
                do {
                    try await Task.sleep(for: limit)
                    task.cancel()
                } catch {}  // There was an answer in time.
            }
            let findings = await task.value
            group.cancelAll()
            return findings
        }
    }

    private static func run(
        _ subject: Subject, _ choice: Choice, _ backend: any SMTPBackend, _ resolver: any DNSResolver
    ) async -> SenderFindings {
        async let reverse = choice.reverse ? backend.reverseResult(subject.client) : nil
        guard choice.spf else { return SenderFindings(reverse: await reverse) }
        let both = await SPFChecker.checkBoth(
            client: subject.client, helo: subject.helo, sender: subject.path, resolver: resolver,
            receiver: subject.receiver.ascii, now: subject.now)
        return SenderFindings(helo: both.helo, sender: both.mailFrom, reverse: await reverse)
    }
}

/// Runs something that ends soon after it is cancelled, and cancels it when time is up.
func withinLimit<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async -> Value, otherwise fallback: Value
) async -> Value {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask { await work() }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        for await value in group {
            group.cancelAll()
            if let value { return value }
        }
        return fallback
    }
}
