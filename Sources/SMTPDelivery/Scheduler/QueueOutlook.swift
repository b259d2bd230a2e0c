import MailSyntax
import OutboundQueue

/// What the scheduler knows of the queue without reading it: what came leased, and when something is due. The queue tells
/// of each change, so that a message which comes, goes and meets no trouble is never looked for.
struct QueueOutlook: Sendable {
    /// When the next recipient that nobody has leased is due; nil for none.
    private(set) var next: Timestamp?
    private var isUnknown = true
    private var jobs: [DeliveryJob] = []

    /// Takes news of the queue; false where the scheduler need not come for it.
    mutating func hear(_ reason: OutboundQueue.Wake) -> Bool {
        switch reason {
        case .news, .demand: isUnknown = true
        case .jobs(let new): jobs += new
        case .due(let time):
            if isUnknown { return false }
            if let next, next <= time { return false }
            next = time
        }
        return true
    }

    /// Jobs that came and were not taken yet.
    var waitingJobs: Int { jobs.count }

    mutating func takeJobs() -> [DeliveryJob] {
        defer { jobs = [] }
        return jobs
    }

    /// Whether the queue has to be read, by which what was heard before is settled.
    mutating func mustLook(now: Timestamp) -> Bool {
        let isDue = next.map { $0 <= now } ?? false
        guard isUnknown || isDue else { return false }
        (isUnknown, next) = (false, nil)
        return true
    }

    /// What reading the queue has found. What was heard meanwhile stays.
    mutating func learn(_ found: Timestamp?) {
        next = [next, found].compactMap(\.self).min()
    }

    /// Nothing is known any more.
    mutating func forget() {
        isUnknown = true
    }
}
