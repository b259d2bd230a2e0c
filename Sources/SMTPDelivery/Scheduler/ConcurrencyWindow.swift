/// How many connections a site may have now: few at first, one more after as many successes as there are connections, one
/// fewer after as many failures; as Postfix's feedback of 1.
struct ConcurrencyWindow: Sendable, Hashable {
    /// 1 up to ``limit``.
    private(set) var size: Int
    private let limit: Int
    private var successes = 0
    private var failures = 0
    /// It has taken mail since it failed last.
    private(set) var isProven = false

    init(initial: Int, limit: Int) {
        self.limit = max(1, limit)
        size = max(1, min(initial, self.limit))
    }

    mutating func succeeded() {
        isProven = true
        failures = 0
        successes += 1
        guard successes >= size, size < limit else { return }
        successes = 0
        size += 1
    }

    /// Returns true when the site counts as dead: it has not taken mail yet, or as many deliveries as it has connections
    /// failed, one after another.
    mutating func failed() -> Bool {
        successes = 0
        failures += 1
        guard isProven, failures < size else {
            failures = 0
            size = max(1, size - 1)
            isProven = false
            return true
        }
        return false
    }
}
