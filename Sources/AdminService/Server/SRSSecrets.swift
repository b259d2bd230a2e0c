import MailAuth
import MailConfig

/// Reads the secrets of the Sender Rewriting Scheme.
enum SRSSecrets {
    private static let shortest = 8

    /// What `rewrite.srs` makes: each line of the file a secret, the first one for new addresses.
    ///
    /// - Returns: nil where there is no `rewrite.srs`.
    /// - Throws: `AdminError`; never with what is in the file.
    static func codec(_ manifest: Manifest) throws -> SRSCodec? {
        guard let srs = manifest.rewrite.srs else { return nil }
        let text: [UInt8]
        do {
            switch srs.secret {
            case .file(let path): text = try FileBytes.read(path, limit: 64 * 1024)
            case .environment(let name): text = Array((ManifestFile.environment[name] ?? "").utf8)
            }
        } catch {
            throw AdminError(
                .config, "the secrets of rewrite.srs can't be read: \(error)",
                remedy: "correct rewrite.srs, or let the server's user read the file")
        }
        let secrets = text.split { $0 == 10 || $0 == 13 }.map(Array.init).filter { !$0.isEmpty }
        let days = Int(srs.validity.components.seconds / 86400)
        guard let codec = SRSCodec(domain: srs.domain, secrets: secrets, validDays: days),
            secrets.allSatisfy({ $0.count >= shortest })
        else {
            throw AdminError(
                .config, "rewrite.srs has no secret of \(shortest) octets or more",
                remedy: "write one, a line each, newest first: openssl rand -base64 24")
        }
        return codec
    }
}
