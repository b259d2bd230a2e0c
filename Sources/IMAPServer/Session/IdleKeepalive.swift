import IMAPCore
import NIOCore
import NetTransport
import Synchronization

/// Says something to clients in IDLE from time to time, all of a service by one timer.
///
/// A connection on which nothing is said is forgotten by routers and carriers, some after five minutes; new mail is then told
/// to nobody. Outlook never renews its IDLE, and was left without mail once the server had given it up.
final class IdleKeepalives: Sendable {
    /// One client in IDLE.
    final class Member: Sendable {
        private struct State {
            var told: NIODeadline
            var isDue = false
        }

        private let waker: ConnectionWaker
        private let state: Mutex<State>

        fileprivate init(_ waker: ConnectionWaker) {
            self.waker = waker
            state = Mutex(State(told: .now()))
        }

        /// Whether it is time to say something; true once each time.
        func takeDue() -> Bool {
            state.withLock { state in
                defer { state.isDue = false }
                return state.isDue
            }
        }

        fileprivate func look(_ now: NIODeadline, after silence: TimeAmount) {
            let isDue = state.withLock { state in
                guard now - state.told >= silence else { return false }
                state.told = now
                state.isDue = true
                return true
            }
            if isDue { waker.wake() }
        }
    }

    private struct State {
        var members: [ObjectIdentifier: Member] = [:]
        var isTicking = false
    }

    private let state = Mutex(State())
    /// Between two looks at all members.
    private let tick: TimeAmount
    /// Who has heard nothing for so long hears something: at the next look it could be too late.
    private let silence: TimeAmount

    /// - Parameter interval: the most that lies between two words to a client.
    init(every interval: Duration) {
        let interval = TimeAmount(interval)
        tick = .nanoseconds(max(1_000_000, interval.nanoseconds / 8))
        silence = .nanoseconds(max(0, interval.nanoseconds - tick.nanoseconds))
    }

    /// Begins to say something to a connection, until ``remove(_:)``.
    func add(_ connection: Connection<IMAPFramer>) -> Member {
        let member = Member(connection.waker)
        let starts = state.withLock { state in
            state.members[ObjectIdentifier(member)] = member
            defer { state.isTicking = true }
            return !state.isTicking
        }
        if starts { wait(on: connection.eventLoop) }
        return member
    }

    func remove(_ member: Member) {
        state.withLock { $0.members[ObjectIdentifier(member)] = nil }
    }

    private func wait(on eventLoop: any EventLoop) {
        eventLoop.scheduleTask(in: tick) { [weak self] in self?.look(eventLoop) }
    }

    private func look(_ eventLoop: any EventLoop) {
        let members = state.withLock { state in
            state.isTicking = !state.members.isEmpty
            return Array(state.members.values)
        }
        guard !members.isEmpty else { return }
        let now = NIODeadline.now()
        for member in members { member.look(now, after: silence) }
        wait(on: eventLoop)
    }
}
