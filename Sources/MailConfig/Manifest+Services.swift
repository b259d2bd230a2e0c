extension Manifest {
    /// Bounds on what one peer can ask for.
    package struct Limits: Sendable, Equatable {
        /// Octets of one message; nil is unlimited. Announced as SIZE.
        package var messageSize: Int? = 50_000_000
        /// Octets of a message's header.
        package var headerSize = 256 * 1024
        /// Recipients of one transaction.
        package var recipients = 1000
        /// Octets of an SMTP command line with its CRLF.
        package var commandLine = 4096
        /// Octets of a line of message text with its CRLF.
        package var textLine = 1024 * 1024
        /// SMTP commands that do nothing for a message (NOOP, RSET, VRFY, HELP) since the last accepted one.
        package var commands = 100
        /// Refused or broken commands in a session.
        package var errors = 20
        /// Failed logins in a session, of any protocol.
        package var loginFailures = 5
        /// Sessions in all; nil is unlimited.
        package var sessions: Int? = 5000
        /// Sessions from one address; nil is unlimited.
        package var sessionsPerAddress: Int? = 250
        /// `Received` fields in a message before it counts as looping.
        package var receivedHops = 100
        /// How long messages may wait for the time that their senders choose; zero offers nothing.
        package var futureRelease: Duration = .seconds(30 * 86400)
        /// Octets of the messages that one login has waiting for it; nil is unlimited.
        package var futureReleaseStorage: Int? = 100_000_000
    }

    /// SMTP as a server, on MX and submission ports alike.
    package struct SMTP: Sendable, Equatable {
        package var timeouts = SMTPTimeouts()
        /// How long a stranger on an `mx` listener waits for the greeting; zero for not at all.
        package var greetingDelay = Duration.zero
    }

    /// How long an SMTP client may take.
    package struct SMTPTimeouts: Sendable, Equatable {
        /// From our banner to its first command.
        package var greeting: Duration = .seconds(300)
        /// Between commands.
        package var command: Duration = .seconds(300)
        /// Between two pieces of message text.
        package var data: Duration = .seconds(300)
        /// A whole session; nil is unlimited.
        package var total: Duration? = .seconds(3 * 3600)
    }

    /// What holds for addresses and mailboxes.
    package struct Mail: Sendable, Equatable {
        /// The characters that part `user` from `tag`; empty for none.
        package var recipientDelimiter = "+"
    }

    /// IMAP.
    package struct IMAP: Sendable, Equatable {
        /// Before a login.
        package var loginTimeout: Duration = .seconds(180)
        /// Logged in, without a command (IDLE counts as one command).
        package var idleTimeout: Duration = .seconds(1800)
        /// How often a client that idles hears something, so that nothing on the way forgets the connection; nil is never.
        package var idleKeepalive: Duration? = .seconds(240)
        /// What ID answers, as `name=value`.
        package var id = ["name=Martlet"]
        /// Octets of one command, APPEND's message not counted.
        package var commandSize = 256 * 1024
        /// What is done for programs that break on something.
        package var clientWorkarounds: Set<IMAPWorkaround> = [.outlookUIDOnly, .eightBitAppend]
    }

    /// A quirk of IMAP clients that is lived with.
    package enum IMAPWorkaround: String, Sendable, CaseIterable {
        /// Microsoft's cloud, which fetches the mail of Outlook's newer versions and of its apps, enables UIDONLY (RFC 9586) where it is offered, and
        /// then uses message numbers (2025): UIDONLY is not offered.
        case outlookUIDOnly = "outlook-uidonly"
        /// Programs that copy old mail put messages with 8-bit headers, and none enables UTF8=ACCEPT first: they are taken.
        case eightBitAppend = "eight-bit-append"
    }

    /// A quirk of POP3 clients that is lived with.
    package enum POP3Workaround: String, Sendable, CaseIterable {
        /// Outlook hangs on NUL octets in a message: they go out as 0x80.
        case noNULs = "no-nuls"
        /// Outlook Express and Netscape wait for the empty line of a message that is a header alone: it is added.
        case endOfHeader = "end-of-header"
        /// Fetchers that remove what they have fetched never say UTF8: messages with 8-bit headers go to them as they came.
        case rawHeaders = "raw-headers"
    }

    /// POP3.
    package struct POP3: Sendable, Equatable {
        /// Before a login.
        package var loginTimeout: Duration = .seconds(180)
        /// Logged in, without a command.
        package var idleTimeout: Duration = .seconds(600)
        /// One session at a time has an account's maildrop.
        package var exclusive = false
        /// Between logins of an account.
        package var loginDelay: Duration = .zero
        /// What is done for programs that break on something.
        package var clientWorkarounds: Set<POP3Workaround> = [.rawHeaders]
    }

    /// The queue of messages that leave.
    package struct Queue: Sendable, Equatable {
        /// How long a message is tried.
        package var lifetime: Duration = .seconds(5 * 86400)
        /// How long a bounce of ours is tried.
        package var bounceLifetime: Duration = .seconds(86400)
        /// When the sender hears that a message is still being tried; nil is never.
        package var delayReport: Duration? = .seconds(4 * 3600)
        /// Before the second attempt.
        package var minimumBackoff: Duration = .seconds(300)
        /// Between later attempts, at most.
        package var maximumBackoff: Duration = .seconds(4000)
        /// Deliveries at the same time, in all.
        package var concurrency = 50
        /// Deliveries at the same time to one destination.
        package var perDestination = 10
        /// Deliveries at the same time to a destination that has taken nothing yet.
        package var initialPerDestination = 5
        /// How long a destination that is down is left alone at first; twice as long each time it is still down.
        package var deadDestinationWait: Duration = .seconds(60)
        /// From so many recipients elsewhere on a message takes the lane of bulk mail.
        package var bulkRecipients = 50
        /// Accounts' addresses and devices' names whose messages take the lane of bulk mail.
        package var bulkLogins: [String] = []
        /// A bounce carries the whole message up to this many octets, above it the header alone.
        package var bounceMessageSize = 50_000
    }

    /// Logging.
    package struct Log: Sendable, Equatable {
        /// How a log line looks.
        package enum Format: String, Sendable, CaseIterable {
            case text
            case json
        }

        /// The least important level that is written.
        package enum Level: String, Sendable, CaseIterable {
            case trace
            case debug
            case info
            case notice
            case warning
            case error
        }

        package var format = Format.text
        package var level = Level.info
        /// A file for the mail events; nil writes them with the log.
        package var events: String?
    }

    /// The stored history of messages.
    package struct Trace: Sendable, Equatable {
        /// After the message was accepted; nil is for ever.
        package var keep: Duration? = .seconds(30 * 86400)
    }

    /// The control socket.
    package struct Control: Sendable, Equatable {
        /// nil is `control.sock` in the data directory: ask `Manifest.controlSocket`.
        package var socket: String?
        /// Permission bits of the socket.
        package var mode = 0o600
    }
}
