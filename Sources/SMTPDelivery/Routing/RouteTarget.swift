import MailPolicy
package import MailSyntax

/// One address of a host that may take mail.
package struct RouteTarget: Sendable, Hashable, CustomStringConvertible {
    /// The host's name, or the address itself; the path of a socket.
    package var host: String
    /// nil for a Unix-domain socket.
    package var address: IPAddress?
    /// 0 for a Unix-domain socket.
    package var port: Int
    /// Set by `DeliverySettings.pinned`, not found by a route.
    package var isPinned = false
    /// The place of a route that led here.
    var hop: PlannedHost?

    package init(host: String, address: IPAddress, port: Int) {
        self.host = host
        self.address = address
        self.port = port
    }

    package init(socket path: String) {
        host = path
        port = 0
    }

    /// Such as `mx.example.org[192.0.2.1]`, with the port when it is not 25; `unix:/run/lmtp`.
    package var description: String {
        guard let address else { return "unix:\(host)" }
        return "\(host)[\(address)]\(port == 25 ? "" : ":\(port)")"
    }
}
