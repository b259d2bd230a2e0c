@testable import Directory

enum DirectoryFuzz {
    static let entries = [FuzzEntry("password-scheme", passwordScheme)]

    static func passwordScheme(_ bytes: [UInt8]) {
        do throws(PasswordHashError) {
            let parsed = try StoredPassword(parsing: String(decoding: bytes, as: UTF8.self))
            guard case .digest(let algorithm, let digest, _) = parsed else { return }
            precondition(digest.count == algorithm.length, "a digest has the wrong length")
        } catch {
            precondition(!"\(error)".isEmpty, "a refusal says nothing")
        }
    }
}
