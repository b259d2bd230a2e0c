import SQLEngine

/// Which keywords a mailbox knows.
extension MailStore {
    /// Different keywords of one mailbox: FLAGS lists them all.
    package static let keywordLimit = 500

    /// Notes keywords that a message is about to have.
    /// - Throws: `.tooManyKeywords`.
    static func note(_ writer: any SQLWriter, _ mailbox: MailboxID, keywords: some Sequence<String>) throws {
        var isNew = false
        for keyword in keywords {
            if try writer.execute(MailStoreStatements.noteKeyword, mailbox, keyword.lowercased(), keyword) > 0 {
                isNew = true
            }
        }
        guard isNew, try count(writer, mailbox) > keywordLimit else { return }
        // Those that no message has any more make room. What is just being given may be among them: it is noted again.
        try writer.execute(MailStoreStatements.forgetUnusedKeywords, mailbox)
        for keyword in keywords {
            try writer.execute(MailStoreStatements.noteKeyword, mailbox, keyword.lowercased(), keyword)
        }
        guard try count(writer, mailbox) <= keywordLimit else { throw MailStoreError.tooManyKeywords }
    }

    private static func count(_ reader: any SQLReader, _ mailbox: MailboxID) throws -> Int {
        try reader.first(MailStoreStatements.keywordCount, mailbox) { $0.int(0) } ?? 0
    }

    /// Octets of the messages marked \Deleted. RFC 9208 §4.1.4
    package func deletedSize(_ mailbox: MailboxID) async throws -> Int64 {
        try await database.read { try $0.first(MailStoreStatements.deletedSize, mailbox) { $0.int64(0) } } ?? 0
    }
}
