/// THREAD=REFERENCES, step by step as RFC 5256 §3 has it.
///
/// Nodes are numbers: messages first, then dummies. Links are kept in arrays; nothing recurses, since who writes mail
/// chooses how long a thread is.
struct ReferencesThreader {
    private let messages: [ThreadedMessage]
    private var parent: [Int32]
    /// Which nodes may hang together: two of different groups do not. Without it every link would walk up its thread.
    private var group: [Int32]
    private var children: [[Int32]] = []
    private var roots: [Int32] = []
    private static let none: Int32 = -1

    init(_ messages: [ThreadedMessage]) {
        self.messages = messages
        parent = [Int32](repeating: Self.none, count: messages.count)
        group = messages.indices.map { Int32(truncatingIfNeeded: $0) }
    }

    mutating func run() -> ThreadForest {
        link()
        gatherRoots()
        prune()
        sortRoots()
        mergeSubjects()
        sortSiblings()
        return ThreadForest(
            roots: roots.map(Int.init), messageCount: messages.count, children: children.map { $0.map(Int.init) })
    }

    private func isDummy(_ node: Int32) -> Bool { node >= messages.count }

    // MARK: RFC 5256 §3 (1)

    private mutating func link() {
        var byID: [Int64: Int32] = [:]
        byID.reserveCapacity(messages.count * 2)
        // Of two with the same id the first has it.
        for (node, message) in messages.enumerated() {
            guard let id = message.messageID, byID[id] == nil else { continue }
            byID[id] = Int32(truncatingIfNeeded: node)
        }
        for (index, message) in messages.enumerated() {
            let node = Int32(truncatingIfNeeded: index)
            var before = Self.none
            for reference in message.references {
                let cited = byID[reference] ?? dummy(reference, &byID)
                // (A) an existing link stays, and none may close a loop
                if before != Self.none, parent[Int(cited)] == Self.none { put(cited, below: before) }
                before = cited
            }
            // (B) the last reference is the parent, whatever was assumed before
            guard before == Self.none || parent[Int(node)] != before else { continue }
            parent[Int(node)] = Self.none
            if before != Self.none { put(node, below: before) }
        }
    }

    /// Links two nodes unless that would close a loop.
    private mutating func put(_ node: Int32, below other: Int32) {
        let (own, above) = (groupOf(node), groupOf(other))
        if own == above, isAncestor(node, of: other) { return }
        parent[Int(node)] = other
        group[Int(own)] = above
    }

    private mutating func groupOf(_ node: Int32) -> Int32 {
        var node = node
        while group[Int(node)] != node {
            group[Int(node)] = group[Int(group[Int(node)])]
            node = group[Int(node)]
        }
        return node
    }

    private mutating func dummy(_ reference: Int64, _ byID: inout [Int64: Int32]) -> Int32 {
        let node = Int32(truncatingIfNeeded: parent.count)
        parent.append(Self.none)
        group.append(node)
        byID[reference] = node
        return node
    }

    /// Whether `node` is `other` or stands above it.
    private func isAncestor(_ node: Int32, of other: Int32) -> Bool {
        var current = other
        while current != Self.none {
            if current == node { return true }
            current = parent[Int(current)]
        }
        return false
    }

    // MARK: RFC 5256 §3 (2) and (3)

    private mutating func gatherRoots() {
        children = [[Int32]](repeating: [], count: parent.count)
        for (index, above) in parent.enumerated() {
            let node = Int32(truncatingIfNeeded: index)
            if above == Self.none { roots.append(node) } else { children[Int(above)].append(node) }
        }
    }

    /// Takes out dummies, children before parents, so that each is looked at once.
    private mutating func prune() {
        for node in postOrder(of: roots) where !children[Int(node)].isEmpty {
            var kept: [Int32] = []
            for child in children[Int(node)] {
                if isDummy(child) { kept += children[Int(child)] } else { kept.append(child) }
            }
            children[Int(node)] = kept
        }
        roots = roots.compactMap { root in
            guard isDummy(root) else { return root }
            // Several children of a dummy stay together below it; one takes its place.
            switch children[Int(root)].count {
            case 0: return nil
            case 1: return children[Int(root)][0]
            default: return root
            }
        }
    }

