import MailMessage

enum MailMessageFuzz {
    static let entries = [
        FuzzEntry("message", FuzzEntries.scan),
        FuzzEntry("message-index", FuzzEntries.decodeIndex),
        FuzzEntry("header", FuzzEntries.header),
        FuzzEntry("address-list", FuzzEntries.addresses),
        FuzzEntry("header-addresses", FuzzEntries.headerAddresses),
        FuzzEntry("text", FuzzEntries.syntax),
    ]
}
