package import MailSyntax

/// Where a signing key stands in its life; each state follows the one before, and none is taken twice.
package enum DKIMKeyState: String, Sendable, Hashable, Codable, CaseIterable {
    /// Made, and signs nothing until its record is in the DNS.
    case next
    /// New mail is signed with it.
    case active
    /// Replaced: signs nothing more, and its record is wanted for mail that is still under way.
    case retiring
    /// Its record may go, and the private key is deleted.
    case retired
}

/// The last answer of the DNS about a key.
package struct DKIMKeySeen: Sendable, Hashable {
    package let at: Timestamp
    /// In words, for an operator.
    package let answer: String
    /// There surely was no record.
    package let isAbsent: Bool

    package init(at: Timestamp, answer: String, isAbsent: Bool) {
        self.at = at
        self.answer = answer
        self.isAbsent = isAbsent
    }
}