    /// Every node below and with `starts`, each after all below it.
    private func postOrder(of starts: [Int32]) -> [Int32] {
        var order: [Int32] = []
        order.reserveCapacity(parent.count)
        var stack = starts
        while let node = stack.popLast() {
            order.append(node)
            stack += children[Int(node)]
        }
        return order.reversed()
    }

    // MARK: RFC 5256 §3 (4)

    private mutating func sortRoots() {
        for root in roots where isDummy(root) { sortChildren(of: root) }
        sort(&roots)
    }

    private mutating func sortChildren(of node: Int32) {
        guard children[Int(node)].count > 1 else { return }
        var list = children[Int(node)]
        children[Int(node)] = []
        sort(&list)
        children[Int(node)] = list
    }

    /// The message a node is sorted by: itself, or the first child of a dummy.
    private func lead(_ node: Int32) -> Int32 {
        var node = node
        while isDummy(node), let first = children[Int(node)].first { node = first }
        return node
    }

    private func sort(_ nodes: inout [Int32]) {
        var keyed = nodes.map { node -> (date: Int64, place: Int32, node: Int32) in
            let lead = lead(node)
            return (isDummy(lead) ? 0 : messages[Int(lead)].sentAt, lead, node)
        }
        keyed.sort { ($0.date, $0.place) < ($1.date, $1.place) }
        nodes = keyed.map(\.node)
    }

    // MARK: RFC 5256 §3 (5)

    private mutating func mergeSubjects() {
        var table: [Int64: Int32] = [:]
        for root in roots {
            guard let lead = message(root), lead.subject != 0 else { continue }
            guard let known = table[lead.subject] else {
                table[lead.subject] = root
                continue
            }
            guard !isDummy(known) else { continue }
            let isReply = message(known)?.isReplyOrForward == true
            if isDummy(root) || isReply && !lead.isReplyOrForward { table[lead.subject] = root }
        }
        var merged = Merge()
        for root in roots {
            guard !merged.gone.contains(root), let subject = message(root)?.subject, subject != 0,
                let known = table[subject], known != root
            else { continue }
            merged.gone.insert(root)
            if let dummy = merge(root, into: known) {
                merged.gone.insert(known)
                merged.inPlaceOf[known] = dummy
                table[subject] = dummy
            }
        }
        guard !merged.gone.isEmpty else { return }
        roots = roots.compactMap { merged.inPlaceOf[$0] ?? (merged.gone.contains($0) ? nil : $0) }
    }

    private struct Merge {
        var gone: Set<Int32> = []
        /// The dummies that took the place of threads.
        var inPlaceOf: [Int32: Int32] = [:]
    }

    /// The message that gives a thread its subject.
    private func message(_ root: Int32) -> ThreadedMessage? {
        let lead = lead(root)
        return isDummy(lead) ? nil : messages[Int(lead)]
    }

    /// - Returns: the dummy that both went below, where neither answers the other.
    private mutating func merge(_ root: Int32, into known: Int32) -> Int32? {
        switch (isDummy(known), isDummy(root)) {
        case (true, true):
            children[Int(known)] += children[Int(root)]
            children[Int(root)] = []
        case (true, false):
            children[Int(known)].append(root)
        case (false, _):
            let answers = !isDummy(root) && messages[Int(root)].isReplyOrForward
            if answers, !messages[Int(known)].isReplyOrForward {
                children[Int(known)].append(root)
                return nil
            }
            children.append([known, root])
            parent.append(Self.none)
            return Int32(truncatingIfNeeded: children.count - 1)
        }
        return nil
    }

    // MARK: RFC 5256 §3 (6)

    private mutating func sortSiblings() {
        for node in postOrder(of: roots) { sortChildren(of: node) }
        sort(&roots)
    }
}

extension ThreadForest {
    /// THREAD=REFERENCES. RFC 5256 §3
    ///
    /// - Parameter messages: in the order of the mailbox.
    package init(references messages: [ThreadedMessage]) {
        var threader = ReferencesThreader(messages)
        self = threader.run()
    }
}
