/// The bounds on what a client may send; every one is checked before memory is spent.
package struct IMAPLimits: Hashable, Sendable {
    /// Octets of a command line without literals. RFC 2683 §3.2.1.5 asks for 8000; sets of large mailboxes are longer.
    package var line = 65_536
    /// Octets of a line before login, where no set can be sent.
    package var lineBeforeLogin = 8192
    /// Octets of one literal that is not APPEND's message: search strings, mailbox names, passwords.
    package var literal = 65_536
    /// Octets of one literal before login: user name and password.
    package var literalBeforeLogin = 1024
    /// Octets of a command with all its literals.
    package var command = 262_144
    /// Octets of a command with all its literals before login.
    package var commandBeforeLogin = 8192
    /// Literals in one command.
    package var literals = 100
    /// Octets of an APPEND message; the parser refuses a larger one before it is sent.
    package var appendSize = 64 * 1024 * 1024
    /// Messages in one APPEND (RFC 3502); each holds its header, and perhaps a file, until all are there.
    package var appendMessages = 100
    /// Octets of a non-synchronizing literal of message text up to which it comes in behind its announcement without being
    /// asked for: it is sent anyway, and asking costs the session's thread and the connection's a wait for each other.
    package var appendUnasked = 16_384
    /// Octets of one piece of an APPEND message (a bounded channel counts pieces).
    package var appendChunk = 65_536
    /// Octets of a non-synchronising literal that are read and dropped to stay in step; beyond, the connection closes.
    package var swallow = 64 * 1024 * 1024
    /// Octets of an over-long line that are read and dropped; beyond, the connection closes.
    package var swallowLine = 1024 * 1024
    /// Octets of a base64 line in AUTHENTICATE. RFC 4422 leaves it open; Kerberos tickets and OAuth tokens fit.
    package var authenticationLine = 16_384
    /// Octets of a tag.
    package var tag = 128
    /// Octets of a mailbox name as sent.
    package var mailboxName = 1024
    /// Ranges in one set.
    package var setElements = 20_000
    /// Search keys in one command, nested ones counted.
    package var searchKeys = 500
    /// Depth of parentheses, NOT and OR in SEARCH.
    package var searchDepth = 32
    /// Criteria of one SORT.
    package var sortCriteria = 20
    /// Mailboxes named in one source of ESEARCH.
    package var searchedMailboxes = 500
    /// Items of one FETCH.
    package var fetchItems = 100
    /// Field names in one section.
    package var headerFields = 200
    /// Depth of a part number; the MIME scanner stops at 30.
    package var partDepth = 100
    /// Flags in one STORE or APPEND.
    package var flags = 200
    /// Octets of one keyword.
    package var keyword = 128
    /// Patterns in one LIST.
    package var listPatterns = 50
    /// Names in one GETMETADATA, SETMETADATA or LIST that returns annotations.
    package var metadataEntries = 100
    /// Pairs in one ID (RFC 2971 §3.3).
    package var idFields = 30
    /// Octets of an ID value (RFC 2971 §3.3).
    package var idValue = 1024

    package init() {}

    /// The size of the largest message as APPENDLIMIT tells it. RFC 3501 §9 (number): 32 bits
    package var toldAppendSize: Int { min(max(0, appendSize), Int(UInt32.max)) }
}
