/// The UIDs of a mailbox, ascending, in runs of neighbours: eight octets a run, however many messages it has.
///
/// Most mailboxes are a few runs; a session that idles in one of 100,000 messages holds next to nothing. The UID at a place
/// and the place of a UID are found in O(log runs).
package struct UIDList: Sendable, Equatable {
    private struct Run: Sendable, Equatable {
        /// The first UID.
        var first: UInt32
        /// How many messages stand before it.
        var before: UInt32
    }

    // Ascending, none empty, none next to another: equal lists have equal runs.
    private var runs: [Run] = []
    package private(set) var count = 0

    package init() {}

    /// - Parameter uids: strictly ascending.
    package init(_ uids: some Sequence<UInt32>) {
        for uid in uids { append(uid) }
    }

    /// Adds a UID above all others; one that isn't is left out.
    package mutating func append(_ uid: UInt32) { append(uid...uid) }

    private mutating func append(_ range: ClosedRange<UInt32>) {
        if let last {
            guard range.lowerBound > last else { return }
            if range.lowerBound - 1 > last { begin(range.lowerBound) }
        } else {
            begin(range.lowerBound)
        }
        count += range.count
    }

    private mutating func begin(_ uid: UInt32) {
        runs.append(Run(first: uid, before: UInt32(truncatingIfNeeded: count)))
    }

    /// How many messages a run has.
    private func length(_ index: Int) -> Int {
        let end = index + 1 < runs.count ? Int(runs[index + 1].before) : count
        return end - Int(runs[index].before)
    }

    private func range(_ index: Int) -> ClosedRange<UInt32> {
        let first = runs[index].first
        return first...(first + UInt32(truncatingIfNeeded: length(index) - 1))
    }

    /// The last of the runs of which `isBefore` is true, where it is true of the first ones; nil where it is of none.
    private func lastRun(where isBefore: (Run) -> Bool) -> Int? {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(runs[middle]) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low > 0 ? low - 1 : nil
    }

    /// How many UIDs are below this one, which is the place of the first that isn't.
    package func place(of uid: UInt32) -> Int {
        guard let index = lastRun(where: { $0.first <= uid }) else { return 0 }
        let run = runs[index]
        return Int(run.before) + Swift.min(Int(uid - run.first), length(index))
    }

    /// Takes UIDs out.
    /// - Parameter gone: ascending; those that are not there change nothing.
    package mutating func remove(_ gone: [UInt32]) {
        var kept = UIDList()
        var next = 0
        for index in runs.indices {
            let range = range(index)
            var low: UInt32? = range.lowerBound
            while let from = low, next < gone.count, gone[next] <= range.upperBound {
                let uid = gone[next]
                next += 1
                guard uid >= from else { continue }
                if uid > from { kept.append(from...(uid - 1)) }
                low = uid < range.upperBound ? uid + 1 : nil
            }
            if let low { kept.append(low...range.upperBound) }
        }
        self = kept
    }
}

extension UIDList: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { count }

    /// The UID at a place of `indices`.
    package subscript(position: Int) -> UInt32 {
        guard let index = lastRun(where: { Int($0.before) <= position }) else { return 0 }
        return runs[index].first + UInt32(truncatingIfNeeded: position - Int(runs[index].before))
    }
}

extension UIDList: ExpressibleByArrayLiteral {
    package init(arrayLiteral uids: UInt32...) { self.init(uids) }
}
