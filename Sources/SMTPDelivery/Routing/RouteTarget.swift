package import MailSyntax

/// One address of a host that may take a destination's mail.
package struct RouteTarget: Sendable, Hashable, CustomStringConvertible {
    /// The host's name, or the address itself.
    package var host: String
    package var address: IPAddress
    package var port: Int
    /// Set by `DeliverySettings.pinned`, not found by MX.
    package var isPinned = false

    package init(host: String, address: IPAddress, port: Int) {
        self.host = host
        self.address = address
        self.port = port
    }

    /// Such as `mx.example.org[192.0.2.1]`, with the port when it is not 25.
    package var description: String { "\(host)[\(address)]\(port == 25 ? "" : ":\(port)")" }
}
