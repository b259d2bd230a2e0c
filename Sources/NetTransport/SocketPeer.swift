import MailSyntax
import NIOCore

/// Addresses of sockets as the rest of Martlet writes them.
enum SocketPeer {
    /// The address without its zone, and the port; this machine and 0 for a Unix-domain socket.
    ///
    /// - Parameter other: the address of the other end: a client's Unix-domain socket has none of its own.
    static func parts(of address: SocketAddress?, besides other: SocketAddress? = nil) -> (IPAddress?, Int) {
        if case .unixDomainSocket = address ?? other { return (.thisMachine, 0) }
        guard let address, let text = address.ipAddress else { return (nil, 0) }
        let withoutZone = text.split(separator: "%", maxSplits: 1).first.map(String.init) ?? text
        return (IPAddress(withoutZone), address.port ?? 0)
    }
}
