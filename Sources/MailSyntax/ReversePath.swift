/// The sender of an envelope: an address, or nothing for notifications (RFC 5321 §4.5.5).
package enum ReversePath: Hashable, Sendable, CustomStringConvertible, Codable {
    case null
    case address(EmailAddress)

    /// Reads what `description` writes: empty for null, else an address; angle brackets are allowed.
    package init?(_ text: some StringProtocol) {
        var content = text[...]
        if content.first == "<", content.last == ">", content.count >= 2 { content = content.dropFirst().dropLast() }
        if content.isEmpty {
            self = .null
        } else {
            guard let address = EmailAddress(content) else { return nil }
            self = .address(address)
        }
    }

    /// nil for the null path.
    package var address: EmailAddress? {
        if case .address(let address) = self { return address }
        return nil
    }

    /// Empty for null, else the address.
    package var description: String { address?.description ?? "" }

    /// With angle brackets, as in MAIL FROM and Return-Path.
    package var angled: String { "<\(description)>" }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let path = ReversePath(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a reverse path")
        }
        self = path
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
