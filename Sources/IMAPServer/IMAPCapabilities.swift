import SASLCore

/// What a session may do, as far as CAPABILITY depends on it.
struct CapabilityState: Sendable, Equatable {
    /// Whether the connection is encrypted.
    var isSecure: Bool
    /// Whether a certificate is there, so that STARTTLS can be offered.
    var canStartTLS: Bool
    /// Whether passwords may cross an unencrypted connection.
    var allowsPlaintext = false
    /// What AUTHENTICATE takes.
    var mechanisms: [SASLMechanism] = [.plain, .login]
    var isAuthenticated = false
    /// Whether what is sent is compressed already. RFC 4978 §3
    var isCompressed = false
    /// Octets of the largest message that APPEND takes. RFC 7889 §2
    var appendLimit: Int?
    /// What ENABLE passes over though it is there.
    var withheld: EnabledExtensions = []
}

/// The capabilities of each state. RFC 3501 §6.1.1
enum IMAPCapabilities {
    private static let always = ["IMAP4rev1", "IMAP4rev2", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE"]
    private static let afterLogin = [
        "NAMESPACE", "UIDPLUS", "UNSELECT", "CHILDREN", "MOVE", "ESEARCH", "CONDSTORE", "QRESYNC", "QUOTA",
        "LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CREATE-SPECIAL-USE", "STATUS=SIZE",
        "SEARCHRES", "WITHIN", "PARTIAL", "SORT", "SORT=DISPLAY", "ESORT", "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES",
        "OBJECTID", "SAVEDATE", "UNAUTHENTICATE", "INPROGRESS", "NOTIFY",
        "CONTEXT=SEARCH", "CONTEXT=SORT", "MULTISEARCH",
    ]

    /// What can be put in, and how it is given out.
    private static let messages = ["MULTIAPPEND", "BINARY", "CATENATE", "REPLACE", "PREVIEW", "UTF8=ACCEPT"]

    private static let mailboxes = [
        "ACL", "LIST-MYRIGHTS", "METADATA", "LIST-METADATA", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE",
        // RFC 4314 §5.1.1: the rights that RFC 2086 did not have
        "RIGHTS=kxte",
    ]

    static func keywords(_ state: CapabilityState) -> [String] {
        if state.isAuthenticated {
            return always + afterLogin + mailboxes + messages + (state.isCompressed ? [] : ["COMPRESS=DEFLATE"])
                + (state.appendLimit.map { ["APPENDLIMIT=\($0)"] } ?? [])
                + (state.withheld.contains(.uidOnly) ? [] : ["UIDONLY"])
        }
        var keywords = always
        // RFC 3501 §6.2.1: STARTTLS only while it can be used
        if !state.isSecure, state.canStartTLS { keywords.append("STARTTLS") }
        if state.isSecure || state.allowsPlaintext {
            keywords += state.mechanisms.map { "AUTH=\($0.rawValue)" }
        } else {
            // RFC 3501 §7.2.1, §11.2: no password before encryption
            keywords.append("LOGINDISABLED")
        }
        return keywords
    }

    static func text(_ state: CapabilityState) -> String {
        keywords(state).joined(separator: " ")
    }
}
