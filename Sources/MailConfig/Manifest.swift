/// The whole configuration of the server half, as plain values.
///
/// Every source (the file, the environment, an import) ends up as one of these, and only this is applied. The initial
/// values written here are the defaults: the schema (`Schema.settings`) reads them through key paths, so that the
/// reference page, `config show` and validation can't disagree with what runs. Durations are `Swift.Duration`, sizes
/// are octets, and an optional size, count or duration that is nil means `unlimited`.
package struct Manifest: Sendable, Equatable {
    package var server = Server()
    package var storage = Storage()
    package var listeners: [Listener] = Listener.standard()
    package var tls = TLS()
    package var limits = Limits()
    package var smtp = SMTP()
    package var mail = Mail()
    package var relay = Relay()
    package var sending = Sending()
    package var devices: [Device] = []
    package var rewrite = Rewrite()
    package var milters: [Milter] = []
    package var bans = Bans()
    package var authentication = Authentication()
    package var logins = Logins()
    package var imap = IMAP()
    package var pop3 = POP3()
    package var queue = Queue()
    package var outbound = Outbound()
    package var mtaSTS = MTASTS()
    package var routing = Routing()
    package var dkim = DKIM()
    package var log = Log()
    package var trace = Trace()
    package var control = Control()
    package var sendmail = Sendmail()
    package var reports = Reports()

    /// All defaults; `server.hostname` is empty and has to be set.
    package init() {}

    /// Where the control socket is: `control.socket`, or `control.sock` in the data directory.
    package var controlSocket: String { control.socket ?? "\(storage.dataDirectory)/control.sock" }

    /// Where programs of this host leave mail: `sendmail.directory`, or `sendmail` in the data directory.
    package var sendmailDirectory: String { sendmail.directory ?? "\(storage.dataDirectory)/sendmail" }

    /// How long the record of a replaced DKIM key stays wanted: `dkim.retire_after`, or 7 days, and never shorter than a
    /// message may wait in the queue.
    package var dkimRetention: Duration {
        dkim.retireAfter ?? max(.seconds(7 * 86400), queue.lifetime, queue.bounceLifetime)
    }

    /// The name said in EHLO when we are the client: `outbound.helo_name`, or the host name.
    package var heloName: String { outbound.heloName ?? server.hostname }
}

extension Manifest {
    /// Who the server is.
    package struct Server: Sendable, Equatable {
        /// The full name of this host, lower-case A-labels; in the banner, `Received` and EHLO.
        package var hostname = ""
        /// The user to become after binding when started as root; nil stays.
        package var user: String?
        /// 0…1023, different on each node that shares a database: a part of every id.
        package var node = 0
        package var dns = DNS()
    }

    /// How names are resolved. Nothing is taken from the host's own resolver.
    package struct DNS: Sendable, Equatable {
        /// Ask these instead of the root servers; empty resolves from the root down.
        package var forwarders: [DNSForwarder] = []
        /// Names answered here, never asked for.
        package var hosts: [StaticHost] = []
        /// A file of DS or DNSKEY records; nil uses the root's keys, or none with forwarders.
        package var trustAnchor: String?

        /// Answers can be proven.
        package var validates: Bool { trustAnchor != nil || forwarders.isEmpty }
    }

    /// A DNS server to ask.
    package struct DNSForwarder: Sendable, Hashable, CustomStringConvertible {
        /// An IPv4 or IPv6 address, without brackets.
        package var address: String
        package var port: Int

        package init(address: String, port: Int = 53) {
            self.address = address
            self.port = port
        }

        /// `address@port`, as it is written in the manifest and as libunbound wants it.
        package var description: String { "\(address)@\(port)" }
    }

    /// A name with fixed addresses.
    package struct StaticHost: Sendable, Hashable {
        /// Lower-case host name.
        package var name: String
        /// At least one IPv4 or IPv6 address.
        package var addresses: [String]

        package init(name: String, addresses: [String]) {
            self.name = name
            self.addresses = addresses
        }
    }

    /// Where mail and state are kept.
    package struct Storage: Sendable, Equatable {
        /// The folder of database, blobs, keys and certificates.
        package var dataDirectory = "/var/lib/martlet"
        /// How long an expunged message can be brought back; zero keeps none.
        package var undelete: Duration = .seconds(7 * 86400)
        /// How long it is remembered which messages were expunged.
        package var expungeRecords: Duration = .seconds(90 * 86400)
        /// Messages of one account; nil is unlimited.
        package var messagesPerAccount: Int?
    }

    /// Certificates.
    package struct TLS: Sendable, Equatable {
        /// The first one is also given to clients that send no server name.
        package var certificates: [Certificate] = []
        /// Make and use a self-signed certificate when `certificates` is empty.
        package var selfSigned = true
        /// How long a TLS handshake may take.
        package var handshakeTimeout: Duration = .seconds(30)
    }

    /// A certificate and its private key, as PEM files.
    package struct Certificate: Sendable, Hashable {
        /// The file of the certificate followed by its intermediates.
        package var chain: String
        /// The file of the private key.
        package var key: String

        package init(chain: String, key: String) {
            self.chain = chain
            self.key = key
        }
    }
}
