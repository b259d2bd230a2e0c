/// What the sender of a message asks of the security of its way. // RFC 8689 §1
package enum TLSDemand: Int64, Sendable, Hashable {
    case none = 0
    /// REQUIRETLS: verified TLS all the way, or a bounce.
    case required = 1
    /// `TLS-Required: No`: it goes whatever the recipient's domain publishes about TLS.
    case optional = 2
}
