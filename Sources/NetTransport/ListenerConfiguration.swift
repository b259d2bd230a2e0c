package import MailSyntax

/// An address and port to listen on, or a Unix-domain socket. Port 0 lets the system choose (tests).
package struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// A Unix-domain socket: whoever may open the file may connect.
    package struct Socket: Sendable, Hashable {
        package var path: String
        /// Permission bits.
        package var mode: Int
        /// User and group that the file is given to; nil leaves it to this process's.
        package var owner: UnixSocketOwner?

        package init(path: String, mode: Int, owner: UnixSocketOwner? = nil) {
            self.path = path
            self.mode = mode
            self.owner = owner
        }
    }

    package var address: IPAddress
    package var port: Int
    /// Instead of address and port. Its clients have the address 127.0.0.1.
    package var socket: Socket?

    package init(address: IPAddress, port: Int) {
        self.address = address
        self.port = port
    }

    package init(_ socket: Socket) {
        self.init(address: .thisMachine, port: 0)
        self.socket = socket
    }

    package var description: String {
        socket.map { "unix:\($0.path)" } ?? (address.isV6 ? "[\(address)]:\(port)" : "\(address):\(port)")
    }
}

/// Whether and when TLS begins on a listener.
package enum ListenerTLS: Sendable {
    case none
    /// Offered by STARTTLS or STLS.
    case startTLS(TLSStore)
    /// From the first octet.
    case implicit(TLSStore)
}

/// Where session tasks run.
package enum SessionExecutor: Sendable {
    /// The process's worker threads, one of them at a time: a session may compute for a while, or read a file.
    case shared
    /// The connection's own event loop: no thread hops, but whatever the session calls must never block or compute long.
    case eventLoop
}

package struct ListenerConfiguration: Sendable {
    /// For logs, errors and ``ConnectionInfo/listener``, such as "submissions".
    package var name: String
    package var addresses: [ListenAddress]
    package var tls: ListenerTLS
    /// How long the peer may take to the first frame or handshake, until the session sets its own deadline.
    package var greetingDeadline: Duration = .seconds(60)
    /// How long a TLS handshake may take; asked for each connection.
    package var handshakeDeadline: @Sendable () -> Duration = { .seconds(30) }
    /// Shared between listeners that share limits.
    package var limiter: ConnectionLimiter
    /// The line sent to a peer over its limit before it is closed, with CRLF; not sent on implicit TLS.
    package var refusal: String
    /// Who has to begin with a PROXY header, which says who the client is.
    package var proxies: [IPNetwork] = []
    /// How long a proxy may take to send that header.
    package var proxyPatience: Duration = .seconds(10)
    /// Who is kept out; asked before anything is said or counted.
    package var bans: BanTable?
    /// The line sent to a client that is kept out, with CRLF; not sent on implicit TLS.
    package var banRefusal = ""
    /// Clients without a limit for each address: those that speak for others.
    package var uncounted: [IPNetwork] = []
    package var executor: SessionExecutor = .shared
    /// What running sessions get to finish at shutdown before their sockets are closed.
    package var drainTime: Duration = .seconds(10)

    package init(
        name: String,
        addresses: [ListenAddress],
        tls: ListenerTLS,
        limiter: ConnectionLimiter,
        refusal: String
    ) {
        self.name = name
        self.addresses = addresses
        self.tls = tls
        self.limiter = limiter
        self.refusal = refusal
    }
}
