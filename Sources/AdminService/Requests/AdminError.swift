/// The exit codes of sysexits.h, as far as the program uses them.
package enum ExitStatus: Int32, Codable, Sendable {
    case ok = 0
    /// The command was used wrongly.
    case usage = 64
    /// What was given is malformed.
    case data = 65
    /// A file that was named can't be read.
    case noInput = 66
    /// The account or address does not exist.
    case noUser = 67
    /// The domain or host does not exist.
    case noHost = 68
    /// The server is not there, or a check failed.
    case unavailable = 69
    /// A fault of the program itself.
    case software = 70
    case osError = 71
    case osFile = 72
    case cannotCreate = 73
    case ioError = 74
    /// Try again later.
    case temporary = 75
    case protocolError = 76
    case noPermission = 77
    /// The manifest is wrong.
    case config = 78
}

/// What went wrong with an operation, in words for the operator: what it was and what to do about it.
package struct AdminError: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    package var status: ExitStatus
    /// One sentence without a final full stop.
    package var message: String
    /// What to do; nil when the message says it all.
    package var remedy: String?

    package init(_ status: ExitStatus, _ message: String, remedy: String? = nil) {
        self.status = status
        self.message = message
        self.remedy = remedy
    }

    package var description: String {
        guard let remedy else { return message }
        return "\(message)\n  \(remedy)"
    }
}
