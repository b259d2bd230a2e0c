import Directory
import MailConfig
import MailSyntax
import Synchronization

/// The passwords of `devices`, read when a manifest comes into effect.
final class DevicePasswords: Sendable {
    private let passwords: Mutex<[String: DevicePassword]>

    init(_ passwords: [String: DevicePassword]) {
        self.passwords = Mutex(passwords)
    }

    /// By the name of the device.
    var current: [String: DevicePassword] { passwords.withLock { $0 } }

    func set(_ new: [String: DevicePassword]) {
        passwords.withLock { $0 = new }
    }

    /// Reads the passwords of a manifest's devices.
    ///
    /// - Throws: `AdminError` naming the device whose password can't be read or used.
    static func read(_ manifest: Manifest) throws -> [String: DevicePassword] {
        var passwords: [String: DevicePassword] = [:]
        for device in manifest.devices {
            guard let source = device.password else { continue }
            do {
                passwords[device.name] = try DevicePassword(try text(of: source))
            } catch {
                throw AdminError(
                    .config, "the password of the device \(device.name) can't be used: \(error)",
                    remedy: "correct devices (\(device.origin)), or let the server's user read the file")
            }
        }
        return passwords
    }

    private struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    /// The first line of a file, or the value of a variable.
    private static func text(of source: SecretSource) throws -> String {
        let bytes: [UInt8]
        switch source {
        case .file(let path): bytes = try FileBytes.read(path, limit: 64 * 1024)
        case .environment(let name):
            guard let value = ManifestFile.environment[name] else {
                throw Missing(description: "the environment has no \(name)")
            }
            bytes = Array(value.utf8)
        }
        guard let text = String(validating: bytes.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self) else {
            throw Missing(description: "it is not UTF-8")
        }
        guard !text.isEmpty else { throw Missing(description: "it is empty") }
        return text
    }

    /// - Throws: `AdminError` when a device logs in with the name of an account or an alias.
    static func requireOwnNames(_ manifest: Manifest, _ directory: DirectorySnapshot) throws {
        try requireOwnNames(manifest) { directory.account($0) != nil || directory.alias($0) != nil }
    }

    /// - Parameter isTaken: whether the address is an account's or an alias'.
    static func requireOwnNames(_ manifest: Manifest, isTaken: (EmailAddress) -> Bool) throws {
        for device in manifest.devices {
            guard let address = device.username.flatMap({ EmailAddress($0) }), isTaken(address) else { continue }
            throw AdminError(
                .config,
                "the device \(device.name) (\(device.origin)) logs in as \(address), which is in the directory",
                remedy: "give the device another `username`")
        }
    }

    /// - Throws: `AdminError` when a device of the manifest logs in with the address.
    static func requireFree(_ address: EmailAddress, _ manifest: Manifest) throws {
        let other = manifest.devices.first { $0.username.map(EmailAddress.fold) == address.folded }
        guard let other else { return }
        throw AdminError(
            .cannotCreate, "the device \(other.name) (\(other.origin)) logs in as \(address)",
            remedy: "give the device another `username` in the manifest first")
    }
}
