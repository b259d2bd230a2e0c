import Crypto
import MailSyntax
import SASLCore

/// Whom a SCRAM exchange is about.
struct ProofSubject: Sendable {
    let login: String
    let verifier: SCRAMVerifier
    let account: Account?
    /// The verifier is the account's: else nothing proves the password.
    let isReal: Bool
}

/// A login that ended before it was looked at.
struct EarlyVerdict: Error {
    let report: LoginReport
}

// SCRAM: the client proves that it knows the password, and never sends it. RFC 5802
extension Authenticator {
    /// What is kept of a login, or something that looks like it to whoever asks for a name that has nothing.
    func proofSubject(_ login: String, client: IPAddress) async -> Result<ProofSubject, EarlyVerdict> {
        guard !isThrottled(client) else { return .failure(EarlyVerdict(report: LoginReport(.throttled, .throttled))) }
        do {
            let folded = EmailAddress(login)?.folded
            let key = try await decoyKey()
            let decoy = SCRAMVerifier.decoy(for: folded ?? login, key: key)
            let found = if let folded { try await source.credentials(for: folded) } else { AccountCredentials?.none }
            let real = try await verifier(of: found?.credentials ?? [], salt: decoy.salt)
            return .success(
                ProofSubject(login: login, verifier: real ?? decoy, account: found?.account, isReal: real != nil))
        } catch {
            let report = LoginReport(
                .temporaryFailure("the account cannot be looked up now"), .unavailable("\(error)"))
            return .failure(EarlyVerdict(report: report))
        }
    }

    /// The end of an exchange, counted.
    func conclude(_ subject: ProofSubject, isProven: Bool, client: IPAddress) -> LoginReport {
        let report: LoginReport
        if isProven, subject.isReal, let account = subject.account {
            report =
                account.isEnabled
                ? LoginReport(.success(account), .verified) : LoginReport(.disabled, .accountDisabled)
        } else if subject.account == nil {
            report = LoginReport(.invalidCredentials, .unknownAccount)
        } else {
            report = LoginReport(
                .invalidCredentials,
                subject.isReal
                    ? .wrongPassword
                    : .unusableCredential(
                        "the account has no SCRAM verifier: a login with PLAIN, or a new password, makes one"))
        }
        record(report, from: client)
        return report
    }

    /// The verifier among an account's credentials, the oldest first.
    ///
    /// One that was made of a password counts only as long as the password is there: they have the same label. A password
    /// that is kept in the clear gives one each time.
    private func verifier(of credentials: [StoredCredential], salt: [UInt8]) async throws -> SCRAMVerifier? {
        let passwords = credentials.filter { $0.kind == .password }
        for credential in credentials where credential.kind == .scramSHA256 {
            guard passwords.contains(where: { $0.label == credential.label }) else { continue }
            if let verifier = SCRAMVerifier(parsing: credential.value) { return verifier }
        }
        for password in passwords {
            switch try? StoredPassword(parsing: password.value) {
            case .scramSHA256(let verifier): return verifier
            case .plain(let octets):
                return try await pool.run { _ throws(PasswordHashError) in
                    SCRAMVerifier(password: Secret(octets), salt: salt)
                }
            default: continue
            }
        }
        return nil
    }
}

extension SCRAMVerifier {
    /// What is told of a login that has no verifier: the same each time, and like those that are kept.
    // RFC 5802 §9: a server that answers unknown users differently tells who its users are
    fileprivate static func decoy(for login: String, key: SymmetricKey) -> SCRAMVerifier {
        func digest(_ purpose: String) -> [UInt8] {
            Array(HMAC<SHA256>.authenticationCode(for: Array("\(purpose) \(login)".utf8), using: key))
        }
        return SCRAMVerifier(
            iterations: SCRAMVerifier.minimumIterations, salt: Array(digest("salt").prefix(16)),
            storedKey: digest("stored"), serverKey: digest("server"))
    }
}
