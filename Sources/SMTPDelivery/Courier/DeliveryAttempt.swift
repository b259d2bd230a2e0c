package import MailSyntax
package import NetTransport
package import OutboundQueue

/// One attempt for one recipient, for the message's history.
package struct DeliveryAttempt: Sendable, Hashable {
    package enum Result: String, Sendable, Hashable {
        case delivered
        case deferred
        case bounced
        case expired
    }

    package var message: MailID
    package var recipient: EmailAddress
    package var result: Result
    /// `mx` or `smarthost`.
    package var via: String
    /// The host that decided; nil when none was reached.
    package var target: RouteTarget?
    package var tls: TLSInfo?
    package var reply: DeliveryReply
    /// Attempts so far, this one included.
    package var attempts: Int
    package var at: Timestamp
    package var nextAttemptAt: Timestamp?
}
