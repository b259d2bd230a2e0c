import MailMessage

enum MailMessageFuzz {
    static let entries = [
        FuzzEntry("message", FuzzEntries.scan),
        FuzzEntry("message-index", FuzzEntries.decodeIndex),
        FuzzEntry("header", FuzzEntries.header),
        FuzzEntry("address-list", FuzzEntries.addresses),
        FuzzEntry("header-addresses", FuzzEntries.headerAddresses),
        FuzzEntry("conversion", conversion),
        FuzzEntry("text", FuzzEntries.syntax),
        FuzzEntry("search-text", FuzzEntries.searchText),
        FuzzEntry("sort-keys", FuzzEntries.sortKeys),
        FuzzEntry("threads", FuzzEntries.threads),
    ]

    /// Converted or refused; what was converted is narrow enough to need nothing more.
    static func conversion(_ bytes: [UInt8]) {
        func convert(_ message: [UInt8], _ path: TransferPath) -> [UInt8]? {
            var out: [UInt8] = []
            let source: TransferConverter.Source = { Array(message[$0.clamped(to: 0..<message.count)]) }
            guard let converter = try? TransferConverter(to: path, size: message.count, source: source),
                (try? converter.write { out += $0 }) != nil
            else { return nil }
            return out
        }
        for path in [TransferPath.sevenBit, .eightBit] {
            guard let once = convert(bytes, path) else { continue }
            precondition(convert(once, path) == once, "what was converted is converted again")
        }
    }
}
