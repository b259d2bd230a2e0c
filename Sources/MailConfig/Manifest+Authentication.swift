package import MailSyntax

extension Manifest {
    /// How mail of strangers is checked, and what follows from what is found.
    package struct Authentication: Sendable, Equatable {
        /// What is done about one check.
        package enum Mode: String, Sendable, CaseIterable {
            /// Not made.
            case off
            /// Made and told of; nothing follows.
            case observe
            /// What fails is refused, put off or filed as junk.
            case enforce
        }

        /// What becomes of mail whose author's domain wants failures rejected.
        package enum Rejection: String, Sendable, CaseIterable {
            case reject
            case junk
        }

        /// What becomes of mail that an enforced check can't be finished for.
        package enum TemporaryError: String, Sendable, CaseIterable {
            /// As if nothing had been asked for.
            case accept
            /// 451: the client tries again.
            case `defer`
        }

        /// Who seals mail that is sent on for strangers.
        package enum Sealing: Sendable, Hashable {
            /// The domain that it was for.
            case recipient
            case off
            case domain(DomainName)
        }

        /// The mode of each check.
        package struct Modes: Sendable, Hashable {
            package var spf = Mode.observe
            package var dkim = Mode.observe
            package var arc = Mode.observe
            package var reverse = Mode.observe
            package var dmarc = Mode.enforce
            package var rejection = Rejection.reject

            package init() {}

            /// No check is made.
            package var areOff: Bool { [spf, dkim, arc, reverse, dmarc].allSatisfy { $0 == .off } }

            /// What has to be done of a check: DMARC needs what SPF and DKIM find.
            package var checksSPF: Bool { spf != .off || dmarc != .off }
            package var checksDKIM: Bool { dkim != .off || dmarc != .off }
        }

        /// Other modes for the mail of some domains; the first whose pattern has the author's domain holds.
        package struct DomainRule: Sendable, Hashable {
            package var pattern: AddressPattern
            /// nil: as elsewhere.
            package var spf: Mode?
            package var dkim: Mode?
            package var arc: Mode?
            package var reverse: Mode?
            package var dmarc: Mode?
            package var rejection: Rejection?
            package var origin = ""

            package init(pattern: AddressPattern) {
                self.pattern = pattern
            }
        }

        package var modes = Modes()
        package var temporaryErrors = TemporaryError.accept
        /// How long a message may wait for answers of the DNS after its end.
        package var timeout: Duration = .seconds(5)
        /// Clients whose mail is not checked.
        package var exempt: [IPNetwork] = [IPNetwork("127.0.0.0/8"), IPNetwork("::1")].compactMap(\.self)
        /// Who forwards mail of others, as it is: its failures count for nothing.
        package var forwarders: [Forwarder] = []
        /// Domains whose ARC seals are believed.
        package var sealers: [DomainName] = []
        package var sealing = Sealing.recipient
        package var domains: [DomainRule] = []
    }

    /// Where mail comes from that was forwarded.
    package enum Forwarder: Sendable, Hashable, CustomStringConvertible {
        case network(IPNetwork)
        /// The confirmed name of a client.
        case host(DomainName)
        /// `.example.org`: hosts below it.
        case hosts(below: DomainName)

        package init?(_ text: some StringProtocol) {
            if let network = IPNetwork(text) {
                self = .network(network)
            } else if text.first == "." {
                guard let domain = DomainName(text.dropFirst()) else { return nil }
                self = .hosts(below: domain)
            } else {
                guard let domain = DomainName(text) else { return nil }
                self = .host(domain)
            }
        }

        /// - Parameter name: the client's, if it was confirmed.
        package func matches(_ client: IPAddress, name: DomainName?) -> Bool {
            switch self {
            case .network(let network): network.contains(client)
            case .host(let host): name == host
            case .hosts(let domain): name?.isSubdomain(of: domain) == true
            }
        }

        package var description: String {
            switch self {
            case .network(let network): network.description
            case .host(let host): host.ascii
            case .hosts(let domain): ".\(domain.ascii)"
            }
        }
    }
}
