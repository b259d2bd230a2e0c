package import Logging
package import MailSyntax
import NIOCore
package import NIOPosix
package import NetTransport

extension HTTPHeadFramer: ConnectionFramer {}

/// Serves the MTA-STS policy of the domains that are hosted here, and nothing else. // RFC 8461 §3.3
///
/// One request a connection: policies are fetched once a day, and a connection that has been answered holds nothing.
package struct PolicyWebServer: Sendable {
    /// The text for a domain; nil where the domain is not ours or publishes none.
    package typealias Policies = @Sendable (DomainName) async -> String?

    private static let path = "/.well-known/mta-sts.txt"
    private static let prefix = "mta-sts."
    /// From the connection to the end of the head, the handshake included.
    private static let patience = Duration.seconds(15)

    private let policies: Policies
    private let now: @Sendable () -> Timestamp
    private let logger: Logger

    package init(
        logger: Logger, now: @escaping @Sendable () -> Timestamp, policies: @escaping Policies
    ) {
        self.logger = logger
        self.now = now
        self.policies = policies
    }

    package func listener(
        _ configuration: ListenerConfiguration, group: MultiThreadedEventLoopGroup,
        makeID: @escaping @Sendable () -> MailID
    ) -> ListenerService<HTTPHeadFramer> {
        ListenerService(
            configuration: configuration, group: group, logger: logger, makeID: makeID,
            makeFramer: { HTTPHeadFramer() }, session: { await serve($0) })
    }

    private func serve(_ connection: Connection<HTTPHeadFramer>) async {
        var events = connection.events()
        var serverName: String?
        try? await connection.send(.totalDeadline(Self.patience))
        while true {
            switch await events.next() {
            case .frame(let head):
                try? await connection.send(.bytes(ByteBuffer(string: await answer(head, serverName))))
                return
            case .tlsEstablished(let tls): serverName = tls.serverName
            case .woken: continue
            case .tlsFailed, .deadlineReached, .shuttingDown, .inputClosed, .closed: return
            }
        }
    }

    /// The whole response.
    ///
    /// - Parameter serverName: what TLS was asked for: the host of a request that names none.
    func answer(_ head: HTTPHead, _ serverName: String? = nil) async -> String {
        switch head {
        case .malformed: return response("400 Bad Request")
        case .tooLarge: return response("431 Request Header Fields Too Large")
        case .otherVersion: return response("505 HTTP Version Not Supported")
        case .request(let request):
            guard request.method == "GET" || request.method == "HEAD" else {
                return response("405 Method Not Allowed", more: ["Allow: GET, HEAD"])  // RFC 9110 §15.5.6
            }
            guard request.path == Self.path, let host = (request.host ?? serverName)?.lowercased(),
                host.hasPrefix(Self.prefix), let domain = DomainName(host.dropFirst(Self.prefix.count)),
                let text = await policies(domain)
            else { return response("404 Not Found") }
            return response("200 OK", text, isHead: request.method == "HEAD")
        }
    }

    private func response(
        _ status: String, _ text: String = "", more: [String] = [], isHead: Bool = false
    ) -> String {
        let fields = [
            "HTTP/1.1 \(status)",
            "Date: \(InternetDate.http(now()))",  // RFC 9110 §6.6.1
            "Content-Type: text/plain; charset=utf-8",  // RFC 8461 §3.2
            "Content-Length: \(text.utf8.count)",
            "Connection: close",  // RFC 9112 §9.6
            "X-Content-Type-Options: nosniff",
        ]
        let head = (fields + more).map { "\($0)\r\n" }.joined() + "\r\n"
        return isHead ? head : head + text  // RFC 9110 §9.3.2
    }
}
