import NIOCore

/// One deadline of a connection: at most one task is scheduled, and activity only notes the time.
struct DeadlineTimer {
    let kind: Deadline
    var duration: TimeAmount?
    /// The scheduled look, if any; it may be earlier than the deadline, never later.
    var scheduled: Scheduled<Void>?
    private var scheduledFor: NIODeadline = .distantFuture
    private var since: NIODeadline = .distantPast

    init(kind: Deadline) {
        self.kind = kind
    }

    mutating func touch(_ now: NIODeadline) {
        since = now
    }

    func isDue(now: NIODeadline) -> Bool {
        guard let duration else { return false }
        return now >= since + duration
    }

    /// How long until the next look, or `nil` when none is needed or an early enough one is under way.
    mutating func needsSchedule(now: NIODeadline) -> TimeAmount? {
        guard let duration else {
            cancel()
            return nil
        }
        let due = since + duration
        if scheduled != nil {
            guard due < scheduledFor else { return nil }
            scheduled?.cancel()
        }
        scheduledFor = due
        return due > now ? due - now : .nanoseconds(0)
    }

    mutating func cancel() {
        scheduled?.cancel()
        scheduled = nil
        duration = nil
    }
}
