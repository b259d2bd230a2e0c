package import MailSyntax

/// How names are resolved. The default is full recursion from the root with DNSSEC.
package struct ResolverSettings: Sendable, Hashable {
    /// A recursive server to ask instead of the root.
    package struct Forwarder: Sendable, Hashable {
        package var address: IPAddress
        package var port: UInt16

        package init(address: IPAddress, port: UInt16 = 53) {
            self.address = address
            self.port = port
        }
    }

    /// An address that a name has whatever the DNS says.
    package struct StaticHost: Sendable, Hashable {
        package var name: String
        package var address: IPAddress

        package init(name: String, address: IPAddress) {
            self.name = name
            self.address = address
        }
    }

    /// Where trust begins.
    package enum TrustAnchor: Sendable, Hashable {
        /// The root's keys without forwarders; none with forwarders, since a closed network's servers seldom
        /// carry signatures.
        case automatic
        /// No validation: no answer is ever secure.
        case none
        /// The root's key-signing keys, known to the program.
        case root
        /// DS or DNSKEY records in zone-file form.
        case records([String])
        /// A file of DS or DNSKEY records in zone-file form.
        case file(String)
    }

    package var forwarders: [Forwarder]
    /// Takes forwarders from a file such as `/etc/resolv.conf`.
    package var resolvConf: String?
    package var hosts: [StaticHost]
    /// Records in zone-file form that are answered without asking anyone, such as `example.org. MX 10 mx.example.org.`
    package var localData: [String]
    package var trustAnchor: TrustAnchor
    /// The whole time for one question.
    package var timeout: Duration
    /// A question that is not answered for so long is taken to be one that nobody answers.
    package var silence: Duration
    /// How long that is believed: who asks meanwhile gets a timeout at once, unless an answer has come after all.
    /// RFC 2308 §7.2 allows five minutes.
    package var silenceMemory: Duration
    /// Questions handed to the resolver at a time, 1 or more; others wait.
    package var maximumInFlight: Int
    /// Questions that wait; one more fails with ``DNSFailure/overloaded``.
    package var maximumWaiting: Int

    package init(
        forwarders: [Forwarder] = [],
        resolvConf: String? = nil,
        hosts: [StaticHost] = [],
        localData: [String] = [],
        trustAnchor: TrustAnchor = .automatic,
        timeout: Duration = .seconds(20),
        silence: Duration = .seconds(1),
        silenceMemory: Duration = .seconds(30),
        maximumInFlight: Int = 256,
        maximumWaiting: Int = 8192
    ) {
        self.forwarders = forwarders
        self.resolvConf = resolvConf
        self.hosts = hosts
        self.localData = localData
        self.trustAnchor = trustAnchor
        self.timeout = timeout
        self.silence = silence
        self.silenceMemory = min(silenceMemory, .seconds(300))
        self.maximumInFlight = max(1, maximumInFlight)
        self.maximumWaiting = max(1, maximumWaiting)
    }

    /// The root's key-signing keys: KSK-2017 and KSK-2024.
    /// https://data.iana.org/root-anchors/root-anchors.xml
    package static let rootAnchors = [
        ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    ]

    var usesForwarders: Bool { !forwarders.isEmpty || resolvConf != nil }
}

/// A setting that the resolver refused.
package struct ResolverSettingsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was being set, such as `forwarder 192.0.2.1@53`.
    package let setting: String
    package let reason: String

    package var description: String { "DNS resolver: \(setting): \(reason)" }
}
