package import MailSyntax

/// What is to be done with signing keys: keys and a time come in, steps come out.
///
/// The life of a key is `next → active → retiring → retired`. A next key waits until its record is in the DNS, for as
/// long as that takes; then all active keys of its domain and algorithm are replaced by it in the same change. The record
/// of a replaced key is wanted until nothing that it signed can be under way any more. The algorithms of a domain rotate
/// independently of each other: a record that is missing for one holds up nothing of the other.
package struct KeyRotation: Sendable {
    /// How long the record of a replaced key is wanted.
    package var retireAfter: Duration
    /// How old an active key may be before its successor is made; nil: no age is too old.
    package var rotateEvery: Duration?

    package init(retireAfter: Duration, rotateEvery: Duration? = nil) {
        self.retireAfter = retireAfter
        self.rotateEvery = rotateEvery
    }

    // MARK: Replacing

    /// What a switch does to a directory's keys.
    package struct Switch: Sendable, Hashable {
        /// From next to active.
        package var beginning: [DKIMKeyRow] = []
        /// From active to retiring.
        package var ending: [DKIMKeyRow] = []

        /// One that changes nothing.
        package init() {}

        init(beginning: [DKIMKeyRow], ending: [DKIMKeyRow]) {
            self.beginning = beginning
            self.ending = ending
        }
    }

    /// The switch to those of `ids` that are next keys; the others are left as they are.
    package static func replacing(_ ids: Set<Int64>, in keys: [DKIMKeyRow]) -> Switch {
        let beginning = keys.filter { ids.contains($0.id) && $0.state == .next }
        let ending = keys.filter { old in
            old.state == .active
                && beginning.contains { $0.domain == old.domain && $0.algorithm == old.algorithm }
        }
        return Switch(beginning: beginning, ending: ending)
    }

    // MARK: Retiring

    /// When the record of a replaced key may go. // RFC 6376 §3.1, RFC 6376 §5.2
    package func end(of key: DKIMKeyRow) -> Timestamp { key.since.adding(retireAfter) }

    /// The keys that are wanted no more.
    package func retirements(_ keys: [DKIMKeyRow], now: Timestamp) -> [DKIMKeyRow] {
        keys.filter { $0.state == .retiring && end(of: $0) <= now }
    }

    // MARK: Making

    /// A domain and an algorithm whose next key is to be made.
    package struct Beginning: Sendable, Hashable {
        package var domain: DomainName
        /// `rsa` or `ed25519`.
        package var algorithm: String
    }

    /// Where every active key of an algorithm is too old and none follows yet, in the order of `keys`.
    package func beginnings(_ keys: [DKIMKeyRow], now: Timestamp) -> [Beginning] {
        guard let rotateEvery else { return [] }
        var young: Set<Beginning> = []
        var old: [Beginning] = []
        for key in keys {
            let place = Beginning(domain: key.domain, algorithm: key.algorithm)
            switch key.state {
            case .next: young.insert(place)
            case .active where key.since.adding(rotateEvery) > now: young.insert(place)
            case .active: if !old.contains(place) { old.append(place) }
            case .retiring, .retired: break
            }
        }
        return old.filter { !young.contains($0) }
    }

    // MARK: Asking

    /// The keys that the DNS is to be asked about: next ones, and retired ones whose record has not been seen to be gone.
    ///
    /// - Parameters:
    ///   - asked: when each was asked about last, by id; one that is not there is asked about at once.
    ///   - gone: ids of keys whose record was surely not there.
    package func questions(
        _ keys: [DKIMKeyRow], asked: [Int64: Timestamp], gone: Set<Int64>, now: Timestamp
    ) -> [DKIMKeyRow] {
        keys.filter { key in
            let wait: Duration
            switch key.state {
            case .next: wait = Self.pause(after: now.since(key.since))
            case .retired where !gone.contains(key.id): wait = Self.pauseForRetired
            default: return false
            }
            guard let last = asked[key.id] else { return true }
            // A clock that was set back does not silence the question.
            return last > now || last.adding(wait) <= now
        }
    }

    /// Between two questions about a key that has waited for a while: somebody who has just added the record looks on,
    /// and somebody who forgot it is in no hurry.
    static func pause(after waiting: Duration) -> Duration {
        switch waiting {
        case ..<Duration.seconds(600): .seconds(20)
        case ..<Duration.seconds(3600): .seconds(60)
        case ..<Duration.seconds(86400): .seconds(300)
        default: .seconds(1800)
        }
    }

    private static let pauseForRetired = Duration.seconds(86400)

    /// Next keys that have waited for a day and longer, whose operator is to be reminded once a day.
    ///
    /// - Parameter reminded: when that was done last, by id.
    package func reminders(
        _ keys: [DKIMKeyRow], reminded: [Int64: Timestamp], now: Timestamp
    ) -> [DKIMKeyRow] {
        let day = Duration.seconds(86400)
        return keys.filter { key in
            guard key.state == .next, key.since.adding(day) <= now else { return false }
            guard let last = reminded[key.id] else { return true }
            return last > now || last.adding(day) <= now
        }
    }

    // MARK: Names

    /// A selector for a key made now: `r20261121` or `e20261121`, with `-2` and so on where that is taken.
    ///
    /// - Parameter taken: selectors of the domain, lower-case, retired ones too.
    package static func selector(_ algorithm: String, now: Timestamp, taken: Set<String>) -> String {
        let day = InternetTimestamp.utc(now).prefix(10).filter { $0 != "-" }
        let usual = (algorithm == "rsa" ? "r" : "e") + day
        guard taken.contains(usual) else { return usual }
        var number = 2
        while taken.contains("\(usual)-\(number)") { number += 1 }
        return "\(usual)-\(number)"
    }
}
