import DNSCore
import Synchronization

/// Somebody who asks: answered once, by the resolver's thread or by their own cancellation.
final class DNSQuery: Sendable {
    typealias Outcome = Result<DNSAnswer, DNSFailure>

    private enum State {
        case fresh
        case waiting(CheckedContinuation<Outcome, Never>)
        case finished(Outcome)
    }

    let question: DNSQuestion
    let deadline: ContinuousClock.Instant
    private let state = Mutex(State.fresh)

    init(_ question: DNSQuestion, deadline: ContinuousClock.Instant) {
        self.question = question
        self.deadline = deadline
    }

    var isFinished: Bool {
        state.withLock { state in
            if case .finished = state { return true }
            return false
        }
    }

    /// Keeps the continuation until ``finish(_:)``, or resumes it at once when that has been called already.
    func install(_ continuation: CheckedContinuation<Outcome, Never>) {
        let early = state.withLock { state -> Outcome? in
            if case .finished(let outcome) = state { return outcome }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
    }

    /// The first call decides, later ones do nothing.
    func finish(_ outcome: Outcome) {
        let continuation = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            defer {
                if case .finished = state {} else { state = .finished(outcome) }
            }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(returning: outcome)
    }
}
