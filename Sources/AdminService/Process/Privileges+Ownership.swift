import CLinux
import Glibc

/// Giving files to the server's user. Root walks through folders here that belong to that user, who may be in a stranger's
/// hands by now: names are looked up in open folders only, symbolic links are not followed, and each thing is given
/// through a handle on itself, so that nothing elsewhere can be put in its place meanwhile.
extension Privileges {
    /// Gives the data directory to `user`: the tree as a whole when its messages belong to someone else, otherwise what is
    /// beside them, which a command of root may have made.
    ///
    /// - Throws: `SystemError`, or `AdminError` for a file with a second name.
    package static func prepareTree(_ path: String, for user: ServerUser) throws {
        // What others left in the maildrop says by its owner who sends it.
        try giveTree(path, to: user) { name, isOwned in name == "sendmail" || name == "blobs" && isOwned }
    }

    /// Gives a directory and everything in it to `user`.
    package static func giveTree(_ path: String, to user: ServerUser) throws {
        try giveTree(path, to: user) { _, _ in false }
    }

    /// - Parameter skips: by the name of something at the top and whether it is the user's already.
    private static func giveTree(
        _ path: String, to user: ServerUser, except skips: (_ name: String, _ isOwned: Bool) -> Bool
    ) throws {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw SystemError("open \(path)") }
        defer { close(folder) }
        for name in try names(in: folder, path) {
            try give(name, in: folder, "\(path)/\(name)", to: user) { skips(name, $0) }
        }
        guard fchown(folder, user.userID, user.groupID) == 0 else { throw SystemError("chown \(path)") }
    }

    private static func give(
        _ name: String, in folder: Int32, _ path: String, to user: ServerUser, unless skips: (Bool) -> Bool
    ) throws {
        let handle = linux_open_handle(folder, name)
        guard handle >= 0 else {
            if errno == ENOENT { return }  // gone since the folder was read
            throw SystemError("open \(path)")
        }
        defer { close(handle) }
        var info = stat()
        guard fstat(handle, &info) == 0 else { throw SystemError("stat \(path)") }
        let isOwned = info.st_uid == user.userID && info.st_gid == user.groupID
        if skips(isOwned) { return }
        let isFolder = info.st_mode & S_IFMT == S_IFDIR
        if isFolder {
            let inner = openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard inner >= 0 else { throw SystemError("open \(path)") }
            defer { close(inner) }
            for name in try names(in: inner, path) {
                try give(name, in: inner, "\(path)/\(name)", to: user) { _ in false }
            }
        }
        if isOwned { return }
        guard isFolder || info.st_nlink == 1 else {
            throw AdminError(
                .config,
                "\(path) has a second name (a hard link) and is not given to \(user.name)",
                remedy: "copy it in its place, or change its owner yourself"
            )
        }
        guard linux_change_owner(handle, user.userID, user.groupID) == 0 else { throw SystemError("chown \(path)") }
    }

    /// What a folder holds. The descriptor stays open.
    private static func names(in folder: Int32, _ path: String) throws -> [String] {
        let copy = dup(folder)
        guard copy >= 0, let stream = fdopendir(copy) else { throw SystemError("read \(path)") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
