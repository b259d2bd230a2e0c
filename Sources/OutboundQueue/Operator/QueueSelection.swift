package import MailSyntax

/// An address, a domain or nobody, as an operator means it.
package enum AddressSelector: Sendable, Hashable {
    /// Without regard to case.
    case address(String)
    case domain(DomainName)
    /// The null reverse-path.
    case null

    /// `user@example.org`, `example.org`, `@example.org`, `<>`; nil for anything else.
    package init?(_ text: String) {
        let isDomain = text.hasPrefix("@") || !text.contains("@")
        if text.isEmpty || text == "<>" {
            self = .null
        } else if isDomain {
            guard let domain = DomainName(text.hasPrefix("@") ? String(text.dropFirst()) : text) else { return nil }
            self = .domain(domain)
        } else {
            guard let address = EmailAddress(text) else { return nil }
            self = .address(address.description.lowercased())
        }
    }

    func matches(_ path: ReversePath) -> Bool {
        switch path {
        case .null: self == .null
        case .address(let address): matches(address)
        }
    }

    func matches(_ address: EmailAddress) -> Bool {
        switch self {
        case .null: false
        case .domain(let domain): address.domain == domain
        case .address(let text): address.description.lowercased() == text
        }
    }
}

/// Which recipients of the queue are meant: those that fit everything that is set.
package struct QueueSelection: Sendable, Hashable {
    /// nil: of all messages.
    package var ids: Set<MailID>?
    package var from: AddressSelector?
    package var to: AddressSelector?
    /// The name of a route.
    package var route: String?
    package var isHeld = false
    /// Tried before, without success.
    package var isDeferred = false

    package init() {}

    package func matches(_ message: QueuedMessage, _ recipient: QueuedRecipient) -> Bool {
        (ids?.contains(message.id) ?? true)
            && matches(message.reversePath, recipient.address, route: recipient.pinnedRoute ?? recipient.route)
            && (!isHeld || recipient.held)
            && (!isDeferred || recipient.lastReply != nil && !recipient.held)
    }

    /// Whether who it is from and for, and where it goes, fit.
    func matches(_ sender: ReversePath, _ recipient: EmailAddress, route: String?) -> Bool {
        (from?.matches(sender) ?? true) && (to?.matches(recipient) ?? true) && (self.route.map { $0 == route } ?? true)
    }
}

/// A rule of an operator: what is queued and fits is held until it is released.
package struct HoldRule: Sendable, Hashable, Identifiable {
    package var id: Int64
    package var from: String?
    package var to: String?
    package var route: String?
    package var createdAt: Timestamp
    package var author: String
}

/// What an operator does to recipients.
package enum QueueAction: Sendable, Hashable {
    /// Due now; ends a hold.
    case retry
    case hold
    case release
    case remove
    /// Not before a time; then due.
    case postpone(until: Timestamp)
    /// Takes a route instead of what is found; nil takes what is found. Due now.
    case pin(route: String?)

    /// Something may be due by it.
    var makesDue: Bool {
        switch self {
        case .retry, .release, .postpone, .pin: true
        case .hold, .remove: false
        }
    }
}

/// Recipients that wait for the same reason.
package struct DeferralGroup: Sendable, Hashable {
    package var destination: String
    package var held: Bool
    /// Of one of them; nil when nothing was tried.
    package var reply: DeliveryReply?
    package var recipients: Int
    package var oldest: Timestamp
    package var next: Timestamp?
    /// The site that some of them wait for.
    package var parkedOn: String?
}
