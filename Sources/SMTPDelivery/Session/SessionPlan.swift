package import MailSyntax
package import NetTransport
package import SMTPCore

/// Everything that one connection to a next hop needs to know; made by whoever chose the hop.
package struct SessionPlan: Sendable {
    package enum Kind: Sendable, Hashable {
        case smtp
        /// RFC 2033
        case lmtp
    }

    package var kind: Kind
    package var endpoint: ClientEndpoint
    /// As it stands in replies and logs, such as `mx.example.org[192.0.2.1]`.
    package var host: String
    /// The name in EHLO or LHLO.
    package var heloName: String
    package var security: SessionSecurity
    /// By whose word it is so; nil where nothing but the operator's is asked for.
    package var decision: HostSecurity?
    /// What those who send over this session ask of it; others get a session of their own.
    package var demand = TLSDemand.none
    /// Nothing but the certificate and the host's own offer is missing for what they ask. // RFC 8689 §2
    package var isFitForDemand = true
    /// The host's name alone.
    package var hostName = ""
    /// Offered to this host; nil: no login, whatever it offers.
    package var credentials: ClientCredentials?
    package var timeouts: DeliveryTimeouts
    /// Recipients of one transaction; nil: as many as there are, until the host says that it is enough.
    package var recipientLimit: Int?
    /// Told of everything that is said; nil outside of tests of a route.
    package var observer: SessionObserver?

    package init(
        kind: Kind = .smtp,
        endpoint: ClientEndpoint,
        host: String,
        heloName: String,
        security: SessionSecurity,
        credentials: ClientCredentials? = nil,
        timeouts: DeliveryTimeouts = DeliveryTimeouts(),
        recipientLimit: Int? = nil,
        observer: SessionObserver? = nil
    ) {
        self.kind = kind
        self.endpoint = endpoint
        self.host = host
        self.heloName = heloName
        self.security = security
        self.credentials = credentials
        self.timeouts = timeouts
        self.recipientLimit = recipientLimit
        self.observer = observer
    }
}

/// What happens in a session, in order, for whoever watches. Secrets are not in it.
package enum SessionEvent: Sendable, Hashable {
    case connected
    /// A line without its end; what is secret in it is `…`.
    case said(String)
    case heard(SMTPRemoteReply)
    case tlsEstablished(TLSInfo)
    case tlsFailed(TLSFailure)
    /// A message of so many octets was sent.
    case sentContent(octets: Int)
}

package typealias SessionObserver = @Sendable (SessionEvent) -> Void
