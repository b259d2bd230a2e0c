import MailAuth
import MailPolicy
package import MailSyntax

/// What DNSSEC has proven on the way to a host.
struct HostProof: Sendable, Hashable {
    /// MX records without proof have named the host.
    var isMisdirectable = false
    /// The host's addresses came with proof.
    var hasSecureAddresses = false
    /// Where the host's CNAMEs ended.
    var canonicalName: String?
    /// Where the CNAMEs of the domain that mail is for ended.
    var nextHopAlias: String?
}

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
    /// What DNSSEC has proven on the way here.
    var proof = HostProof()
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

    /// For looking for its TLSA records.
    var daneHost: DANEHost {
        DANEHost(
            name: host, port: port, isMisdirectable: proof.isMisdirectable,
            hasSecureAddresses: proof.hasSecureAddresses, canonicalName: proof.canonicalName)
    }

    /// Such as `mx.example.org[192.0.2.1]`, with the port when it is not 25; `unix:/run/lmtp`.
    package var description: String {
        guard let address else { return "unix:\(host)" }
        return "\(host)[\(address)]\(port == 25 ? "" : ":\(port)")"
    }
}
