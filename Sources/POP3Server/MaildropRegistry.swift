import Directory
import Synchronization

/// Which accounts have a session on this server, and when each last logged in.
///
/// It knows the sessions of this process alone.
final class MaildropRegistry: Sendable {
    enum Admission {
        case admitted
        /// Another session has it, and wants to be alone or is to be left alone.
        case inUse
        case tooSoon
    }

    private struct State {
        var sessions: [AccountID: Int] = [:]
        var logins: [AccountID: ContinuousClock.Instant] = [:]
    }

    /// Logins remembered before those that no delay needs are thrown out.
    private static let remembered = 10_000

    private let state = Mutex(State())

    /// Lets a session in; `leave` when it is over.
    ///
    /// - Parameters:
    ///   - isExclusive: nobody else may be there.
    ///   - delay: how long ago the last login has to be.
    func enter(
        _ account: AccountID, isExclusive: Bool, delay: Duration, now: ContinuousClock.Instant
    ) -> Admission {
        state.withLock { state in
            if isExclusive, state.sessions[account] != nil { return .inUse }
            if delay > .zero {
                if let last = state.logins[account], last.duration(to: now) < delay { return .tooSoon }
                if state.logins.count >= Self.remembered {
                    state.logins = state.logins.filter { $0.value.duration(to: now) < delay }
                }
                state.logins[account] = now
            }
            state.sessions[account, default: 0] += 1
            return .admitted
        }
    }

    func leave(_ account: AccountID) {
        state.withLock { state in
            guard let count = state.sessions[account] else { return }
            state.sessions[account] = count > 1 ? count - 1 : nil
        }
    }
}
