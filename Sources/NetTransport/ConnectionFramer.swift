package import MailSyntax
package import NIOCore

// The shape of a connection, in one place. A server is written like this:
//
//     extension POP3Framer: ConnectionFramer {}            // or a small adapter struct in the server's own target
//
//     let service = ListenerService(
//         configuration: ListenerConfiguration(name: "pop3s", addresses: [...], tls: .implicit(tlsStore), ...),
//         makeFramer: { POP3Framer(limits: ...) },
//         session: { connection in                           // one task a connection; returning closes it gracefully
//             var events = connection.events()               // exactly once
//             try? await connection.send([.deadline(.seconds(600)), .bytes(greeting)])
//             while true {
//                 switch await events.next() {               // never throws; `.closed` is the last, and stays
//                 case .frame(let frame): ...
//                 case .inputClosed: return                  // the peer has half-closed; everything it sent has been seen
//                 case .deadlineReached: try? await connection.send(bytes: ...); return
//                 case .shuttingDown: ...                    // finish what is in hand, say 421/BYE, return
//                 case .woken: ...                           // somebody called connection.wake() (IDLE, NOTIFY)
//                 case .tlsEstablished(let info): ...
//                 case .tlsFailed(let failure): ...
//                 case .closed: return
//                 }
//             }
//         }
//     )
//
// Order: control (`.expect`, `.upgradeTLS`, `.deadline`) travels in the same stream as bytes and takes effect in order.
// One `send` of several items is one flush; put the replies to a batch of pipelined commands into one `send`.
// Back-pressure: the socket is not read while the framer is paused or while more than a few frames wait for the session;
// `send` suspends while the peer reads slowly.

/// Cuts the octets of one direction of a connection into frames; a pure value, owned by the connection's handler.
///
/// A framer pauses itself (``isPaused``) after any frame that may change what follows (DATA, BDAT, AUTH, STARTTLS, a
/// synchronizing literal); nothing more is read from the peer until the session answers with ``Outbound/expect(_:)``.
/// A violation of the grammar of lines (too long, lone LF …) is a frame of its own, never an error.
package protocol ConnectionFramer: Sendable {
    /// What the session sees. Keep each at most 64 KiB: ten of them may wait.
    associatedtype Frame: Sendable
    /// What the session may ask for next, such as a line, data, or `n` octets.
    associatedtype Mode: Sendable

    /// Takes the next frame off the front of `buffer`.
    ///
    /// - Returns: `nil` when more octets are needed or the framer is paused. Octets that are not yet a frame stay in
    ///   `buffer`, or are consumed into the framer's own state; either way they are bounded by the framer's limits.
    mutating func next(_ buffer: inout ByteBuffer) -> Frame?

    /// True from the moment a frame that may change framing was returned until ``expect(_:)``.
    var isPaused: Bool { get }

    /// The session has decided what comes next; ends a pause. Legal at any time.
    mutating func expect(_ mode: Mode)

    /// TLS begins: forget everything and expect the first command of a fresh session.
    mutating func reset()
}

/// What a session receives, in order.
package enum ConnectionEvent<Frame: Sendable>: Sendable {
    case frame(Frame)
    /// The handshake is done, whether implicit or after ``Outbound/upgradeTLS(reply:)``.
    case tlsEstablished(TLSInfo)
    /// No TLS was begun, or the handshake failed. After ``TLSFailure/plaintextAfterUpgrade`` and
    /// ``TLSFailure/unavailable`` the connection still stands in plaintext, so that the session can refuse and return.
    case tlsFailed(TLSFailure)
    /// The named deadline passed; it is off until it is set again.
    case deadlineReached(Deadline)
    /// The server is stopping. The session has the drain time to finish, say so and return.
    case shuttingDown
    /// ``Connection/wake()`` was called, at least once since the last of these.
    case woken
    /// The peer will send no more (half-closed); everything it sent has been delivered. Answers can still be written.
    case inputClosed
    /// The connection is gone. Every later call returns this too.
    case closed
}

