package import MailMove

/// What an import or an export asks of the store. Octets of messages travel in files of the data directory.
package enum MovingRequest: Codable, Sendable, Equatable {
    case begin(account: String, IncomingFolder)
    case known(IncomingPlace, after: Int64, limit: Int)
    case add(account: String, StagedBatch)
    case subscribe(account: String, paths: [String])
    case folders(account: String)
    case messages(mailbox: Int64, after: UInt32, limit: Int)
}

package enum MovingAnswer: Codable, Sendable, Equatable {
    case place(IncomingPlace)
    case known([Int64])
    case count(MoveCount)
    case done
    case folders([OutgoingFolder])
    case messages([OutgoingEntry])
}
