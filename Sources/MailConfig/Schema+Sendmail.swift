extension Manifest {
    /// The `sendmail` command.
    package struct Sendmail: Sendable, Equatable {
        /// Programs of this host may send by it.
        package var enabled = true
        /// nil is `sendmail` in the data directory: ask `Manifest.sendmailDirectory`.
        package var directory: String?
        /// Users who may name any sender; root always may.
        package var trustedUsers: [String] = []
    }
}

extension Schema {
    static let localMail: [Setting] = [
        Setting(
            "sendmail.enabled", \.sendmail.enabled, .bool, .restart,
            "Whether users of this host may send by `martlet sendmail`. It opens a socket that each of them may connect "
                + "to, and a folder in which each of them may leave mail."
        ),
        Setting(
            "sendmail.directory", \.sendmail.directory, ValueType<String>.path.optional, .restart,
            default: "`sendmail` in the data directory",
            "The folder of that socket (`smtp`) and that folder (`maildrop`). All users must be able to pass through the "
                + "folders above it, and it must last over a restart of the host: not in `/run`."
        ),
        Setting(
            "sendmail.trusted_users", \.sendmail.trustedUsers,
            .list(of: .userName, named: "list of users", example: "www-data"), .live,
            "System users who may send with the address of any account (`sendmail -f`), such as a web server's. Others "
                + "send as themselves, or as addresses that are nobody's here. Root always may."
        ),
    ]
}
