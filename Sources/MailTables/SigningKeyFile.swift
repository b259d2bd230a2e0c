import Glibc
import MailAuth
import MailSyntax

/// A private key in a file that nobody but the server may read.
enum SigningKeyFile {
    private static let mostOctets = 64 * 1024

    /// Reads a key.
    ///
    /// - Throws: what is wrong with the file or the key, never with what is in it.
    static func read(_ path: String, owners: Set<uid_t>) throws(TableFileError) -> (DKIMSigningKey, FileSignature) {
        guard !isMissing(path) else {
            throw TableFileError("there is no such file", remedy: "put the key there, or correct or remove the line")
        }
        let (octets, signature) = try TableFile.read(path) { info throws(TableFileError) in
            try requireSafe(path, info, owners)
        }
        try requireSafeFolders(of: path)
        guard octets.count <= mostOctets else {
            throw TableFileError("is no key: it is larger than 64 KiB", remedy: "name the PEM file of a private key")
        }
        do throws(DKIMKeyError) {
            return (try DKIMSigningKey(pem: String(decoding: octets, as: UTF8.self)), signature)
        } catch {
            throw TableFileError(
                "can't be used: \(error)", remedy: "write a key there (PKCS #1 or PKCS #8), or correct the key table")
        }
    }

    /// Surely no file.
    static func isMissing(_ path: String) -> Bool {
        access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)
    }

    /// Whose files are trusted: root's, the server's, and those of the user that the server becomes.
    static func owners(_ user: String?) -> Set<uid_t> {
        var owners: Set<uid_t> = [0, geteuid()]
        if let user, let entry = getpwnam(user) { owners.insert(entry.pointee.pw_uid) }
        return owners
    }

    private static func requireSafe(_ path: String, _ info: stat, _ owners: Set<uid_t>) throws(TableFileError) {
        let mode = info.st_mode & 0o7777
        guard mode & 0o027 == 0 else {
            let wanted = mode & 0o040 == 0 || mode & 0o007 != 0 ? "0600" : "0640"
            throw TableFileError(
                "is a private key that others may read or change (mode \(octal(mode)))",
                remedy: "chmod \(wanted) \(path)")
        }
        guard owners.contains(info.st_uid) else {
            let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
            throw TableFileError(
                "is a private key that belongs to another user (\(info.st_uid))",
                remedy: "chown \(name) \(path) && chmod 0600 \(path)")
        }
    }

    /// Whoever may write to a folder may put another key there.
    private static func requireSafeFolders(of path: String) throws(TableFileError) {
        var folder = path
        while let slash = folder.lastIndex(of: "/") {
            folder = String(folder[..<slash])
            var info = stat()
            let name = folder.isEmpty ? "/" : folder
            guard stat(name, &info) == 0 else { throw TableFileError(errno: errno) }
            let mode = info.st_mode & 0o7777
            guard mode & 0o002 == 0 || mode & 0o1000 != 0 else {
                throw TableFileError(
                    "is in a folder that everybody may write to (\(name), mode \(octal(mode)))",
                    remedy: "chmod o-w \(name)")
            }
        }
    }

    private static func octal(_ mode: mode_t) -> String {
        let text = String(mode, radix: 8)
        return String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
    }
}
