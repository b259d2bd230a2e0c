/// Threads as trees of nodes. Nodes below `messageCount` are messages, by their place in the list that was threaded; the
/// others stand for messages that are not there.
package struct ThreadForest: Sendable, Equatable {
    package private(set) var roots: [Int]
    package let messageCount: Int
    private var descendants: [[Int]]

    package init(roots: [Int], messageCount: Int, children: [[Int]]) {
        self.roots = roots
        self.messageCount = messageCount
        self.descendants = children
    }

    package func isMessage(_ node: Int) -> Bool { node < messageCount }

    /// In the order of the threads.
    package func children(of node: Int) -> [Int] { descendants.indices.contains(node) ? descendants[node] : [] }
}

/// A message as threads see it.
package struct ThreadedMessage: Sendable, Equatable {
    /// UTC, in microseconds.
    package let sentAt: Int64
    /// Hash of the base subject; 0 for an empty one.
    package let subject: Int64
    package let isReplyOrForward: Bool
    /// Hash of its id; nil without a valid one.
    package let messageID: Int64?
    /// Hashes of those it refers to, the nearest last.
    package let references: [Int64]

    package init(
        sentAt: Int64, subject: Int64, isReplyOrForward: Bool = false, messageID: Int64? = nil,
        references: [Int64] = []
    ) {
        self.sentAt = sentAt
        self.subject = subject
        self.isReplyOrForward = isReplyOrForward
        self.messageID = messageID
        self.references = references
    }
}

extension ThreadForest {
    /// THREAD=ORDEREDSUBJECT. RFC 5256 §3
    ///
    /// - Parameter messages: in the order of the mailbox.
    package init(orderedSubject messages: [ThreadedMessage]) {
        let order = messages.indices.sorted { left, right in
            (messages[left].sentAt, left) < (messages[right].sentAt, right)
        }
        var children = [[Int]](repeating: [], count: messages.count)
        var roots: [Int] = []
        var first: [Int64: Int] = [:]
        for message in order {
            if let root = first[messages[message].subject] {
                children[root].append(message)
            } else {
                first[messages[message].subject] = message
                roots.append(message)
            }
        }
        self.init(roots: roots, messageCount: messages.count, children: children)
    }
}
