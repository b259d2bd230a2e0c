import MailMessage

enum MailMessageFuzz {
    static let entries = [
        FuzzEntry("message", FuzzEntries.scan),
        FuzzEntry("message-index", FuzzEntries.decodeIndex),
        FuzzEntry("header", FuzzEntries.header),
        FuzzEntry("address-list", FuzzEntries.addresses),
        FuzzEntry("text", FuzzEntries.syntax),
    ]
}
