/// Whose addresses a header field holds, as far as rewriting is concerned.
package enum AddressFieldRole: Sendable, Hashable {
    case sender
    case recipient

    /// nil for a field without addresses, and for those that nobody may change, such as `Received`.
    package init?(fieldName: String) {
        guard let role = Self.byName[fieldName.lowercased()] else { return nil }
        self = role
    }

    /// As Postfix sorts them.
    private static let byName: [String: AddressFieldRole] = [
        "from": .sender, "sender": .sender, "reply-to": .sender, "errors-to": .sender, "return-receipt-to": .sender,
        "disposition-notification-to": .sender, "mail-followup-to": .sender, "resent-from": .sender,
        "resent-sender": .sender, "return-path": .sender,
        "to": .recipient, "cc": .recipient, "bcc": .recipient, "apparently-to": .recipient, "resent-to": .recipient,
        "resent-cc": .recipient, "resent-bcc": .recipient, "resent-reply-to": .recipient,
    ]
}
