import Glibc

/// Who the server is once its ports are bound.
package struct ServerUser: Sendable, Equatable {
    package let name: String
    let userID: uid_t
    let groupID: gid_t

    /// Looks a user up by name.
    ///
    /// - Throws: `AdminError` when there is no such user or it is root.
    package init(named name: String) throws {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        let code = getpwnam_r(name, &entry, &buffer, buffer.count, &found)
        guard code == 0, found != nil else {
            throw AdminError(
                .osFile,
                "the user \"\(name)\" of server.user does not exist",
                remedy: "make it with: useradd --system --home /var/lib/martlet --shell /usr/sbin/nologin \(name)"
            )
        }
        guard entry.pw_uid != 0 else {
            throw AdminError(.config, "server.user must not be root", remedy: "name an unprivileged user")
        }
        self.name = name
        userID = entry.pw_uid
        groupID = entry.pw_gid
    }
}

package enum Privileges {
    package static var isRoot: Bool { geteuid() == 0 }

    /// Acts as `user` for a while, so that files made meanwhile are the user's. Does nothing without a user.
    static func assume(_ user: ServerUser?) throws {
        guard let user else { return }
        guard initgroups(user.name, user.groupID) == 0 else { throw SystemError("initgroups") }
        guard setegid(user.groupID) == 0 else { throw SystemError("setegid") }
        guard seteuid(user.userID) == 0 else { throw SystemError("seteuid") }
    }

    /// Ends `assume`.
    static func resume(_ user: ServerUser?) {
        guard user != nil else { return }
        // Both can't fail: the saved ids are still root's.
        _ = seteuid(0)
        _ = setegid(0)
    }

    /// Becomes `user` for good: groups, group, user, in this order, and proves that there is no way back.
    package static func drop(to user: ServerUser) throws {
        guard initgroups(user.name, user.groupID) == 0 else { throw SystemError("initgroups") }
        // As root these set the real, effective and saved ids alike.
        guard setgid(user.groupID) == 0 else { throw SystemError("setgid") }
        guard setuid(user.userID) == 0 else { throw SystemError("setuid") }
        guard setuid(0) != 0, geteuid() == user.userID, getegid() == user.groupID else {
            throw AdminError(.osError, "privileges could not be dropped to \(user.name)")
        }
    }
}
