import Glibc
import MailConfig

/// The folders of `sendmail`: what every user of the host may reach, and how far.
enum SendmailFolders {
    /// Makes them as they have to be. The caller acts as root where `user` is given.
    ///
    /// - Throws: `AdminError` where they can't be made.
    static func prepare(_ manifest: Manifest, for user: ServerUser?) throws {
        guard manifest.sendmail.enabled else { return }
        let folder = manifest.sendmailDirectory
        let data = manifest.storage.dataDirectory
        guard !folder.hasPrefix("\(data)/") || folder == "\(data)/sendmail" else {
            throw AdminError(
                .config, "sendmail.directory, \(folder), is inside the data directory",
                remedy: "leave it out, or name a folder elsewhere, such as /var/spool/martlet")
        }
        if folder.hasPrefix("\(data)/") { try letThrough(data) }
        try make(folder, mode: 0o755, for: user)
        // Everybody may put files there, nobody but the server may look, and nobody may take away another's.
        try make("\(folder)/maildrop", mode: 0o1733, for: user)
        try make("\(folder)/corrupt", mode: 0o700, for: user)
    }

    /// Lets others pass through the data directory. They can't list it, and what is in it is closed to them.
    private static func letThrough(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw SystemError("stat \(path)") }
        guard info.st_mode & 0o011 != 0o011 else { return }
        guard fchmod(descriptor, (info.st_mode & 0o7777) | 0o011) == 0 else { throw SystemError("chmod \(path)") }
    }

    private static func make(_ path: String, mode: mode_t, for user: ServerUser?) throws {
        try Privileges.assume(user)
        var isMade = mkdir(path, 0o700) == 0 || errno == EEXIST
        Privileges.resume(user)
        // A folder elsewhere may be root's to make.
        if !isMade { isMade = mkdir(path, 0o700) == 0 || errno == EEXIST }
        let descriptor = isMade ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1
        guard descriptor >= 0 else {
            throw AdminError(
                .cannotCreate, SystemError("make \(path)").description,
                remedy: "make it for the server's user, or correct sendmail.directory, or set sendmail.enabled: false")
        }
        defer { close(descriptor) }
        if let user, fchown(descriptor, user.userID, user.groupID) != 0 { throw SystemError("chown \(path)") }
        guard fchmod(descriptor, mode) == 0 else { throw SystemError("chmod \(path)") }
    }
}
