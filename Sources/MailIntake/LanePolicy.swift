package import OutboundQueue

/// Which lane of the queue a message takes: bulk mail says so in its header, has many recipients, or comes from a login
/// that sends nothing else.
package struct LanePolicy: Sendable, Equatable {
    /// From so many recipients elsewhere on a message is bulk.
    package var bulkRecipients: Int
    /// Accounts' addresses and devices' names, in lower case.
    package var bulkLogins: Set<String>

    package init(bulkRecipients: Int = 50, bulkLogins: [String] = []) {
        self.bulkRecipients = bulkRecipients
        self.bulkLogins = Set(bulkLogins.map { $0.lowercased() })
    }

    package func lane(header: [UInt8], recipients: Int, login: String?) -> QueueLane {
        if recipients >= bulkRecipients { return .bulk }
        if !bulkLogins.isEmpty, let login, bulkLogins.contains(login.lowercased()) { return .bulk }
        return Self.saysBulk(header) ? .bulk : .interactive
    }

    /// Looks at the first octet of each line, and at the rest of few.
    private static func saysBulk(_ header: [UInt8]) -> Bool {
        header.withUnsafeBufferPointer { bytes in
            var start = 0
            while start < bytes.count {
                let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
                let first = bytes[start] | 0x20
                if first == UInt8(ascii: "l") || first == UInt8(ascii: "p"), isBulkField(bytes[start..<end]) {
                    return true
                }
                start = end + 1
            }
            return false
        }
    }

    private static func isBulkField(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let text = String(decoding: line.prefix(80), as: UTF8.self).lowercased()
        guard let colon = text.firstIndex(of: ":") else { return false }
        switch text[..<colon] {
        // RFC 2919 §2, RFC 2369 §3.2
        case "list-id", "list-unsubscribe": return true
        case "precedence":
            let value = text[text.index(after: colon)...].filter { !$0.isWhitespace }
            return ["bulk", "list", "junk"].contains(value)
        default: return false
        }
    }
}
