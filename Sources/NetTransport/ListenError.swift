import Glibc
import MailSyntax
import NIOCore

/// A listening socket could not be opened; says which one, why, and what to do.
package struct ListenError: Error, Sendable, CustomStringConvertible {
    package let listener: String
    package let address: ListenAddress
    private let errorNumber: Int32?
    private let detail: String

    init(listener: String, address: ListenAddress, cause: any Error) {
        self.listener = listener
        self.address = address
        errorNumber = (cause as? IOError)?.errnoCode
        detail = String(describing: cause)
    }

    package var description: String {
        "listener \"\(listener)\" cannot listen on \(address): \(reason)"
    }

    private var reason: String {
        switch errorNumber {
        case EADDRINUSE where address.socket != nil:
            "another program listens on it. Stop it, or give this listener another path"
        case ENOTSOCK:
            "a file that is no socket is in the way. Name a path that is free"
        case ENOENT:
            "its folder is not there. Make it, and let the server's user write there"
        case EACCES where address.socket != nil:
            "permission denied. Let the server's user write into its folder"
        case EADDRINUSE:
            "the port is in use. Stop the program that holds it (`ss -ltnp 'sport = :\(address.port)'` names it) "
                + "or give this listener another port"
        case EACCES, EPERM:
            "permission denied. Ports below 1024 need root or CAP_NET_BIND_SERVICE "
                + "(systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)"
        case EADDRNOTAVAIL:
            "this machine has no such address. Use one that `ip address` shows, or 0.0.0.0 or ::"
        case EAFNOSUPPORT:
            "the address family is switched off on this machine. Remove the address from the listener"
        default:
            detail
        }
    }
}
