package import MailSyntax

/// Where this server itself takes mail: what is sent there would come back.
package struct OwnEndpoints: Sendable, Hashable {
    /// Names under which this server is known.
    package var names: Set<DomainName>
    /// The ports of its listeners for mail, with the addresses they are bound to.
    package var ports: [Int: Set<IPAddress>]
    /// Paths of its listeners for LMTP.
    package var sockets: Set<String>

    package init(names: Set<DomainName> = [], ports: [Int: Set<IPAddress>] = [:], sockets: Set<String> = []) {
        self.names = names
        self.ports = ports
        self.sockets = sockets
    }

    /// At another port somebody else answers, such as a relay on this machine.
    func contains(_ address: IPAddress, port: Int) -> Bool { ports[port]?.contains(address) == true }

    /// A host name that MX records give, whatever the port here: a router may turn it.
    func containsExchange(_ host: String) -> Bool { DomainName(host).map(names.contains) ?? false }

    /// A host name of a route.
    func contains(_ host: String, port: Int) -> Bool { ports[port] != nil && containsExchange(host) }
}
