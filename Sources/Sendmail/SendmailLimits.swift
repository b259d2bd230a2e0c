/// What one message may have.
package enum SendmailLimits {
    /// Recipients of one message.
    package static let recipients = 10_000
    /// Octets of a header.
    static let header = 1 << 20
    /// Octets of a message that are kept in memory.
    static let memory = 256 * 1024
}