/// What a session sends: octets, and control in order with them.
package enum Outbound<Mode: Sendable>: Sendable {
    case bytes(ByteBuffer)
    /// Ends the framer's pause.
    case expect(Mode)
    /// Server side of STARTTLS, in one event-loop tick: when an octet stands after the command nothing is written and
    /// ``TLSFailure/plaintextAfterUpgrade`` comes back; else `reply` is written in plaintext, TLS begins and the framer
    /// is reset.
    case upgradeTLS(reply: ByteBuffer)
    /// Client side of STARTTLS, after the server's positive reply was read.
    case startClientTLS(ClientTLS)
    /// Everything behind `reply`, in both directions, is compressed by DEFLATE; `reply` is not. Octets that stand behind the
    /// command are taken as compressed. Once only. // RFC 4978 §3
    case startCompression(reply: ByteBuffer)
    /// How long the peer may be silent: counted from now, from each frame and from each write, whichever is last.
    /// `nil` switches it off.
    case deadline(Duration?)
    /// A second deadline that nothing extends: for a whole phase (before login, one message's data). `nil` ends it.
    case totalDeadline(Duration?)
}

package enum Deadline: Sendable, Hashable {
    case idle
    case total
}

/// Why TLS did not come about.
package enum TLSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// Octets followed STARTTLS in plaintext: command injection, or a client that doesn't wait. // RFC 3207 §6
    case plaintextAfterUpgrade
    /// No certificate is configured, TLS is already on, or the peer sends no more.
    case unavailable
    /// The handshake went wrong; the text is for the log.
    case handshake(String)
    /// We don't trust the server; `chain` is what it has shown, DER, its own certificate first.
    case untrusted(reason: String, problem: CertificateProblem, chain: [[UInt8]])

    package var description: String {
        switch self {
        case .untrusted(let reason, _, _): reason
        case .plaintextAfterUpgrade: "plaintext after STARTTLS"
        case .unavailable: "TLS is not available"
        case .handshake(let reason): "TLS handshake failed: \(reason)"
        }
    }
}

/// What is known of an established TLS session.
package struct TLSInfo: Sendable, Hashable {
    /// "TLSv1.2" or "TLSv1.3".
    package var version: String
    /// The suite's usual OpenSSL name, such as "TLS_AES_256_GCM_SHA384"; "unknown" when it was not seen.
    package var cipher: String
    /// Secret bits of the cipher, 0 when unknown.
    package var bits: Int
    /// The server name asked for, when known.
    package var serverName: String?
    /// The server, as a client has seen it; nil on the server's side.
    package var peer: TLSPeer?
    /// The digest of the certificate that this server has shown, by which both ends know the connection; nil on a client's
    /// side, and where the certificate defines none. RFC 5929 §4.1
    package var endPoint: [UInt8]?

    package init(
        version: String, cipher: String, bits: Int, serverName: String? = nil, peer: TLSPeer? = nil,
        endPoint: [UInt8]? = nil
    ) {
        self.endPoint = endPoint
        self.peer = peer
        self.version = version
        self.cipher = cipher
        self.bits = bits
        self.serverName = serverName
    }
}

/// Who is at the other end, and where it came in.
package struct ConnectionInfo: Sendable, Hashable {
    /// The session's id, in every log line.
    package var id: MailID
    package var remote: IPAddress
    package var remotePort: Int
    package var local: IPAddress
    package var localPort: Int
    /// The proxy that made the connection for `remote`.
    package var proxy: IPAddress?
    /// The name of the listener; empty on the client side.
    package var listener: String
    /// TLS from the first octet: the session gets ``ConnectionEvent/tlsEstablished(_:)`` or `.tlsFailed` first.
    package var hasImplicitTLS: Bool
    /// Who connected to a Unix-domain socket, as the kernel knows it; nil for TCP.
    package var localPeer: LocalPeer?

    package init(
        id: MailID,
        remote: IPAddress,
        remotePort: Int,
        local: IPAddress,
        localPort: Int,
        listener: String,
        hasImplicitTLS: Bool
    ) {
        self.id = id
        self.remote = remote
        self.remotePort = remotePort
        self.local = local
        self.localPort = localPort
        self.listener = listener
        self.hasImplicitTLS = hasImplicitTLS
    }
}

extension ConnectionInfo {
    /// The same for the client that a proxy names.
    func made(for client: ProxyHeader.Client) -> ConnectionInfo {
        var info = self
        info.proxy = remote
        info.remote = client.source.address
        info.remotePort = client.source.port
        info.local = client.destination.address
        info.localPort = client.destination.port
        return info
    }
}
