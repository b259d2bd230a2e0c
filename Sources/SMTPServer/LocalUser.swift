import Glibc
import NetTransport

/// The user of this host whose program brings mail by the `sendmail` command.
struct LocalUser: Sendable, Hashable {
    var id: UInt32
    /// nil for a user that has no name.
    var name: String?

    var description: String { "uid=\(id)\(name.map { " (\($0))" } ?? "")" }

    /// Who is at the other end of the socket. The server itself brings what others left in the maildrop, and says in EHLO
    /// whose it is: nobody else has its process number.
    ///
    /// - Parameter helo: such as `uid-1000.maildrop`.
    init?(_ peer: LocalPeer?, helo: String?) {
        guard let peer else { return nil }
        id = peer.userID
        if peer.processID == getpid(), let helo, helo.hasPrefix("uid-"),
            let owner = UInt32(helo.dropFirst(4).prefix { $0 != "." })
        {
            id = owner
        }
    }

    /// The same with its name, which may take a while to look up.
    @concurrent
    func named() async -> LocalUser {
        var user = self
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        if getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name {
            user.name = String(cString: name)
        }
        return user
    }
}
