import MailSyntax
import NIOCore

/// Addresses of sockets as the rest of Martlet writes them.
enum SocketPeer {
    /// The address without its zone, and the port; (nil, 0) for a Unix domain socket.
    static func parts(of address: SocketAddress?) -> (IPAddress?, Int) {
        guard let address, let text = address.ipAddress else { return (nil, 0) }
        let withoutZone = text.split(separator: "%", maxSplits: 1).first.map(String.init) ?? text
        return (IPAddress(withoutZone), address.port ?? 0)
    }
}
