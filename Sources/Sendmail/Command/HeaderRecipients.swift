import MailMessage
import MailSyntax

/// The recipients that stand in a header, for `-t`. // RFC 5322 §3.6.3
enum HeaderRecipients {
    /// To, Cc and Bcc; where the message was sent again, those of the last time alone. // RFC 5322 §3.6.6
    static func of(_ header: [UInt8]) -> [String] {
        let block = HeaderBlock(parsing: header)
        let isResent = block.fields.contains { $0.name.lowercased().hasPrefix("resent-") && isRecipients($0.name) }
        let prefix = isResent ? "Resent-" : ""
        var found: [String] = []
        for field in block.fields where ["To", "Cc", "Bcc"].contains(where: { field.isNamed(prefix + $0) }) {
            for address in AddressListParser.parse(field.rawValue, limit: 10_000) {
                guard let mailbox = address.mailbox, !address.isGroupStart else { continue }
                let local = String(decoding: mailbox, as: UTF8.self)
                guard let host = address.host, address.isComplete else {
                    if address.isWithoutDomain { found.append(local) }
                    continue
                }
                let address = EmailAddress(bytes: mailbox + [UInt8(ascii: "@")] + host)
                found.append(address?.description ?? "\(local)@\(String(decoding: host, as: UTF8.self))")
            }
        }
        return found
    }

    private static func isRecipients(_ name: String) -> Bool {
        ["resent-to", "resent-cc", "resent-bcc"].contains(name.lowercased())
    }
}
