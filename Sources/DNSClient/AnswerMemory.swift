import DNSCore

/// What the DNS said lately, and what it was silent about, in bounded memory.
///
/// libunbound keeps answers too, but to ask it takes two threads; this is asked in place. Entries live in two
/// generations: what is used moves to the younger one, and when that is full the older one is forgotten.
struct AnswerMemory {
    typealias Outcome = DNSQuery.Outcome

    struct Limits: Sendable, Hashable {
        /// Octets of both generations, about.
        var octets = 4 << 20
        /// The longest that an answer is kept, whatever it says of itself.
        var longest = Duration.seconds(3600)
        /// The longest that an absence is kept. // RFC 2308 §5
        var longestAbsence = Duration.seconds(300)
    }

    private struct Entry {
        var outcome: Outcome
        var end: ContinuousClock.Instant
        var cost: Int
    }

    private let limits: Limits
    private var young: [DNSQuestion: Entry] = [:]
    private var old: [DNSQuestion: Entry] = [:]
    private var youngCost = 0

    init(_ limits: Limits = Limits()) {
        self.limits = limits
    }

    mutating func recall(_ question: DNSQuestion, now: ContinuousClock.Instant) -> Outcome? {
        if let entry = young[question] { return entry.end > now ? entry.outcome : nil }
        guard let entry = old.removeValue(forKey: question), entry.end > now else { return nil }
        insert(entry, for: question)
        return entry.outcome
    }

    /// Keeps an answer or an absence as long as it may be kept; other failures are not worth it.
    mutating func keep(
        _ outcome: Outcome, of question: DNSQuestion, for duration: Duration, now: ContinuousClock.Instant
    ) {
        var duration = min(duration, limits.longest)
        if case .failure(let failure) = outcome {
            guard failure.isAbsence else { return forget(question) }
            duration = min(duration, limits.longestAbsence)
        }
        guard duration > .zero else { return forget(question) }
        insert(outcome, for: question, until: now.advanced(by: duration))
    }

    /// Remembers that nobody answers, so that who asks soon again need not wait as well. // RFC 2308 §7.2
    mutating func keepSilence(
        about question: DNSQuestion, for duration: Duration, now: ContinuousClock.Instant
    ) {
        guard duration > .zero, recall(question, now: now) == nil else { return }
        insert(.failure(.timeout), for: question, until: now.advanced(by: duration))
    }

    private mutating func forget(_ question: DNSQuestion) {
        if let entry = young.removeValue(forKey: question) { youngCost -= entry.cost }
        old.removeValue(forKey: question)
    }

    private mutating func insert(_ outcome: Outcome, for question: DNSQuestion, until end: ContinuousClock.Instant) {
        let cost = Self.cost(outcome) + question.name.utf8.count
        guard cost <= limits.octets / 16 else { return forget(question) }
        insert(Entry(outcome: outcome, end: end, cost: cost), for: question)
    }

    private mutating func insert(_ entry: Entry, for question: DNSQuestion) {
        if youngCost + entry.cost > limits.octets / 2 {
            old = young
            young = [:]
            youngCost = 0
        }
        if let before = young.updateValue(entry, forKey: question) { youngCost -= before.cost }
        old.removeValue(forKey: question)
        youngCost += entry.cost
    }

    /// Octets that an entry takes, about.
    private static func cost(_ outcome: Outcome) -> Int {
        guard case .success(let answer) = outcome else { return 200 }
        return answer.records.reduce(300) { cost, record in
            switch record {
            case .text(let text): cost + 80 + text.count
            case .tlsAssociation(let association): cost + 80 + association.data.count
            default: cost + 160
            }
        }
    }
}
