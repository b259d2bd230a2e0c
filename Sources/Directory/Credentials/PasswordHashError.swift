/// Why a stored password hash cannot be used, or a new one cannot be made.
package enum PasswordHashError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The scheme is known or unknown, but not verified here. `remedy` says what to do instead.
    case unsupportedScheme(String, remedy: String)
    /// The scheme is supported, but what follows its name is not of its form.
    case damaged(scheme: String)
    /// The password cannot be hashed: it is empty, too long, or holds control characters.
    case unusablePassword
    /// The system's library failed, which means it could not get memory or random octets.
    case libraryFailure(String)
    /// More hashes are waiting than `HashingPool` takes.
    case busy

    package var description: String {
        switch self {
        case .unsupportedScheme(let name, let remedy): "password scheme {\(name)} is not supported: \(remedy)"
        case .damaged(let scheme): "the stored {\(scheme)} password is damaged: set a new password"
        case .unusablePassword:
            "this password cannot be used: it must be 1 to \(PasswordHash.longestPassword) octets without control characters"
        case .libraryFailure(let call): "\(call) failed"
        case .busy: "too many logins are being checked"
        }
    }
}
