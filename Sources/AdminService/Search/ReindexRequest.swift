/// What making the text index anew asks of the store; in steps, so that searches and deliveries go on between them.
package enum ReindexRequest: Codable, Sendable, Equatable {
    /// Nil for every account.
    case accounts(String?)
    /// Drops what is there.
    case begin(account: String)
    /// Indexes the next emails after one.
    case step(account: String, after: Int64)
}

package enum ReindexAnswer: Codable, Sendable, Equatable {
    case accounts([String])
    /// - total: emails of the account.
    case begun(total: Int)
    /// - last: of this step; nil when there are no more.
    case stepped(last: Int64?, count: Int)
}
