import MailSyntax
import NIOCore
import NIOPosix
import NetTransport
import Testing

/// A client that says what it is told and keeps what it hears.
actor IMAPTestClient {
    struct Reply: Sendable {
        /// Untagged responses and continuations, in order.
        var untagged: [String] = []
        /// The tagged response without its tag, or how the connection ended.
        var tagged = ""

        var isOK: Bool { tagged.hasPrefix("OK") }
    }

    nonisolated let connection: Connection<ResponseFramer>
    private var events: ConnectionEvents<String>
    private var count = 0

    init(_ connection: Connection<ResponseFramer>) {
        self.connection = connection
        events = connection.events()
    }

    /// The next response; `(closed)` and the like when there is none.
    func next() async -> String {
        var events = events
        let event = await events.next()
        self.events = events
        return switch event {
        case .frame(let line): line
        case .tlsEstablished: "(tls)"
        case .tlsFailed(let failure): "(\(failure))"
        case .inputClosed, .closed: "(closed)"
        default: "(other)"
        }
    }

    func send(_ text: String) async {
        try? await connection.send(bytes: ByteBuffer(string: text))
    }

    func send(octets: [UInt8]) async {
        try? await connection.send(bytes: ByteBuffer(bytes: octets))
    }

    /// Sends a command with a tag of its own and waits for its end.
    @discardableResult
    func command(_ text: String) async -> Reply {
        count += 1
        let tag = "a\(count)"
        await send("\(tag) \(text)\r\n")
        return await reply(to: tag)
    }

    func reply(to tag: String) async -> Reply {
        var reply = Reply()
        while true {
            let line = await next()
            if line.hasPrefix(tag + " ") {
                reply.tagged = String(line.dropFirst(tag.count + 1))
                return reply
            }
            if line.hasPrefix("(") {
                reply.tagged = line
                return reply
            }
            reply.untagged.append(line)
        }
    }

    /// Logs in as the test server's account.
    func login(_ user: String = "ann@example.org") async {
        let reply = await command("LOGIN \(user) secret")
        #expect(reply.isOK, "\(reply)")
    }

    /// APPEND with a non-synchronising literal.
    @discardableResult
    func append(_ message: String, to mailbox: String = "INBOX", _ arguments: String = "") async -> Reply {
        count += 1
        let tag = "a\(count)"
        let space = arguments.isEmpty ? "" : " \(arguments)"
        await send("\(tag) APPEND \(mailbox)\(space) {\(message.utf8.count)+}\r\n\(message)\r\n")
        return await reply(to: tag)
    }
}

/// A message with a few fields and a body.
func sampleMessage(_ subject: String, body: String = "Hello\r\n") -> String {
    """
    From: Ann <ann@example.org>\r
    To: Bob <bob@example.net>\r
    Subject: \(subject)\r
    Date: Fri, 20 Nov 2026 10:00:00 +0100\r
    Message-ID: <\(subject.filter { $0 != " " })@example.org>\r
    \r
    \(body)
    """
}
