import MailSyntax
import SASLCore

/// What came of a login with a password that the directory doesn't keep.
package enum PasswordVerdict: Sendable, Equatable {
    case right
    case wrong
    /// Too many failures from this address lately; the password was not looked at.
    case throttled
    /// Nothing is known about the password; the text is for the log.
    case unavailable(String)
}

/// A stored password of a device, as `{SCHEME}…`. Never printed.
package struct DevicePassword: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let stored: String

    /// - Parameter text: what an operator wrote: a password, or a hash with its scheme or its `$id$`.
    /// - Throws: `unsupportedScheme` or `damaged` for a hash that can't be verified; `unusablePassword` for nothing.
    package init(_ text: String) throws(PasswordHashError) {
        guard !text.isEmpty else { throw .unusablePassword }
        stored = text.first == "{" || Self.isCrypt(text) ? text : "{PLAIN}" + text
        try PasswordHash.check(stored: stored)
    }

    /// `$6$salt$hash`: an id, and two more parts.
    private static func isCrypt(_ text: String) -> Bool {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        return parts.count >= 4 && parts[0].isEmpty && (1...4).contains(parts[1].utf8.count)
            && parts[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
    }

    package var description: String { "device password" }
    package var debugDescription: String { description }
}

extension Authenticator {
    /// Judges a device's login, with the throttle and the memory that accounts have.
    ///
    /// - Parameter isAllowed: false: whatever the password, the attempt is wrong; it takes as long as any.
    package func judge(
        _ attempt: LoginAttempt, device password: DevicePassword, isAllowed: Bool = true
    ) async -> PasswordVerdict {
        await throttled(attempt.client) {
            let credential = StoredCredential(id: 0, kind: .password, value: password.stored)
            let key = verdictKey(attempt.login, attempt.password, [credential])
            let verdict: PasswordVerdict
            if let known = remembered(key) {
                verdict = known ? .right : .wrong
            } else {
                switch await check(attempt.password, [credential], key) {
                case .match, .remembered(true): verdict = .right
                case .remembered(false): verdict = .wrong
                case .mismatch:
                    rememberMismatch(key)
                    verdict = .wrong
                case .unavailable(let error): verdict = .unavailable("\(error)")
                }
            }
            guard verdict == .right else { return verdict }
            let isOther = attempt.authorization.map { !$0.isEmpty && $0 != attempt.login } ?? false
            return isAllowed && !isOther ? .right : .wrong
        }
    }
}
