/// A status response: `tag OK [CODE] text`, `* BYE text` …
package struct IMAPStatus: Hashable, Sendable {
    package enum Condition: String, Hashable, Sendable {
        case ok = "OK"
        case no = "NO"
        case bad = "BAD"
        /// Untagged only, the greeting.
        case preauth = "PREAUTH"
        /// Untagged only.
        case bye = "BYE"
    }

    package let condition: Condition
    package let code: IMAPResponseCode?
    /// Human text; control characters and 8-bit are replaced when written, an empty one too.
    package let text: String

    package init(_ condition: Condition, _ code: IMAPResponseCode?, _ text: String) {
        self.condition = condition
        self.code = code
        self.text = text
    }

    package init(_ condition: Condition, _ text: String) {
        self.init(condition, nil, text)
    }
}

// RFC 3501 §7.1, RFC 5530 §3
/// What stands in the brackets of a status response.
package enum IMAPResponseCode: Hashable, Sendable {
    case alert
    /// The charsets that would do; may be empty.
    case badCharset([String])
    case capability([String])
    /// `true` adds `\*`: keywords may be made.
    case permanentFlags([IMAPFlag], newKeywords: Bool)
    case readOnly
    case readWrite
    case tryCreate
    case uidNext(IMAPUID)
    case uidValidity(UInt32)
    case unseen(SequenceNumber)
    case parse
    // RFC 4315 §3
    case appendUID(validity: UInt32, uids: [ClosedRange<UInt32>])
    case copyUID(validity: UInt32, source: [ClosedRange<UInt32>], destination: [ClosedRange<UInt32>])
    case uidNotSticky
    // RFC 7162 §3.1
    case highestModSequence(UInt64)
    case noModSequence
    /// Sequence numbers or UIDs, as the STORE counted.
    case modified([ClosedRange<UInt32>])
    case closed
    // RFC 5182 §2.1
    case notSaved
    // RFC 9586 §3
    case uidRequired
    /// The tag of the search that is not followed. RFC 5267 §4.3.1
    case noUpdate(String)
    // RFC 9208 §4.3.1
    case overQuota
    // RFC 5464 §4.2.1
    /// The size of the largest value that was left out.
    case metadataLongEntries(UInt64)
    // RFC 5464 §4.3
    case metadataMaximumSize(UInt64)
    case metadataTooMany
    // RFC 7889 §4
    case tooBig
    // RFC 6154 §3
    case useAttribute
    // RFC 3516 §4.3
    case unknownCTE
    case unavailable
    case authenticationFailed
    case authorizationFailed
    case expired
    case privacyRequired
    case contactAdmin
    case noPermission
    case inUse
    case expungeIssued
    case corruption
    case serverBug
    case clientBug
    case cannot
    case limit
    case alreadyExists
    case nonExistent
    // RFC 9051 §7.1
    case hasChildren
    /// The events that can be had. RFC 5465 §8
    case badEvent([String])
    case notificationOverflow
    // RFC 8474 §4.1
    case mailboxID(String)
    // RFC 9585 §4
    /// The command's tag, how much of it is done, and how much there is, which is more than what is done; nil where that is
    /// not known. A tag that can't stand in brackets is left out.
    case inProgress(tag: String, done: UInt32?, of: UInt32?)
    // RFC 4978 §3
    case compressionActive
    // RFC 4469 §4.1
    case badURL([UInt8])
}
