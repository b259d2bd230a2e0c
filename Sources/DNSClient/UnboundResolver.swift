package import DNSCore
import Synchronization

/// Resolves with libunbound: validating, caching, and independent of the host's resolver unless told otherwise.
///
/// One thread owns the libunbound context, so that no caller and no event loop ever waits inside the library.
/// Questions in flight are bounded, whoever asks the same shares one, and each asker has a deadline. What is known is
/// answered in place. A question that nobody answers costs its time once: who asks it again soon is told so at once.
package final class UnboundResolver: DNSResolver {
    private let settings: ResolverSettings
    private let board: ResolverBoard

    /// Takes every setting or refuses the first that can't be honoured.
    package init(_ settings: ResolverSettings = ResolverSettings()) throws(ResolverSettingsError) {
        self.settings = settings
        guard let inbox = ResolverInbox() else {
            throw ResolverSettingsError(setting: "wake-up descriptor", reason: "no file descriptor is left")
        }
        board = ResolverBoard(inbox)
        let context = try UnboundContext(settings)
        guard ResolverThread.start(context: context, board: board, settings: settings) else {
            context.free()
            throw ResolverSettingsError(setting: "thread", reason: "no thread could be started")
        }
    }

    deinit {
        board.inbox.stop()
    }

    /// Ends every question with ``DNSFailure/unavailable(_:)``; later ones fail at once.
    package func stop() {
        board.inbox.stop()
    }

    package func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        guard let question = DNSQuestion(name, type) else { return .failure(.invalidName) }
        let now = ContinuousClock.now
        if let known = recall(question, now: now) { return known }
        let query = DNSQuery(question, deadline: now.advanced(by: settings.timeout))
        let inbox = board.inbox
        let limit = settings.maximumWaiting
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                query.install(continuation)
                if !query.isFinished, !inbox.submit(query, limit: limit) { query.finish(.failure(.overloaded)) }
            }
        } onCancel: {
            query.finish(.failure(.cancelled))
            inbox.wake()
        }
    }
}

extension UnboundResolver: AnswerKeeper {
    package func known(_ name: String, _ type: DNSRecordType) -> Result<DNSAnswer, DNSFailure>? {
        guard let question = DNSQuestion(name, type) else { return .failure(.invalidName) }
        return recall(question, now: .now)
    }

    private func recall(_ question: DNSQuestion, now: ContinuousClock.Instant) -> Result<DNSAnswer, DNSFailure>? {
        board.memory.withLock { $0.recall(question, now: now) }
    }
}

/// What those who ask and the resolver's thread have in common.
final class ResolverBoard: Sendable {
    let inbox: ResolverInbox
    let memory = Mutex(AnswerMemory())

    init(_ inbox: ResolverInbox) {
        self.inbox = inbox
    }
}
